// Sum of each tile of an image, the tiles side by side: ROWS rows of tiles, each KH pixels high.
//
// A step takes PE channels of TAPS*TILES pixels, a part of one tile's row (TILES = 1) or the whole of it for
// TILES tiles; CF folds of the channels, KF parts of a tile's row, WF places along the image's row.
// II = 1, ROWS * KH * WF * KF * CF cycles. The first form gives the sums, of TSUM inside; the second gives
// BASE + step * (number of thresholds[channel] reached), step 2 for a bipolar TO. CHANNELS is CF * PE, or 1
// where all channels have the same thresholds.
#pragma once

#include "levada.hpp"

namespace levada {

// Every sum of one frame, in order, handed to emit(cf, sums).
template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class TX, class TSUM, class EMIT>
void avgpool_sums(hls::stream<vec<TX, TILES * TAPS * PE>>& s_axis, EMIT emit) {
  static_assert(TILES == 1 || KF == 1, "several tiles a step are whole rows of them");
  static_assert((TILES == 1 && TAPS == 1) || CF == 1, "several pixels a step take all their channels");
  constexpr unsigned LANES = TILES * PE;
  calc_t<TSUM> sums[WF * CF][LANES];
#pragma HLS array_partition variable = sums complete dim = 2
  // What a step goes on with is at least two steps old, or that of the step before, which `last` holds.
#pragma HLS dependence variable = sums inter false
  calc_t<TSUM> last[LANES];
#pragma HLS array_partition variable = last complete
  unsigned cf = 0, kf = 0, wf = 0, kh = 0;
  for (unsigned step = 0; step < ROWS * KH * WF * KF * CF; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, TILES * TAPS * PE> x = s_axis.read();
    const bool first = kf == 0 && kh == 0;
    const bool chained = CF == 1 && (kf > 0 || WF == 1);
    for (unsigned lane = 0; lane < LANES; ++lane) {
#pragma HLS unroll
      calc_t<TSUM> sum = first ? calc_t<TSUM>(0) : chained ? last[lane] : sums[wf * CF + cf][lane];
      for (unsigned tap = 0; tap < TAPS; ++tap) {
#pragma HLS unroll
        sum += calc_t<TSUM>(x[(lane / PE * TAPS + tap) * PE + lane % PE]);
      }
      last[lane] = sum;
      sums[wf * CF + cf][lane] = sum;
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

template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class TX, class TSUM, class TO>
void avgpool(hls::stream<vec<TX, TILES * TAPS * PE>>& s_axis, hls::stream<vec<TO, TILES * PE>>& m_axis) {
  avgpool_sums<ROWS, KH, WF, KF, CF, TILES, TAPS, PE, TX, TSUM>(
      s_axis, [&m_axis](unsigned, const calc_t<TSUM>(&sums)[TILES* PE]) {
        vec<TO, TILES * PE> y;
        for (unsigned lane = 0; lane < TILES * PE; ++lane) {
#pragma HLS unroll
          y[lane] = TO(sums[lane]);
        }
        m_axis.write(y);
      });
}

template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class TX, class TSUM, class TO, unsigned CHANNELS, unsigned LEVELS, int BASE, class TT>
void avgpool(hls::stream<vec<TX, TILES * TAPS * PE>>& s_axis, hls::stream<vec<TO, TILES * PE>>& m_axis,
             const TT (&thresholds)[CHANNELS][LEVELS]) {
  static_assert(CHANNELS == 1 || CHANNELS == CF * PE, "one row of thresholds a channel, or one for all");
  avgpool_sums<ROWS, KH, WF, KF, CF, TILES, TAPS, PE, TX, TSUM>(
      s_axis, [&m_axis, &thresholds](unsigned cf, const calc_t<TSUM>(&sums)[TILES* PE]) {
        vec<TO, TILES * PE> y;
        for (unsigned lane = 0; lane < TILES * PE; ++lane) {
#pragma HLS unroll
          int reached = 0;
          for (unsigned level = 0; level < LEVELS; ++level) {
#pragma HLS unroll
            reached += sums[lane] >= thresholds[CHANNELS == 1 ? 0 : cf * PE + lane % PE][level];
          }
          y[lane] = TO(BASE + traits<TO>::step * reached);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
