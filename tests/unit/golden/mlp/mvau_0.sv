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

  mvau #(
      .MW(12),
      .MH(8),
      .PE(4),
      .SIMD(3),
      .W_BLOCK(0),
      .SLOTS(4),
      .WEIGHTS("mvau_0_weights.hex"),
      .T_SHARE(4),
      .W_BITS(1),
      .W_BIPOLAR(1),
      .A_BITS(4),
      .A_SIGNED(0),
      .A_BIPOLAR(0),
      .ACC_BITS(9),
      .LEVELS(2),
      .OFFSET(0),
      .THRESHOLDS(216'h568016a80450516a005a8656ab55a88d6a2c36ab462493fad5506b)
  ) u_layer (
      .clk,
      .rst_n,
      .param('0),
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
