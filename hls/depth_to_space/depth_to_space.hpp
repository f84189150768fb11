// DepthToSpace: y[i*BLOCK + p][j*BLOCK + q][c] = x[i][j][(p*BLOCK + q)*C + c] for HEIGHT x WIDTH pixels of
// BLOCK rows of ROW = BLOCK * C elements, PE of them a beat.
//
// The output is DELAY beats late, so that a beat is kept before it is asked for, and is kept in a ring of
// DEPTH beats, as in the RTL; here it is SLACK beats later, so that the pipeline may write what it keeps that
// many cycles after it was read. II = 1, HEIGHT * WIDTH * BLOCK * K + DELAY cycles, K = ROW / PE.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned HEIGHT, unsigned WIDTH, unsigned BLOCK, unsigned ROW, unsigned PE, class T>
void depth_to_space(hls::stream<vec<T, PE>>& s_axis, hls::stream<vec<T, PE>>& m_axis) {
  static_assert(ROW % PE == 0 && ROW % BLOCK == 0, "PE and BLOCK must divide ROW");
  constexpr unsigned K = ROW / PE;
  constexpr unsigned BEATS = HEIGHT * WIDTH * BLOCK * K;
  constexpr unsigned SLACK = 4;
  constexpr unsigned DELAY = (WIDTH - 1) * (BLOCK - 1) * K + SLACK;
  constexpr unsigned DEPTH = 2 * DELAY;
  // From a beat of the output to the next, on the ring: to the next pixel, and back to the first pixel's next row.
  constexpr unsigned TO_PIXEL = (BLOCK - 1) * K + 1;
  constexpr unsigned ROUND = (WIDTH - 1) * BLOCK * K;
  constexpr unsigned TO_ROW = (DEPTH * (ROUND / DEPTH + 1) + 1 - ROUND) % DEPTH;
  vec<T, PE> kept[DEPTH];
#pragma HLS dependence variable = kept type = inter direction = RAW distance = SLACK true
  unsigned write = 0;
  unsigned read = 0;
  unsigned beat = 0;
  unsigned column = 0;
  unsigned place = 0;
  for (unsigned step = 0; step < BEATS + DELAY; ++step) {
#pragma HLS pipeline II = 1
    if (step >= DELAY) {
      m_axis.write(kept[read]);
      unsigned stride = 1;
      if (++beat == K) {
        beat = 0;
        if (++column == WIDTH) {
          column = 0;
          if (++place == BLOCK) {
            place = 0;
          } else {
            stride = TO_ROW;
          }
        } else {
          stride = TO_PIXEL;
        }
      }
      read += stride;
      if (read >= DEPTH) read -= DEPTH;
    }
    if (step < BEATS) {
      kept[write] = s_axis.read();
      if (++write == DEPTH) write = 0;
    }
  }
}

}  // namespace levada
