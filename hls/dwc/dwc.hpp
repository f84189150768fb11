// Data width converter: SIZE elements, IN a beat, to OUT a beat. A step takes a beat if fewer than OUT
// elements are stored and gives one if then at least OUT are: II = 1, SIZE / min(IN, OUT) cycles where one
// divides the other.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned SIZE, unsigned IN, unsigned OUT, class T>
void dwc(hls::stream<vec<T, IN>>& s_axis, hls::stream<vec<T, OUT>>& m_axis) {
  static_assert(SIZE % IN == 0 && SIZE % OUT == 0, "IN and OUT must divide SIZE");
  T stored[IN + OUT];
#pragma HLS array_partition variable = stored complete
  unsigned count = 0;
  unsigned given = 0;
  while (given < SIZE / OUT) {
#pragma HLS pipeline II = 1
    if (count < OUT) {
      const vec<T, IN> x = s_axis.read();
      for (unsigned i = 0; i < IN; ++i) {
#pragma HLS unroll
        stored[count + i] = x[i];
      }
      count += IN;
    }
    if (count >= OUT) {
      vec<T, OUT> y;
      for (unsigned i = 0; i < OUT; ++i) {
#pragma HLS unroll
        y[i] = stored[i];
      }
      for (unsigned i = 0; i < IN; ++i) {
#pragma HLS unroll
        stored[i] = stored[i + OUT];
      }
      m_axis.write(y);
      count -= OUT;
      ++given;
    }
  }
}

}  // namespace levada
