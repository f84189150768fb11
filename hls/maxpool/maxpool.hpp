// Largest value of each tile of an image; see tile_reduce.hpp for the layout. LEAST is the smallest value of T.
#pragma once

#include "tile_reduce.hpp"

namespace levada {

template <unsigned ROWS, unsigned KH, unsigned WF, unsigned KF, unsigned CF, unsigned TILES, unsigned TAPS,
          unsigned PE, class T, int LEAST>
void maxpool(hls::stream<vec<T, TILES * TAPS * PE>>& s_axis, hls::stream<vec<T, TILES * PE>>& m_axis) {
  tile_reduce<ROWS, KH, WF, KF, CF, TILES, TAPS, PE, T, T>(
      s_axis, LEAST, [](calc_t<T> largest, calc_t<T> pixel) { return pixel > largest ? pixel : largest; },
      [&m_axis](unsigned, const calc_t<T>(&largest)[TILES* PE]) {
        vec<T, TILES * PE> y;
        for (unsigned lane = 0; lane < TILES * PE; ++lane) {
#pragma HLS unroll
          y[lane] = T(largest[lane]);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
