// The words written to axi_sink are the stream that it gives (stream_check), and its answers are legal.
//
// Words are looked at in bit LANE alone: all bits of a word take the same way. Nothing is assumed of the writer. A
// flush comes at any time, and the stream begins anew with it.
// `in_burst`: a word is only taken for a burst whose address was.
// `answer_due`: an answer is offered as long as a burst waits for one whose last word was taken, and only then.
// `flushes`: while `flush`, the words of bursts are taken.
// `addresses`: an address is taken as long as fewer than MOST bursts are not answered.
module axi_sink_proof #(
    parameter int DEPTH = 3,
    parameter int BLOCK = 1,
    parameter int MOST = 3,
    parameter int LANE = 0
) (
    input logic        clk,
    input logic        pick,
    input logic        flush,
    input logic        s_axi_awvalid,
    input logic [63:0] s_axi_wdata,
    input logic        s_axi_wlast,
    input logic        s_axi_wvalid,
    input logic        s_axi_bready,
    input logic        m_axis_tready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [63:0] m_axis_tdata;
  logic [1:0] s_axi_bresp;
  logic s_axi_awready, s_axi_wready, s_axi_bvalid, m_axis_tvalid;

  axi_sink #(
      .DEPTH(DEPTH),
      .BLOCK(BLOCK),
      .MOST(MOST)
  ) u_dut (
      .*
  );

  // Bursts whose words are not all here, and those that are here and not answered.
  logic [3:0] open_q, whole_q;
  logic addressed, ended, answered;
  assign addressed = s_axi_awvalid && s_axi_awready;
  assign ended = s_axi_wvalid && s_axi_wready && s_axi_wlast;
  assign answered = s_axi_bvalid && s_axi_bready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      open_q <= '0;
      whole_q <= '0;
    end else begin
      open_q <= open_q + 4'(addressed) - 4'(ended);
      whole_q <= whole_q + 4'(ended) - 4'(answered);
    end
  end

  logic in_burst, answer_due, flushes, addresses;
  assign in_burst = !s_axi_wready || open_q != '0;
  assign answer_due = s_axi_bvalid == (whole_q != '0) && s_axi_bresp == '0;
  assign flushes = !flush || s_axi_wready == (open_q != '0);
  assign addresses = s_axi_awready == (open_q + whole_q < 4'(MOST));

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (in_burst);
      assert (answer_due);
      assert (flushes);
      assert (addresses);
    end
  end

  stream_check #(
      .CAPACITY(DEPTH)
  ) u_check (
      .clk,
      .rst_n(rst_n && !flush),
      .pick,
      .place('0),
      .open(m_axis_tready),
      .in_data(s_axi_wdata[LANE]),
      .in_valid(s_axi_wvalid && open_q != '0),
      .in_ready(s_axi_wready),
      .out_data(m_axis_tdata[LANE]),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

endmodule
