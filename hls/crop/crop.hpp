// Crop: of ROWS x COLUMNS pixels of BEATS beats, those with all three indices in START <= index < STOP; PE
// elements a beat, II = 1, ROWS * COLUMNS * BEATS cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned ROWS, unsigned ROWS_START, unsigned ROWS_STOP, unsigned COLUMNS, unsigned COLUMNS_START,
          unsigned COLUMNS_STOP, unsigned BEATS, unsigned BEATS_START, unsigned BEATS_STOP, unsigned PE,
          class T>
void crop(hls::stream<vec<T, PE>>& s_axis, hls::stream<vec<T, PE>>& m_axis) {
  static_assert(ROWS_START < ROWS_STOP && ROWS_STOP <= ROWS, "rows of the box lie in the image");
  static_assert(COLUMNS_START < COLUMNS_STOP && COLUMNS_STOP <= COLUMNS, "columns lie in the image");
  static_assert(BEATS_START < BEATS_STOP && BEATS_STOP <= BEATS, "beats of the box lie in the pixel");
  unsigned row = 0;
  unsigned column = 0;
  unsigned beat = 0;
  for (unsigned step = 0; step < ROWS * COLUMNS * BEATS; ++step) {
#pragma HLS pipeline II = 1
    const vec<T, PE> x = s_axis.read();
    // unsigned(index - START) is large for an index before START.
    if (row - ROWS_START < ROWS_STOP - ROWS_START && column - COLUMNS_START < COLUMNS_STOP - COLUMNS_START &&
        beat - BEATS_START < BEATS_STOP - BEATS_START) {
      m_axis.write(x);
    }
    if (++beat == BEATS) {
      beat = 0;
      if (++column == COLUMNS) {
        column = 0;
        ++row;
      }
    }
  }
}

}  // namespace levada
