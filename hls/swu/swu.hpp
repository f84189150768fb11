// Sliding window unit: the OH x OW windows of an H x W x C image, one after the other.
//
//   y[oh][ow][i][k][c] = x[oh*SH - TOP + i*DH][ow*SW - LEFT + k*DW][c], or FILL outside the image
//
// With OUT <= C both beats are IN = OUT channels of a pixel; else a beat is OUT / (KH*KW*C) windows out and as
// many pixels in. II = 1 in either form; swu_serial.sv and swu_parallel.sv tell the cycles of a frame.
#pragma once

#include "levada.hpp"

namespace levada {

// One beat of a pixel a cycle, through a circular buffer of DEPTH pixels: a step takes a beat while there is
// room, and gives one once the last pixel of its window is there.
template <unsigned H, unsigned W, unsigned C, unsigned OH, unsigned OW, unsigned KH, unsigned KW, unsigned SH,
          unsigned SW, unsigned DH, unsigned DW, unsigned TOP, unsigned LEFT, unsigned SIMD, unsigned DEPTH,
          int FILL, class T>
void swu_serial(hls::stream<vec<T, SIMD>>& s_axis, hls::stream<vec<T, SIMD>>& m_axis) {
  static_assert(C % SIMD == 0, "SIMD must divide C");
  constexpr int CF = C / SIMD;
  constexpr int ROW = int(W);
  constexpr int LAST_ROW = int(H) - 1;
  // Windows free pixels in whole strides, while they begin inside the image.
  constexpr int FIRST_OH = (TOP + SH - 1) / SH;
  constexpr int FIRST_OW = (LEFT + SW - 1) / SW;
  constexpr int END_OH = FIRST_OH + H / SH;
  constexpr int END_OW = FIRST_OW + W / SW;

  vec<T, SIMD> pixels[DEPTH][CF];
  int taken = 0, beat = 0, slot = 0;
  int oh = 0, ow = 0, kh = 0, kw = 0, fold = 0;
  while (oh < int(OH) || taken < int(H * W)) {
#pragma HLS pipeline II = 1
    const bool done = oh == int(OH);
    const int bottom = oh * int(SH) - int(TOP) + int((KH - 1) * DH);
    const int right = ow * int(SW) - int(LEFT) + int((KW - 1) * DW);
    const int last_row = bottom < LAST_ROW ? bottom : LAST_ROW;
    const int last_column = right < -1 ? -1 : right < ROW ? right : ROW - 1;
    const int need = bottom < 0 ? 0 : last_row * ROW + last_column + 1;

    const int rows = oh < FIRST_OH ? 0 : (oh < END_OH ? oh : END_OH) - FIRST_OH;
    const int columns = ow < FIRST_OW ? 0 : (ow < END_OW ? ow : END_OW) - FIRST_OW;
    const bool frees = oh >= FIRST_OH && oh < END_OH;
    const int base = rows * int(SH) * ROW + (frees ? columns * int(SW) : 0);

    const bool gives = !done && taken >= need;
    const bool takes = taken < int(H * W) && (done || taken < base + int(DEPTH));
    if (gives) {
      const int y = oh * int(SH) - int(TOP) + kh * int(DH);
      const int x = ow * int(SW) - int(LEFT) + kw * int(DW);
      vec<T, SIMD> tap;
      for (unsigned i = 0; i < SIMD; ++i) {
#pragma HLS unroll
        tap[i] = T(FILL);
      }
      if (y >= 0 && y < int(H) && x >= 0 && x < ROW) tap = pixels[(y * ROW + x) % int(DEPTH)][fold];
      m_axis.write(tap);
      if (++fold == CF) {
        fold = 0;
        if (++kw == int(KW)) {
          kw = 0;
          if (++kh == int(KH)) {
            kh = 0;
            if (++ow == int(OW)) {
              ow = 0;
              ++oh;
            }
          }
        }
      }
    }
    if (takes) {
      pixels[slot][beat] = s_axis.read();
      if (++beat == CF) {
        beat = 0;
        ++taken;
        if (++slot == int(DEPTH)) slot = 0;
      }
    }
  }
}

// MMV pixels and windows a cycle. Steps walk over rows of GAP steps of padding and W / MMV of pixels; the gap
// is the padding before its row and behind the one above. Rows of padding below the image take no pixels, those
// above it are not walked.
template <unsigned H, unsigned W, unsigned C, unsigned OH, unsigned OW, unsigned KH, unsigned KW, unsigned SH,
          unsigned SW, unsigned DH, unsigned DW, unsigned TOP, unsigned LEFT, unsigned MMV, int FILL, class T>
void swu_parallel(hls::stream<vec<T, MMV * C>>& s_axis, hls::stream<vec<T, MMV * KH * KW * C>>& m_axis) {
  static_assert(W % MMV == 0, "MMV must divide W");
  static_assert(OW % MMV == 0, "MMV must divide OW");
  constexpr int M = int(MMV);
  constexpr int HEIGHT = int(H);
  constexpr int STEPS = int(W / MMV);
  constexpr int EW = int((KW - 1) * DW) + 1;
  // Columns of the first and last group of windows in a row end here; so do rows of windows.
  constexpr int TOP_END = int((KH - 1) * DH) - int(TOP);
  constexpr int BOTTOM_END = TOP_END + int((OH - 1) * SH);
  constexpr int LEFT_END = (M - 1) * int(SW) + EW - 1 - int(LEFT);
  constexpr int RIGHT_END = LEFT_END + (int(OW) - M) * int(SW);
  // The gap holds the padding of either side, and a step of its own for every group of two rows.
  constexpr int BESIDE = RIGHT_END - int(W) + 1 > int(LEFT) ? RIGHT_END - int(W) + 1 : int(LEFT);
  constexpr int SPREAD = (RIGHT_END - LEFT_END + M + int(SH) - 1) / int(SH) - int(W);
  constexpr int GAP = ((BESIDE > SPREAD ? BESIDE : SPREAD) + M - 1) / M;
  // Behind the last row comes one more gap, in which the windows at the right border may end.
  constexpr int LAST_ROW = BOTTOM_END > HEIGHT - 1 ? BOTTOM_END : HEIGHT - 1;
  constexpr int FIRST_GROUP = (LEFT_END + GAP * M) / M;
  constexpr int AHEAD = M - 1 - (LEFT_END + GAP * M) % M;
  constexpr int SPAN = (M - 1) * int(SW) + EW + AHEAD;
  constexpr int KEPT = SPAN > M ? SPAN - M : 0;
  constexpr int ROWS = KH > 1 ? int(KH) - 1 : 1;
  constexpr int WORDS = int(DH) * STEPS;
  constexpr int TURN = int(SH) * (GAP + STEPS) - int((OW / MMV - 1) * SW);

  vec<T, MMV * C> rows[ROWS][WORDS];
  T columns[KEPT + M][KH][C];
#pragma HLS array_partition variable = rows complete dim = 1
#pragma HLS array_partition variable = columns complete
  int word = 0, group = 0, given = 0;
  int wait = TOP_END * (GAP + STEPS) + FIRST_GROUP;
  int row = 0, step = 0;
  while (row <= LAST_ROW || given < int(OH)) {
#pragma HLS pipeline II = 1
    for (int j = 0; j < KEPT; ++j) {
#pragma HLS unroll
      for (unsigned i = 0; i < KH; ++i) {
#pragma HLS unroll
        for (unsigned c = 0; c < C; ++c) columns[j][i][c] = columns[j + M][i][c];
      }
    }
    const bool pixels = step >= GAP;
    vec<T, MMV * C> newest = {};
    if (pixels && row < HEIGHT) newest = s_axis.read();
    for (int i = int(KH) - 1; i >= 0; --i) {
#pragma HLS unroll
      const int above = (int(KH) - 1 - i) * int(DH);
      const bool inside = pixels && row >= above && row < HEIGHT + above;
      for (unsigned e = 0; e < MMV * C; ++e) {
#pragma HLS unroll
        columns[KEPT + int(e / C)][i][e % C] = inside ? newest[e] : T(FILL);
      }
      // Each row hands its oldest word to the one above.
      if (pixels && i > 0) {
        const vec<T, MMV * C> oldest = rows[i - 1][word];
        rows[i - 1][word] = newest;
        newest = oldest;
      }
    }
    if (pixels && ++word == WORDS) word = 0;
    if (wait == 0 && given < int(OH)) {
      vec<T, MMV * KH * KW * C> y;
      for (unsigned e = 0; e < MMV * KH * KW * C; ++e) {
#pragma HLS unroll
        const unsigned c = e % C, k = e / C % KW, i = e / (C * KW) % KH, w = e / (C * KW * KH);
        y[e] = columns[KEPT + M - SPAN + int(w * SW + k * DW)][i][c];
      }
      m_axis.write(y);
      wait = int(SW);
      if (++group == int(OW / MMV)) {
        group = 0;
        ++given;
        wait = TURN;
      }
    }
    --wait;
    if (++step == GAP + STEPS) {
      step = 0;
      ++row;
    }
  }
}

template <unsigned H, unsigned W, unsigned C, unsigned OH, unsigned OW, unsigned KH, unsigned KW, unsigned SH,
          unsigned SW, unsigned DH, unsigned DW, unsigned TOP, unsigned LEFT, unsigned IN, unsigned OUT,
          unsigned DEPTH, int FILL, class T>
void swu(hls::stream<vec<T, IN>>& s_axis, hls::stream<vec<T, OUT>>& m_axis) {
  if constexpr (OUT <= C) {
    swu_serial<H, W, C, OH, OW, KH, KW, SH, SW, DH, DW, TOP, LEFT, IN, DEPTH, FILL, T>(s_axis, m_axis);
  } else {
    swu_parallel<H, W, C, OH, OW, KH, KW, SH, SW, DH, DW, TOP, LEFT, IN / C, FILL, T>(s_axis, m_axis);
  }
}

}  // namespace levada
