// levada: mvau_2, mvau with PE=5 SIMD=6 MMV=1.
//   s_axis: 6 x INT2, 1 beats a frame
//   m_axis: 5 x INT6, 1 beats a frame
module mvau_2 (
    input  logic clk,
    input  logic rst_n,
    input  logic [11:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [29:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready
);

  logic [11:0] operands;
  logic [29:0] sums;
  mvau_2_sums u_sums (
      .clk,
      .operands,
      .sums
  );

  unrolled #(
      .MW(6),
      .MH(5),
      .MMV(1),
      .A_BITS(2),
      .SUMS_LATENCY(3),
      .SLOTS(7),
      .ACC_BITS(6),
      .SHIFT(0),
      .INIT(30'h0)
  ) u_layer (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready,
      .operands,
      .sums
  );

endmodule
