// Vector-vector-activation unit, a depthwise convolution: output channel m = c*M + j of each of VECTORS windows
// is activation(sum over its K pixels of W[m][k] * x[k][c]). PE of C channels and SIMD pixels a cycle, II = 1,
// VECTORS * C/PE * K/SIMD cycles.
//
// weights[tf*CF + cf][p*M + j][simd] = W[(cf*PE + p)*M + j][tf*SIMD + simd], of which those bits count that `mask`
// has. The first form gives the sums; the second gives BASE + step * (number of thresholds[m] reached), step 2 for a
// bipolar TO.
#pragma once

#include "levada.hpp"

namespace levada {

// Every sum of one frame, in order, handed to emit(cf, sums).
template <unsigned VECTORS, unsigned C, unsigned M, unsigned K, unsigned PE, unsigned SIMD, class TW,
          class TA, class TACC, class EMIT>
void vvau_sums(hls::stream<vec<TA, SIMD * PE>>& s_axis,
               const rom_t<TW> (&weights)[K / SIMD * (C / PE)][PE * M][SIMD], int mask, EMIT emit) {
  static_assert(C % PE == 0, "PE must divide C");
  static_assert(K % SIMD == 0, "SIMD must divide K");
  static_assert(SIMD == 1 || PE == C, "several pixels a step take all their channels");
  constexpr unsigned CF = C / PE;
  constexpr unsigned TF = K / SIMD;
#pragma HLS array_partition variable = weights complete dim = 2
#pragma HLS array_partition variable = weights complete dim = 3

  calc_t<TACC> sums[CF][PE * M];
#pragma HLS array_partition variable = sums complete dim = 2
  // What a step goes on with is at least two steps old, or that of the step before, which `last` holds.
#pragma HLS dependence variable = sums inter false
  calc_t<TACC> last[PE * M];
#pragma HLS array_partition variable = last complete
  unsigned cf = 0;
  unsigned tf = 0;
  // One loop over windows, pixels and folds, so that the pipeline never drains in between.
  for (unsigned step = 0; step < VECTORS * TF * CF; ++step) {
#pragma HLS pipeline II = 1
    const vec<TA, SIMD * PE> x = s_axis.read();
    for (unsigned lane = 0; lane < PE * M; ++lane) {
#pragma HLS unroll
      calc_t<TACC> sum = tf == 0 ? calc_t<TACC>(0) : CF == 1 ? last[lane] : sums[cf][lane];
      for (unsigned simd = 0; simd < SIMD; ++simd) {
#pragma HLS unroll
        sum += calc_t<TACC>(weights[tf * CF + cf][lane][simd] & mask) * calc_t<TACC>(x[simd * PE + lane / M]);
      }
      last[lane] = sum;
      sums[cf][lane] = sum;
    }
    if (tf == TF - 1) emit(cf, last);
    if (++cf == CF) {
      cf = 0;
      if (++tf == TF) tf = 0;
    }
  }
}

template <unsigned VECTORS, unsigned C, unsigned M, unsigned K, unsigned PE, unsigned SIMD, class TW,
          class TA, class TACC, class TO>
void vvau(hls::stream<vec<TA, SIMD * PE>>& s_axis, hls::stream<vec<TO, PE * M>>& m_axis,
          const rom_t<TW> (&weights)[K / SIMD * (C / PE)][PE * M][SIMD], int mask = -1) {
  vvau_sums<VECTORS, C, M, K, PE, SIMD, TW, TA, TACC>(
      s_axis, weights, mask, [&m_axis](unsigned, const calc_t<TACC>(&sums)[PE* M]) {
        vec<TO, PE * M> y;
        for (unsigned lane = 0; lane < PE * M; ++lane) {
#pragma HLS unroll
          y[lane] = TO(sums[lane]);
        }
        m_axis.write(y);
      });
}

template <unsigned VECTORS, unsigned C, unsigned M, unsigned K, unsigned PE, unsigned SIMD, class TW,
          class TA, class TACC, class TO, unsigned LEVELS, int BASE, class TT>
void vvau(hls::stream<vec<TA, SIMD * PE>>& s_axis, hls::stream<vec<TO, PE * M>>& m_axis,
          const rom_t<TW> (&weights)[K / SIMD * (C / PE)][PE * M][SIMD],
          const TT (&thresholds)[C * M][LEVELS], int mask = -1) {
  vvau_sums<VECTORS, C, M, K, PE, SIMD, TW, TA, TACC>(
      s_axis, weights, mask, [&m_axis, &thresholds](unsigned cf, const calc_t<TACC>(&sums)[PE* M]) {
        vec<TO, PE * M> y;
        for (unsigned lane = 0; lane < PE * M; ++lane) {
#pragma HLS unroll
          y[lane] = activated<TO, BASE>(sums[lane], thresholds[cf * PE * M + lane]);
        }
        m_axis.write(y);
      });
}

}  // namespace levada
