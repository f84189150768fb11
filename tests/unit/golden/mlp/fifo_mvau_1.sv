// levada: fifo_mvau_1, fifo with PE=2 SIMD=2 MMV=1.
//   s_axis: 2 x UINT2, 4 beats a frame
//   m_axis: 2 x UINT2, 4 beats a frame
module fifo_mvau_1 (
    input  logic clk,
    input  logic rst_n,
    input  logic [3:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [3:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready
);

  fifo #(
      .WIDTH(4),
      .DEPTH(2),
      .BLOCK(0)
  ) u_layer (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
