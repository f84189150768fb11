// levada: accelerator for mlp, 9 layers.
#include "accelerator.hpp"

static const levada::rom_t<levada::bipolar> mvau_0_weights[8][4][3] =
{{{-1, 1, 1},
 {-1, -1, -1},
 {1, -1, -1},
 {1, -1, 1}},
 {{1, -1, -1},
 {-1, 1, 1},
 {-1, -1, 1},
 {-1, -1, 1}},
 {{1, -1, -1},
 {-1, -1, 1},
 {-1, -1, 1},
 {-1, -1, -1}},
 {{-1, 1, -1},
 {1, 1, 1},
 {-1, -1, -1},
 {-1, -1, 1}},
 {{1, 1, -1},
 {1, 1, -1},
 {-1, -1, 1},
 {1, 1, 1}},
 {{1, -1, 1},
 {-1, -1, 1},
 {1, 1, -1},
 {-1, -1, 1}},
 {{1, -1, 1},
 {-1, 1, -1},
 {-1, -1, -1},
 {1, 1, -1}},
 {{-1, -1, 1},
 {1, 1, 1},
 {1, 1, 1},
 {1, 1, 1}}};
static const levada::rom_t<ap_int<9>> mvau_0_thresholds[8][3] =
{{-61, 2, 114},
 {-55, 78, 125},
 {74, 80, 109},
 {-95, 7, 112},
 {-112, -2, 127},
 {-55, -26, 63},
 {38, 83, 95},
 {-102, 64, 128}};
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
static const levada::rom_t<ap_int<7>> thresholding_0_thresholds[6][3] =
{{-32, -30, -3},
 {-21, -20, 16},
 {-11, 2, 8},
 {-3, 30, 32},
 {-18, -15, 30},
 {-10, 11, 19}};
static const levada::rom_t<ap_int<2>> mvau_2_weights[1][5][6] =
{{{0, 1, -1, 1, -2, -2},
 {-2, -2, 0, -1, -2, -2},
 {1, -2, -2, 1, 0, -1},
 {1, -1, 0, -2, 1, -2},
 {1, 0, -2, 0, -1, -2}}};

void accelerator(hls::stream<levada::vec<ap_uint<4>, 3>>& s_axis, hls::stream<levada::vec<ap_uint<3>, 1>>& m_axis) {
#pragma HLS interface axis port = s_axis
#pragma HLS aggregate variable = s_axis compact = bit
#pragma HLS interface axis port = m_axis
#pragma HLS aggregate variable = m_axis compact = bit
#pragma HLS interface ap_ctrl_none port = return
#pragma HLS dataflow
  hls::stream<levada::vec<ap_uint<2>, 4>> mvau_0_out("mvau_0_out");
  hls::stream<levada::vec<ap_uint<2>, 2>> mvau_0_out_dwc("mvau_0_out_dwc");
  hls::stream<levada::vec<ap_int<6>, 3>> mvau_1_out("mvau_1_out");
  hls::stream<levada::vec<ap_int<6>, 2>> mvau_1_out_dwc("mvau_1_out_dwc");
  hls::stream<levada::vec<ap_int<2>, 2>> thresholding_0_out("thresholding_0_out");
  hls::stream<levada::vec<ap_int<2>, 6>> thresholding_0_out_dwc("thresholding_0_out_dwc");
  hls::stream<levada::vec<ap_int<6>, 5>> mvau_2_out("mvau_2_out");
  hls::stream<levada::vec<ap_int<6>, 1>> mvau_2_out_dwc("mvau_2_out_dwc");
  // mvau_0: mvau, PE=4 SIMD=3
  levada::mvau<1, 12, 8, 4, 3, 1, levada::bipolar, ap_uint<4>, ap_int<9>, ap_uint<2>, 3, 0>(s_axis, mvau_0_out, mvau_0_weights, mvau_0_thresholds);
  // dwc_mvau_1: dwc, PE=2 SIMD=4
  levada::dwc<8, 4, 2, ap_uint<2>>(mvau_0_out, mvau_0_out_dwc);
  // mvau_1: mvau, PE=3 SIMD=2
  levada::mvau<1, 8, 6, 3, 2, 1, ap_int<2>, ap_uint<2>, ap_int<6>, ap_int<6>>(mvau_0_out_dwc, mvau_1_out, mvau_1_weights);
  // dwc_thresholding_0: dwc, PE=2 SIMD=3
  levada::dwc<6, 3, 2, ap_int<6>>(mvau_1_out, mvau_1_out_dwc);
  // thresholding_0: thresholding, PE=2 SIMD=2
  levada::thresholding<1, 6, 6, 2, 1, ap_int<6>, ap_int<2>, 3, -2>(mvau_1_out_dwc, thresholding_0_out, thresholding_0_thresholds);
  // dwc_mvau_2: dwc, PE=6 SIMD=2
  levada::dwc<6, 2, 6, ap_int<2>>(thresholding_0_out, thresholding_0_out_dwc);
  // mvau_2: mvau, PE=5 SIMD=6
  levada::mvau<1, 6, 5, 5, 6, 1, ap_int<2>, ap_int<2>, ap_int<6>, ap_int<6>>(thresholding_0_out_dwc, mvau_2_out, mvau_2_weights);
  // dwc_argmax_0: dwc, PE=1 SIMD=5
  levada::dwc<5, 5, 1, ap_int<6>>(mvau_2_out, mvau_2_out_dwc);
  // argmax_0: argmax, PE=1 SIMD=1
  levada::argmax<1, 5, 1, 1, ap_int<6>, ap_uint<3>>(mvau_2_out_dwc, m_axis);
}
