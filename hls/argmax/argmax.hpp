// Indices of the K largest of CHANNELS values for each of PIXELS pixels, largest first, ties to the lower
// index; PE values a cycle, II = 1, PIXELS * CHANNELS / PE cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, unsigned K, class TX, class TI>
void argmax(hls::stream<vec<TX, PE>>& s_axis, hls::stream<vec<TI, K>>& m_axis) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(K <= CHANNELS, "there are only CHANNELS indices");
  calc_t<TX> values[K];
  unsigned indices[K];
#pragma HLS array_partition variable = values complete
#pragma HLS array_partition variable = indices complete
  unsigned known = 0;    // entries of the list in use
  unsigned channel = 0;  // first channel of the beat
  for (unsigned step = 0; step < PIXELS * CHANNELS / PE; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, PE> x = s_axis.read();
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      const calc_t<TX> value = calc_t<TX>(x[pe]);
      // From the last place up: what the value beats moves down one, and the value takes its place.
      for (unsigned place = K; place-- > 0;) {
#pragma HLS unroll
        const bool beats_this = place >= known || value > values[place];
        const bool beats_above = place > 0 && (place - 1 >= known || value > values[place - 1]);
        if (beats_above) {
          values[place] = values[place - 1];
          indices[place] = indices[place - 1];
        } else if (beats_this) {
          values[place] = value;
          indices[place] = channel + pe;
        }
      }
      if (known < K) ++known;
    }
    channel += PE;
    if (channel == CHANNELS) {
      vec<TI, K> y;
      for (unsigned k = 0; k < K; ++k) {
#pragma HLS unroll
        y[k] = TI(indices[k]);
      }
      m_axis.write(y);
      channel = 0;
      known = 0;
    }
  }
}

}  // namespace levada
