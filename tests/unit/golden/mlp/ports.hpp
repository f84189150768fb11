// levada: ports of the accelerator for mlp.
#pragma once
#define LEVADA_INPUTS(X) X(s_axis, ap_uint<4>, 4, 3, 4)
#define LEVADA_OUTPUTS(X) X(m_axis, ap_uint<3>, 3, 1, 1)
#define LEVADA_PORTS s_axis, m_axis
#define LEVADA_PROBES 10
static const char* const levada_probe_names[] = {"x (input -> mvau_0)", "mvau_0_out (mvau_0 -> dwc_mvau_1)", "mvau_0_out_dwc (dwc_mvau_1 -> mvau_1)", "mvau_1_out (mvau_1 -> dwc_thresholding_0)", "mvau_1_out_dwc (dwc_thresholding_0 -> thresholding_0)", "thresholding_0_out (thresholding_0 -> dwc_mvau_2)", "thresholding_0_out_dwc (dwc_mvau_2 -> mvau_2)", "mvau_2_out (mvau_2 -> dwc_argmax_0)", "mvau_2_out_dwc (dwc_argmax_0 -> argmax_0)", "argmax_0_out (argmax_0 -> output)"};
