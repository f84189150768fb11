// Per-channel thresholds over PIXELS pixels: y = BASE + step * (number of thresholds[channel] that x reaches),
// PE channels a cycle, II = 1, PIXELS * CHANNELS / PE cycles. The step is 2 for a bipolar TO, else 1. ROWS is CHANNELS, or 1 where all
// channels have the same thresholds.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned ROWS, unsigned PE, class TX, class TO, unsigned LEVELS,
          int BASE, class TT>
void thresholding(hls::stream<vec<TX, PE>>& s_axis, hls::stream<vec<TO, PE>>& m_axis,
                  const TT (&thresholds)[ROWS][LEVELS]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, PE> x = s_axis.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      y[pe] = activated<TO, BASE>(calc_t<TX>(x[pe]), thresholds[ROWS == 1 ? 0 : fold * PE + pe]);
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

}  // namespace levada
