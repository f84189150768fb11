// levada: argmax_0, argmax with PE=1 SIMD=1 MMV=1.
//   s_axis: 1 x INT6, 5 beats a frame
//   m_axis: 1 x UINT3, 1 beats a frame
module argmax_0 (
    input  logic clk,
    input  logic rst_n,
    input  logic [5:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [2:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready
);

  argmax #(
      .CHANNELS(5),
      .PE(1),
      .K(1),
      .X_BITS(6),
      .X_SIGNED(1),
      .INDEX_BITS(3),
      .SLOTS(2)
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
