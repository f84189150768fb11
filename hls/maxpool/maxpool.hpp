// Largest value of each tile of an image, the tiles side by side: ROWS rows of tiles, each KH pixels high.
//
// A step takes PE channels of TAPS*TILES pixels, a part of one tile's row (TILES = 1) or the whole of it for
// TILES tiles; CF folds of the channels, KF parts of a tile's row, WF places along the image's row.
// II = 1, ROWS * KH * WF * KF * CF cycles. LEAST is the smallest value of T.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class T, int LEAST>
void maxpool(hls::stream<vec<T, TILES * TAPS * PE>>& s_axis, hls::stream<vec<T, TILES * PE>>& m_axis) {
  static_assert(TILES == 1 || KF == 1, "several tiles a step are whole rows of them");
  static_assert((TILES == 1 && TAPS == 1) || CF == 1, "several pixels a step take all their channels");
  constexpr unsigned LANES = TILES * PE;
  calc_t<T> largest[WF * CF][LANES];
#pragma HLS array_partition variable = largest complete dim = 2
  // What a step goes on with is at least two steps old, or that of the step before, which `last` holds.
#pragma HLS dependence variable = largest inter false
  calc_t<T> last[LANES];
#pragma HLS array_partition variable = last complete
  unsigned cf = 0, kf = 0, wf = 0, kh = 0;
  for (unsigned step = 0; step < ROWS * KH * WF * KF * CF; ++step) {
#pragma HLS pipeline II = 1
    const vec<T, TILES * TAPS * PE> x = s_axis.read();
    const bool first = kf == 0 && kh == 0;
    const bool chained = CF == 1 && (kf > 0 || WF == 1);
    vec<T, LANES> y;
    for (unsigned lane = 0; lane < LANES; ++lane) {
#pragma HLS unroll
      calc_t<T> value = first ? calc_t<T>(LEAST) : chained ? last[lane] : largest[wf * CF + cf][lane];
      for (unsigned tap = 0; tap < TAPS; ++tap) {
#pragma HLS unroll
        const calc_t<T> pixel = x[(lane / PE * TAPS + tap) * PE + lane % PE];
        if (pixel > value) value = pixel;
      }
      last[lane] = value;
      largest[wf * CF + cf][lane] = value;
      y[lane] = T(value);
    }
    if (kf == KF - 1 && kh == KH - 1) m_axis.write(y);
    if (++cf == CF) {
      cf = 0;
      if (++kf == KF) {
        kf = 0;
        if (++wf == WF) {
          wf = 0;
          if (++kh == KH) kh = 0;
        }
      }
    }
  }
}

}  // namespace levada
