// The words given to axi_source are the stream that it answers with (stream_check), as many as are asked for.
//
// Words are looked at in bit LANE alone: all bits of a word take the same way. Assumed of the reader: while `flush` it
// takes what it gets. A flush comes at any time, and the stream begins anew with it.
// `was_asked`: no word is offered that was not asked for.
// `flushes`: while `flush`, what was asked for is answered.
// `asks`: a burst is taken as long as fewer than MOST words are owed.
module axi_source_proof #(
    parameter int DEPTH = 3,
    parameter int BLOCK = 1,
    parameter int MOST = 4,
    parameter int LANE = 0
) (
    input logic        clk,
    input logic        pick,
    input logic        flush,
    input logic [63:0] s_axis_tdata,
    input logic        s_axis_tvalid,
    input logic [ 3:0] s_axi_arlen,
    input logic        s_axi_arvalid,
    input logic        s_axi_rready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [63:0] s_axi_rdata;
  logic [1:0] s_axi_rresp;
  logic s_axis_tready, s_axi_arready, s_axi_rvalid;

  axi_source #(
      .DEPTH(DEPTH),
      .BLOCK(BLOCK),
      .MOST(MOST)
  ) u_dut (
      .*
  );

  // Words that were asked for and did not come.
  logic [7:0] due_q;
  logic asked, came;
  assign asked = s_axi_arvalid && s_axi_arready;
  assign came = s_axi_rvalid && s_axi_rready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      due_q <= '0;
    end else begin
      due_q <= due_q + (asked ? 8'(s_axi_arlen) + 1'b1 : '0) - 8'(came);
      assume (!flush || s_axi_rready);
    end
  end

  logic was_asked, flushes, asks;
  assign was_asked = !s_axi_rvalid || (due_q != '0 && s_axi_rresp == '0);
  assign flushes = !flush || s_axi_rvalid == (due_q != '0);
  assign asks = s_axi_arready == (due_q < 8'(MOST));

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (was_asked);
      assert (flushes);
      assert (asks);
    end
  end

  stream_check #(
      .CAPACITY(DEPTH)
  ) u_check (
      .clk,
      .rst_n(rst_n && !flush),
      .pick,
      .place('0),
      .open(s_axi_rready && due_q != '0),
      .in_data(s_axis_tdata[LANE]),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(s_axi_rdata[LANE]),
      .out_valid(s_axi_rvalid),
      .out_ready(s_axi_rready)
  );

endmodule
