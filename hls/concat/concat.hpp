// Concat: RUNS times A_BEATS beats of the first input and B_BEATS of the second, PE elements each; II = 1,
// RUNS * (A_BEATS + B_BEATS) cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned RUNS, unsigned A_BEATS, unsigned B_BEATS, unsigned PE, class TA, class TB, class TO>
void concat(hls::stream<vec<TA, PE>>& s_axis, hls::stream<vec<TB, PE>>& s_axis1,
            hls::stream<vec<TO, PE>>& m_axis) {
  static_assert(A_BEATS > 0 && B_BEATS > 0, "both inputs must have elements");
  unsigned beat = 0;
  for (unsigned step = 0; step < RUNS * (A_BEATS + B_BEATS); ++step) {
#pragma HLS pipeline II = 1
    vec<TO, PE> y;
    if (beat < A_BEATS) {
      const vec<TA, PE> a = s_axis.read();
      for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
        y[pe] = TO(calc_t<TO>(a[pe]));
      }
    } else {
      const vec<TB, PE> b = s_axis1.read();
      for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
        y[pe] = TO(calc_t<TO>(b[pe]));
      }
    }
    m_axis.write(y);
    if (++beat == A_BEATS + B_BEATS) beat = 0;
  }
}

}  // namespace levada
