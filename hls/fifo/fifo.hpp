// First-in first-out buffer of DEPTH beats, II = 1. In HLS a stream is itself a fifo: this one asks for the
// depth and passes the beats on.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned BEATS, unsigned ELEMENTS, unsigned DEPTH, class T>
void fifo(hls::stream<vec<T, ELEMENTS>>& s_axis, hls::stream<vec<T, ELEMENTS>>& m_axis) {
#pragma HLS stream variable = m_axis depth = DEPTH
  for (unsigned beat = 0; beat < BEATS; ++beat) {
#pragma HLS pipeline II = 1
    m_axis.write(s_axis.read());
  }
}

}  // namespace levada
