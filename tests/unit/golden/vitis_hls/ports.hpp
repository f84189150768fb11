// levada: ports of the accelerator for mlp.
#pragma once
#define LEVADA_INPUTS(X) X(s_axis, ap_uint<2>, 2, 2, 4)
#define LEVADA_OUTPUTS(X) X(m_axis, ap_int<6>, 6, 3, 2)
#define LEVADA_PORTS s_axis, m_axis
#define LEVADA_PROBES 2
static const char* const levada_probe_names[] = {"mvau_0_out_dwc (input -> mvau_1)", "mvau_1_out (mvau_1 -> output)"};
