// levada: accelerator for mlp, 9 layers in a pipeline.
//   probe 0: x
//   probe 1: mvau_0_out
//   probe 2: mvau_0_out_dwc
//   probe 3: mvau_1_out
//   probe 4: mvau_1_out_dwc
//   probe 5: thresholding_0_out
//   probe 6: thresholding_0_out_dwc
//   probe 7: mvau_2_out
//   probe 8: mvau_2_out_dwc
//   probe 9: argmax_0_out
module accelerator (
    input  logic clk,
    input  logic rst_n,
    input  logic [15:0] s_axis_tdata,
    input  logic s_axis_tvalid,
    output logic s_axis_tready,
    output logic [7:0] m_axis_tdata,
    output logic m_axis_tvalid,
    input  logic m_axis_tready,
    output logic [9:0] probe_valid,
    output logic [9:0] probe_ready
);

  // x: 3 x UINT4, 4 beats a frame
  logic [11:0] x_tdata;
  logic x_tvalid, x_tready;
  // mvau_0_out: 4 x UINT2, 2 beats a frame
  logic [7:0] mvau_0_out_tdata;
  logic mvau_0_out_tvalid, mvau_0_out_tready;
  // mvau_0_out_dwc: 2 x UINT2, 4 beats a frame
  logic [3:0] mvau_0_out_dwc_tdata;
  logic mvau_0_out_dwc_tvalid, mvau_0_out_dwc_tready;
  // mvau_1_out: 3 x INT6, 2 beats a frame
  logic [17:0] mvau_1_out_tdata;
  logic mvau_1_out_tvalid, mvau_1_out_tready;
  // mvau_1_out_dwc: 2 x INT6, 3 beats a frame
  logic [11:0] mvau_1_out_dwc_tdata;
  logic mvau_1_out_dwc_tvalid, mvau_1_out_dwc_tready;
  // thresholding_0_out: 2 x INT2, 3 beats a frame
  logic [3:0] thresholding_0_out_tdata;
  logic thresholding_0_out_tvalid, thresholding_0_out_tready;
  // thresholding_0_out_dwc: 6 x INT2, 1 beats a frame
  logic [11:0] thresholding_0_out_dwc_tdata;
  logic thresholding_0_out_dwc_tvalid, thresholding_0_out_dwc_tready;
  // mvau_2_out: 5 x INT6, 1 beats a frame
  logic [29:0] mvau_2_out_tdata;
  logic mvau_2_out_tvalid, mvau_2_out_tready;
  // mvau_2_out_dwc: 1 x INT6, 5 beats a frame
  logic [5:0] mvau_2_out_dwc_tdata;
  logic mvau_2_out_dwc_tvalid, mvau_2_out_dwc_tready;
  // argmax_0_out: 1 x UINT3, 1 beats a frame
  logic [2:0] argmax_0_out_tdata;
  logic argmax_0_out_tvalid, argmax_0_out_tready;

  assign x_tdata = s_axis_tdata[11:0];
  assign x_tvalid = s_axis_tvalid;
  assign s_axis_tready = x_tready;
  assign m_axis_tdata = 8'(argmax_0_out_tdata);
  assign m_axis_tvalid = argmax_0_out_tvalid;
  assign argmax_0_out_tready = m_axis_tready;
  assign probe_valid = {argmax_0_out_tvalid, mvau_2_out_dwc_tvalid, mvau_2_out_tvalid, thresholding_0_out_dwc_tvalid, thresholding_0_out_tvalid, mvau_1_out_dwc_tvalid, mvau_1_out_tvalid, mvau_0_out_dwc_tvalid, mvau_0_out_tvalid, x_tvalid};
  assign probe_ready = {argmax_0_out_tready, mvau_2_out_dwc_tready, mvau_2_out_tready, thresholding_0_out_dwc_tready, thresholding_0_out_tready, mvau_1_out_dwc_tready, mvau_1_out_tready, mvau_0_out_dwc_tready, mvau_0_out_tready, x_tready};

  mvau_0 u_mvau_0 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(x_tdata),
      .s_axis_tvalid(x_tvalid),
      .s_axis_tready(x_tready),
      .m_axis_tdata(mvau_0_out_tdata),
      .m_axis_tvalid(mvau_0_out_tvalid),
      .m_axis_tready(mvau_0_out_tready)
  );

  dwc_mvau_1 u_dwc_mvau_1 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_0_out_tdata),
      .s_axis_tvalid(mvau_0_out_tvalid),
      .s_axis_tready(mvau_0_out_tready),
      .m_axis_tdata(mvau_0_out_dwc_tdata),
      .m_axis_tvalid(mvau_0_out_dwc_tvalid),
      .m_axis_tready(mvau_0_out_dwc_tready)
  );

  mvau_1 u_mvau_1 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_0_out_dwc_tdata),
      .s_axis_tvalid(mvau_0_out_dwc_tvalid),
      .s_axis_tready(mvau_0_out_dwc_tready),
      .m_axis_tdata(mvau_1_out_tdata),
      .m_axis_tvalid(mvau_1_out_tvalid),
      .m_axis_tready(mvau_1_out_tready)
  );

  dwc_thresholding_0 u_dwc_thresholding_0 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_1_out_tdata),
      .s_axis_tvalid(mvau_1_out_tvalid),
      .s_axis_tready(mvau_1_out_tready),
      .m_axis_tdata(mvau_1_out_dwc_tdata),
      .m_axis_tvalid(mvau_1_out_dwc_tvalid),
      .m_axis_tready(mvau_1_out_dwc_tready)
  );

  thresholding_0 u_thresholding_0 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_1_out_dwc_tdata),
      .s_axis_tvalid(mvau_1_out_dwc_tvalid),
      .s_axis_tready(mvau_1_out_dwc_tready),
      .m_axis_tdata(thresholding_0_out_tdata),
      .m_axis_tvalid(thresholding_0_out_tvalid),
      .m_axis_tready(thresholding_0_out_tready)
  );

  dwc_mvau_2 u_dwc_mvau_2 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(thresholding_0_out_tdata),
      .s_axis_tvalid(thresholding_0_out_tvalid),
      .s_axis_tready(thresholding_0_out_tready),
      .m_axis_tdata(thresholding_0_out_dwc_tdata),
      .m_axis_tvalid(thresholding_0_out_dwc_tvalid),
      .m_axis_tready(thresholding_0_out_dwc_tready)
  );

  mvau_2 u_mvau_2 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(thresholding_0_out_dwc_tdata),
      .s_axis_tvalid(thresholding_0_out_dwc_tvalid),
      .s_axis_tready(thresholding_0_out_dwc_tready),
      .m_axis_tdata(mvau_2_out_tdata),
      .m_axis_tvalid(mvau_2_out_tvalid),
      .m_axis_tready(mvau_2_out_tready)
  );

  dwc_argmax_0 u_dwc_argmax_0 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_2_out_tdata),
      .s_axis_tvalid(mvau_2_out_tvalid),
      .s_axis_tready(mvau_2_out_tready),
      .m_axis_tdata(mvau_2_out_dwc_tdata),
      .m_axis_tvalid(mvau_2_out_dwc_tvalid),
      .m_axis_tready(mvau_2_out_dwc_tready)
  );

  argmax_0 u_argmax_0 (
      .clk(clk),
      .rst_n(rst_n),
      .s_axis_tdata(mvau_2_out_dwc_tdata),
      .s_axis_tvalid(mvau_2_out_dwc_tvalid),
      .s_axis_tready(mvau_2_out_dwc_tready),
      .m_axis_tdata(argmax_0_out_tdata),
      .m_axis_tvalid(argmax_0_out_tvalid),
      .m_axis_tready(argmax_0_out_tready)
  );

endmodule
