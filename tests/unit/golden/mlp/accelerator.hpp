// levada: accelerator for mlp, one frame a call.
#pragma once

#include "argmax.hpp"
#include "dwc.hpp"
#include "mvau.hpp"
#include "thresholding.hpp"

void accelerator(hls::stream<levada::vec<ap_uint<4>, 3>>& s_axis, hls::stream<levada::vec<ap_uint<3>, 1>>& m_axis);
