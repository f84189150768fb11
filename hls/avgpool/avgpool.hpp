// Sum of each tile of an image; see tile_reduce.hpp for the layout.
//
// The first form gives the sums, of TSUM inside; the second gives BASE + step * (number of thresholds[channel]
// reached), step 2 for a bipolar TO. CHANNELS is CF * PE, or 1 where all channels have the same thresholds.
#pragma once

#include "tile_reduce.hpp"

namespace levada {

// Every sum of one frame, in order, handed to emit(cf, sums).
template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class TX, class TSUM, class EMIT>
void avgpool_sums(hls::stream<vec<TX, TILES * TAPS * PE>>& s_axis, EMIT emit) {
  tile_reduce<ROWS, KH, WF, KF, CF, TILES, TAPS, PE, TX, TSUM>(
      s_axis, 0, [](calc_t<TSUM> sum, calc_t<TSUM> pixel) { return sum + pixel; }, emit);
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
          y[lane] = activated<TO, BASE>(sums[lane], thresholds[CHANNELS == 1 ? 0 : cf * PE + lane % PE]);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
