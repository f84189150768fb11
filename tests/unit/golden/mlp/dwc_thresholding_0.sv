// levada: dwc_thresholding_0, dwc with PE=2 SIMD=3 MMV=1.
//   s_axis: 3 x INT6, 2 beats a frame
//   m_axis: 2 x INT6, 3 beats a frame
module dwc_thresholding_0 (
    input  logic clk,
    input  logic rst_n,
    input  logic [17:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [11:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready
);

  dwc #(
      .BITS(6),
      .IN(3),
      .OUT(2)
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
