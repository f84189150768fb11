// Matrix-vector-activation unit: y = activation(W x) for VECTORS vectors, PE rows and SIMD columns a cycle,
// II = 1, VECTORS * SF * NF cycles.
//
// weights[nf*SF + sf][pe][simd] = W[nf*PE + pe][sf*SIMD + simd]. The first form gives the sums; the second
// gives BASE + step * (number of thresholds[row] reached), step 2 for a bipolar TO.
#pragma once

#include "levada.hpp"

namespace levada {

// Every sum of one frame, in order, handed to emit(nf, sums).
template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, class TW, class TA,
          class TACC, class EMIT>
void mvau_sums(hls::stream<vec<TA, SIMD>>& s_axis,
               const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD], EMIT emit) {
  static_assert(MW % SIMD == 0, "SIMD must divide MW");
  static_assert(MH % PE == 0, "PE must divide MH");
  constexpr unsigned SF = MW / SIMD;
  constexpr unsigned NF = MH / PE;
#pragma HLS array_partition variable = weights complete dim = 2
#pragma HLS array_partition variable = weights complete dim = 3

  vec<TA, SIMD> replay[SF];
  calc_t<TACC> acc[PE];
#pragma HLS array_partition variable = acc complete
  unsigned sf = 0;
  unsigned nf = 0;
  // One loop over vectors, passes and beats, so that the pipeline never drains in between.
  for (unsigned step = 0; step < VECTORS * NF * SF; ++step) {
#pragma HLS pipeline II = 1
    if (nf == 0) replay[sf] = s_axis.read();
    const vec<TA, SIMD> x = replay[sf];
    for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
      calc_t<TACC> sum = sf == 0 ? calc_t<TACC>(0) : acc[pe];
      for (unsigned simd = 0; simd < SIMD; ++simd) {
#pragma HLS unroll
        sum += calc_t<TACC>(weights[nf * SF + sf][pe][simd]) * calc_t<TACC>(x[simd]);
      }
      acc[pe] = sum;
    }
    if (++sf == SF) {
      emit(nf, acc);
      sf = 0;
      if (++nf == NF) nf = 0;
    }
  }
}

template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, class TW, class TA,
          class TACC, class TO>
void mvau(hls::stream<vec<TA, SIMD>>& s_axis, hls::stream<vec<TO, PE>>& m_axis,
          const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD]) {
  mvau_sums<VECTORS, MW, MH, PE, SIMD, TW, TA, TACC>(
      s_axis, weights, [&m_axis](unsigned, const calc_t<TACC>(&acc)[PE]) {
        vec<TO, PE> y;
        for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
          y[pe] = TO(acc[pe]);
        }
        m_axis.write(y);
      });
}

template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, class TW, class TA,
          class TACC, class TO, unsigned LEVELS, int BASE, class TT>
void mvau(hls::stream<vec<TA, SIMD>>& s_axis, hls::stream<vec<TO, PE>>& m_axis,
          const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD], const TT (&thresholds)[MH][LEVELS]) {
  mvau_sums<VECTORS, MW, MH, PE, SIMD, TW, TA, TACC>(
      s_axis, weights, [&m_axis, &thresholds](unsigned nf, const calc_t<TACC>(&acc)[PE]) {
        vec<TO, PE> y;
        for (unsigned pe = 0; pe < PE; ++pe) {
#pragma HLS unroll
          y[pe] = activated<TO, BASE>(acc[pe], thresholds[nf * PE + pe]);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
