// levada: mvau_1 for mlp, 1 layers.
#include "mvau_1.hpp"

static const levada::rom_t<ap_int<2>> mvau_1_weights[8][3][2] =
{{{0, -2},
 {0, -1},
 {0, 0}},
 {{1, 1},
 {1, 1},
 {0, -1}},
 {{-2, -2},
 {-2, 0},
 {-2, -1}},
 {{1, 1},
 {-2, 0},
 {0, 1}},
 {{1, -2},
 {1, 0},
 {-2, 1}},
 {{-2, 1},
 {0, -1},
 {-2, -1}},
 {{0, 1},
 {-2, -1},
 {0, 1}},
 {{-2, 1},
 {0, 0},
 {1, -1}}};

void mvau_1(hls::stream<levada::vec<ap_uint<2>, 2>>& s_axis, hls::stream<levada::vec<ap_int<6>, 3>>& m_axis) {
#pragma HLS interface axis port = s_axis
#pragma HLS aggregate variable = s_axis compact = bit
#pragma HLS interface axis port = m_axis
#pragma HLS aggregate variable = m_axis compact = bit
#pragma HLS interface ap_ctrl_none port = return
#pragma HLS dataflow
  // mvau_1: mvau, PE=3 SIMD=2
  levada::mvau<1, 8, 6, 3, 2, 1, ap_int<2>, ap_uint<2>, ap_int<6>, ap_int<6>>(s_axis, m_axis, mvau_1_weights);
}
