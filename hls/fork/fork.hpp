// Fork: two copies of each beat, II = 1, BEATS cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned BEATS, unsigned PE, class T>
void fork(hls::stream<vec<T, PE>>& s_axis, hls::stream<vec<T, PE>>& m_axis,
          hls::stream<vec<T, PE>>& m_axis1) {
  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline II = 1
    const vec<T, PE> x = s_axis.read();
    m_axis.write(x);
    m_axis1.write(x);
  }
}

}  // namespace levada
