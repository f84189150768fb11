// Split: RUNS times FIRST beats to the first output and REST to the second, PE elements each; II = 1,
// RUNS * (FIRST + REST) cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned RUNS, unsigned FIRST, unsigned REST, unsigned PE, class T>
void split(hls::stream<vec<T, PE>>& s_axis, hls::stream<vec<T, PE>>& m_axis,
           hls::stream<vec<T, PE>>& m_axis1) {
  static_assert(FIRST > 0 && REST > 0, "both outputs must get elements");
  unsigned beat = 0;
  for (unsigned step = 0; step < RUNS * (FIRST + REST); ++step) {
#pragma HLS pipeline II = 1
    const vec<T, PE> x = s_axis.read();
    if (beat < FIRST) {
      m_axis.write(x);
    } else {
      m_axis1.write(x);
    }
    if (++beat == FIRST + REST) beat = 0;
  }
}

}  // namespace levada
