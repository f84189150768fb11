// Mul: PIXELS pixels times constant factors, PE channels a cycle, II = 1, PIXELS * CHANNELS / PE cycles.
//
// The first form gives the products; the second gives BASE + step * (number of thresholds[channel] reached),
// step 2 for a bipolar TO. ROWS is CHANNELS, or 1 where all channels are alike.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, unsigned ROWS, class TF, class TX, class TP,
          class TO>
void mul(hls::stream<vec<TX, PE>>& s_axis, hls::stream<vec<TO, PE>>& m_axis,
         const rom_t<TF> (&factors)[ROWS]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(ROWS == 1 || ROWS == CHANNELS, "one factor for all channels, or one for each");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, PE> x = s_axis.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      y[pe] = TO(calc_t<TP>(factors[ROWS == 1 ? 0 : fold * PE + pe]) * calc_t<TP>(x[pe]));
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, unsigned ROWS, class TF, class TX, class TP,
          class TO, unsigned LEVELS, int BASE, class TT>
void mul(hls::stream<vec<TX, PE>>& s_axis, hls::stream<vec<TO, PE>>& m_axis, const rom_t<TF> (&factors)[ROWS],
         const TT (&thresholds)[ROWS][LEVELS]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(ROWS == 1 || ROWS == CHANNELS, "one factor for all channels, or one for each");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, PE> x = s_axis.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      const unsigned row = ROWS == 1 ? 0 : fold * PE + pe;
      const calc_t<TP> product = calc_t<TP>(factors[row]) * calc_t<TP>(x[pe]);
      y[pe] = activated<TO, BASE>(product, thresholds[row]);
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

}  // namespace levada
