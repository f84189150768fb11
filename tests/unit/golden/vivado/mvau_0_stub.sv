(* black_box *)
// levada: mvau_0, mvau with PE=4 SIMD=3 MMV=1.
//   s_axis: 3 x UINT4, 4 beats a frame
//   m_axis: 4 x UINT2, 2 beats a frame
module mvau_0 (
    input  logic clk,
    input  logic rst_n,
    input  logic [11:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [7:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready
);
endmodule
