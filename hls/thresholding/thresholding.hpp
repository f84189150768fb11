// Per-channel thresholds over PIXELS pixels: y = BASE + step * (number of thresholds[channel] that x reaches),
// PE channels of MMV pixels a cycle, II = 1, PIXELS * CHANNELS / (MMV * PE) cycles; MMV > 1 takes whole
// pixels. The step is 2 for a bipolar TO, else 1. ROWS is CHANNELS, or 1 where all channels have the same
// thresholds.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned ROWS, unsigned PE, unsigned MMV, class TX, class TO,
          unsigned LEVELS, int BASE, class TT>
void thresholding(hls::stream<vec<TX, MMV * PE>>& s_axis, hls::stream<vec<TO, MMV * PE>>& m_axis,
                  const TT (&thresholds)[ROWS][LEVELS]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(PIXELS % MMV == 0, "MMV must divide PIXELS");
  static_assert(MMV == 1 || PE == CHANNELS, "MMV > 1 needs PE = CHANNELS");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS / MMV * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, MMV * PE> x = s_axis.read();
    vec<TO, MMV * PE> y;
    for (unsigned lane = 0; lane < MMV * PE; ++lane) {
#pragma HLS unroll
      y[lane] = activated<TO, BASE>(calc_t<TX>(x[lane]), thresholds[ROWS == 1 ? 0 : fold * PE + lane % PE]);
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

}  // namespace levada
