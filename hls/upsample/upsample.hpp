// Upsample: y[i][j] = x[i / ROWS][j / COLUMNS] for an image of HEIGHT x WIDTH pixels, PE of CHANNELS elements
// a beat; II = 1, HEIGHT * ROWS * WIDTH * COLUMNS * CHANNELS / PE cycles.
#pragma once

#include "levada.hpp"

namespace levada {

template <unsigned HEIGHT, unsigned WIDTH, unsigned CHANNELS, unsigned ROWS, unsigned COLUMNS, unsigned PE,
          class T>
void upsample(hls::stream<vec<T, PE>>& s_axis, hls::stream<vec<T, PE>>& m_axis) {
  static_assert(CHANNELS % PE == 0, "PE must divide CHANNELS");
  constexpr unsigned BEATS = CHANNELS / PE;
  vec<T, PE> kept[WIDTH * BEATS];
  unsigned row = 0;
  unsigned place = 0;
  unsigned column = 0;
  unsigned beat = 0;
  // One loop over rows, their copies, pixels, theirs, and beats.
  for (unsigned step = 0; step < HEIGHT * ROWS * WIDTH * COLUMNS * BEATS; ++step) {
#pragma HLS pipeline II = 1
    if (row == 0 && column == 0) kept[place * BEATS + beat] = s_axis.read();
    m_axis.write(kept[place * BEATS + beat]);
    if (++beat == BEATS) {
      beat = 0;
      if (++column == COLUMNS) {
        column = 0;
        if (++place == WIDTH) {
          place = 0;
          if (++row == ROWS) row = 0;
        }
      }
    }
  }
}

}  // namespace levada
