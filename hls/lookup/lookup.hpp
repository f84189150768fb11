// Lookup: y = table[channel][low bits of x's code] over PIXELS pixels, PE channels a cycle, II = 1,
// PIXELS * CHANNELS / PE cycles. ROWS is CHANNELS, or 1 where all channels have the same table.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned PIXELS, unsigned CHANNELS, unsigned PE, unsigned ROWS, unsigned ENTRIES, class TX,
          class TO>
void lookup(hls::stream<vec<TX, PE>>& s_axis, hls::stream<vec<TO, PE>>& m_axis,
            const rom_t<TO> (&table)[ROWS][ENTRIES]) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  static_assert(ROWS == 1 || ROWS == CHANNELS, "one table for all channels, or one for each");
  static_assert((ENTRIES & (ENTRIES - 1)) == 0, "ENTRIES must be a power of two");
  constexpr unsigned FOLDS = CHANNELS / PE;
  unsigned fold = 0;
  for (unsigned step = 0; step < PIXELS * FOLDS; ++step) {
#pragma HLS pipeline II = 1
    const vec<TX, PE> x = s_axis.read();
    vec<TO, PE> y;
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      const int value = x[pe];
      const unsigned code = unsigned(traits<TX>::step == 2 ? value > 0 : value);
      y[pe] = TO(table[ROWS == 1 ? 0 : fold * PE + pe][code & (ENTRIES - 1)]);
    }
    m_axis.write(y);
    if (++fold == FOLDS) fold = 0;
  }
}

}  // namespace levada
