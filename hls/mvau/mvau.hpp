// Matrix-vector-activation unit: y = activation(W x) for VECTORS vectors, PE rows and SIMD columns of MMV
// vectors a cycle, II = 1, VECTORS / MMV * SF * NF cycles. MMV > 1 takes whole vectors: SF = NF = 1.
//
// weights[nf*SF + sf][pe][simd] = W[nf*PE + pe][sf*SIMD + simd], of which those bits count that `mask` has. The
// first form gives the sums; the second gives BASE + step * (number of thresholds[row] reached), step 2 for a
// bipolar TO.
#pragma once

#include "levada.hpp"

namespace levada {

// Every sum of one frame, in order, handed to emit(nf, sums).
template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, unsigned MMV, class TW,
          class TA, class TACC, class EMIT>
void mvau_sums(hls::stream<vec<TA, MMV * SIMD>>& s_axis,
               const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD], int mask, EMIT emit) {
  static_assert(MW % SIMD == 0, "SIMD must divide MW");
  static_assert(MH % PE == 0, "PE must divide MH");
  static_assert(VECTORS % MMV == 0, "MMV must divide VECTORS");
  static_assert(MMV == 1 || (SIMD == MW && PE == MH), "MMV > 1 needs SIMD = MW and PE = MH");
  constexpr unsigned SF = MW / SIMD;
  constexpr unsigned NF = MH / PE;
#pragma HLS array_partition variable = weights complete dim = 2
#pragma HLS array_partition variable = weights complete dim = 3

  vec<TA, MMV * SIMD> replay[SF];
  calc_t<TACC> acc[MMV * PE];
#pragma HLS array_partition variable = acc complete
  unsigned sf = 0;
  unsigned nf = 0;
  // One loop over vectors, passes and beats, so that the pipeline never drains in between.
  for (unsigned step = 0; step < VECTORS / MMV * NF * SF; ++step) {
#pragma HLS pipeline II = 1
    if (nf == 0) replay[sf] = s_axis.read();
    const vec<TA, MMV * SIMD> x = replay[sf];
    for (unsigned lane = 0; lane < MMV * PE; ++lane) {
#pragma HLS unroll
      const unsigned first = lane / PE * SIMD;
      calc_t<TACC> sum = sf == 0 ? calc_t<TACC>(0) : acc[lane];
      for (unsigned simd = 0; simd < SIMD; ++simd) {
#pragma HLS unroll
        sum += calc_t<TACC>(weights[nf * SF + sf][lane % PE][simd] & mask) * calc_t<TACC>(x[first + simd]);
      }
      acc[lane] = sum;
    }
    if (++sf == SF) {
      emit(nf, acc);
      sf = 0;
      if (++nf == NF) nf = 0;
    }
  }
}

template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, unsigned MMV, class TW,
          class TA, class TACC, class TO>
void mvau(hls::stream<vec<TA, MMV * SIMD>>& s_axis, hls::stream<vec<TO, MMV * PE>>& m_axis,
          const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD], int mask = -1) {
  mvau_sums<VECTORS, MW, MH, PE, SIMD, MMV, TW, TA, TACC>(
      s_axis, weights, mask, [&m_axis](unsigned, const calc_t<TACC>(&acc)[MMV* PE]) {
        vec<TO, MMV * PE> y;
        for (unsigned lane = 0; lane < MMV * PE; ++lane) {
#pragma HLS unroll
          y[lane] = TO(acc[lane]);
        }
        m_axis.write(y);
      });
}

template <unsigned VECTORS, unsigned MW, unsigned MH, unsigned PE, unsigned SIMD, unsigned MMV, class TW,
          class TA, class TACC, class TO, unsigned LEVELS, int BASE, class TT>
void mvau(hls::stream<vec<TA, MMV * SIMD>>& s_axis, hls::stream<vec<TO, MMV * PE>>& m_axis,
          const rom_t<TW> (&weights)[MH / PE * (MW / SIMD)][PE][SIMD], const TT (&thresholds)[MH][LEVELS],
          int mask = -1) {
  mvau_sums<VECTORS, MW, MH, PE, SIMD, MMV, TW, TA, TACC>(
      s_axis, weights, mask, [&m_axis, &thresholds](unsigned nf, const calc_t<TACC>(&acc)[MMV* PE]) {
        vec<TO, MMV * PE> y;
        for (unsigned lane = 0; lane < MMV * PE; ++lane) {
#pragma HLS unroll
          y[lane] = activated<TO, BASE>(acc[lane], thresholds[nf * PE + lane % PE]);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
