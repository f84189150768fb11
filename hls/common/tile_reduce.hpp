// Reduces each tile of an image to one pixel, the tiles side by side: ROWS rows of tiles, each KH pixels high.
//
// A step takes PE channels of TAPS*TILES pixels, a part of one tile's row (TILES = 1) or the whole of it for
// TILES tiles; CF folds of the channels, KF parts of a tile's row, WF places along the image's row.
// II = 1, ROWS * KH * WF * KF * CF cycles.
#pragma once

#include "levada.hpp"

namespace levada {

// Every result of one frame, in order, handed to emit(cf, results). A tile starts with `first`, and each of its
// pixels is merged by merge(result, pixel).
template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class TX, class TY, class MERGE, class EMIT>
void tile_reduce(hls::stream<vec<TX, TILES * TAPS * PE>>& s_axis, calc_t<TY> first, MERGE merge, EMIT emit) {
  static_assert(TILES == 1 || KF == 1, "several tiles a step are whole rows of them");
  static_assert((TILES == 1 && TAPS == 1) || CF == 1, "several pixels a step take all their channels");
  constexpr unsigned LANES = TILES * PE;
  calc_t<TY> results[WF * CF][LANES];
#pragma HLS array_partition variable = results complete dim = 2
  // What a step goes on with is at least two steps old, or that of the step before, which `last` holds.
#pragma HLS dependence variable = results inter false
  calc_t<TY> last[LANES];
#pragma HLS array_partition variable = last complete
  unsigned cf = 0, kf = 0, wf = 0, kh = 0;
  for (unsigned step = 0; step < ROWS * KH * WF * KF * CF; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, TILES * TAPS * PE> x = s_axis.read();
    const bool begins = kf == 0 && kh == 0;
    const bool chained = CF == 1 && (kf > 0 || WF == 1);
    for (unsigned lane = 0; lane < LANES; ++lane) {
#pragma HLS unroll
      calc_t<TY> result = begins ? first : chained ? last[lane] : results[wf * CF + cf][lane];
      for (unsigned tap = 0; tap < TAPS; ++tap) {
#pragma HLS unroll
        result = merge(result, calc_t<TY>(x[(lane / PE * TAPS + tap) * PE + lane % PE]));
      }
      last[lane] = result;
      results[wf * CF + cf][lane] = result;
    }
    if (kf == KF - 1 && kh == KH - 1) emit(cf, last);
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
