// Add: the sum of two tensors of PIXELS pixels, PE channels a cycle, II = 1, PIXELS * CHANNELS / PE cycles.
//
// The first form gives the sums; the second gives BASE + step * (number of thresholds[channel] reached), step
// 2 for a bipolar TO. ROWS is CHANNELS, or 1 where all channels have the same thresholds.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, class TA, class TB, class TSUM, class TO>
void add(hls::stream<vec<TA, PE>>& s_axis, hls::stream<vec<TB, PE>>& s_axis1,
         hls::stream<vec<TO, PE>>& m_axis) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  for (unsigned step = 0; step < PIXELS * (CHANNELS / PE); ++step) {
#pragma HLS pipeline II = 1
    const vec<TA, PE> a = s_axis.read();
    const vec<TB, PE> b = s_axis1.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      y[pe] = TO(calc_t<TSUM>(a[pe]) + calc_t<TSUM>(b[pe]));
    }
    m_axis.write(y);
  }
}

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, class TA, class TB, class TSUM, class TO,
          unsigned ROWS, unsigned LEVELS, int BASE, class TT>
void add(hls::stream<vec<TA, PE>>& s_axis, hls::stream<vec<TB, PE>>& s_axis1,
         hls::stream<vec<TO, PE>>& m_axis, const TT (&thresholds)[ROWS][LEVELS]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(ROWS == 1 || ROWS == CHANNELS, "one row of thresholds for all channels, or one for each");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TA, PE> a = s_axis.read();
    const vec<TB, PE> b = s_axis1.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      const calc_t<TSUM> sum = calc_t<TSUM>(a[pe]) + calc_t<TSUM>(b[pe]);
      y[pe] = activated<TO, BASE>(sum, thresholds[ROWS == 1 ? 0 : fold * PE + pe]);
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

}  // namespace levada
