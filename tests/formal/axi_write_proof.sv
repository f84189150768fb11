// The stream given to axi_write is the stream of words on its port (stream_check), in legal bursts.
//
// Words are looked at in bit LANE alone: all bits of a word take the same way. Assumed of the user: a range is
// only given while `free`. Assumed of the memory: it answers what was sent in full, without an error.
// `legal`: a burst has at most BURST words and does not cross 4 KiB.
// `request_stays`: a burst's address is offered, unchanged, until it is taken.
// `in_burst`: words are only offered for a burst whose address was, and the last of them is marked.
// `goes_on`: while words of a range are due, all places hold words and all is answered, a burst begins within eight
// cycles.
// `all_sent`: when no longer busy, all words that were given have left and are answered.
module axi_write_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int BURST = 2,
    parameter int DEPTH = 4,
    parameter int UNANSWERED = 2,
    parameter int WORD_BITS = 3,
    parameter int LANE = 0
) (
    input logic                    clk,
    input logic                    pick,
    input logic                    start,
    input logic [ADDRESS_BITS-4:0] place,
    input logic [   WORD_BITS-1:0] count,
    input logic [            63:0] s_axis_tdata,
    input logic                    s_axis_tvalid,
    input logic                    m_axi_awready,
    input logic                    m_axi_wready,
    input logic                    m_axi_bvalid
);

  localparam int DUE_BITS = WORD_BITS + 2;

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [ADDRESS_BITS-1:0] m_axi_awaddr;
  logic [3:0] m_axi_awlen;
  logic [63:0] m_axi_wdata;
  logic [7:0] m_axi_wstrb;
  logic [1:0] error;
  logic free, busy, finished, s_axis_tready, m_axi_awvalid, m_axi_wlast, m_axi_wvalid, m_axi_bready;

  axi_write #(
      .ADDRESS_BITS(ADDRESS_BITS),
      .BURST(BURST),
      .DEPTH(DEPTH),
      .UNANSWERED(UNANSWERED)
  ) u_dut (
      .address({place, 3'b000}),
      .words(32'(count)),
      .flush(1'b0),
      .m_axi_bresp('0),
      .*
  );

  // Words that were given and not sent; bursts whose address, or whose last word, was taken and not answered.
  logic [DUE_BITS-1:0] unsent_q;
  logic [1:0] addressed_q, ended_q;
  // Words that the burst still has, from the cycle on in which its address is offered first.
  logic [4:0] burst_q, burst;
  logic [ADDRESS_BITS-1:0] awaddr_q;
  logic [3:0] awlen_q, still_q;
  logic offered_q, addressed, sent, answered, waits;
  assign addressed = m_axi_awvalid && m_axi_awready;
  assign sent = m_axi_wvalid && m_axi_wready;
  assign answered = m_axi_bvalid && m_axi_bready;
  assign burst = (m_axi_awvalid && !offered_q) ? 5'(m_axi_awlen) + 1'b1 : burst_q;
  assign waits = unsent_q != '0 && !s_axis_tready && addressed_q == '0 && !m_axi_awvalid && !m_axi_wvalid;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      unsent_q <= '0;
      addressed_q <= '0;
      ended_q <= '0;
      burst_q <= '0;
      offered_q <= 1'b0;
      still_q <= '0;
    end else begin
      unsent_q <= unsent_q + (start ? DUE_BITS'(count) : '0) - DUE_BITS'(sent);
      addressed_q <= addressed_q + 2'(addressed) - 2'(answered);
      ended_q <= ended_q + 2'(sent && m_axi_wlast) - 2'(answered);
      burst_q <= burst - 5'(sent);
      offered_q <= m_axi_awvalid && !m_axi_awready;
      still_q <= waits ? still_q + 1'b1 : '0;
      assume (!start || free);
      assume (!m_axi_bvalid || (addressed_q != '0 && ended_q != '0));
    end
    awaddr_q <= m_axi_awaddr;
    awlen_q <= m_axi_awlen;
  end

  logic legal, request_stays, in_burst, goes_on, all_sent;
  logic [12:0] behind;
  assign behind = 13'(m_axi_awaddr[11:0]) + ((13'(m_axi_awlen) + 1'b1) << 3);
  assign legal = !m_axi_awvalid || (m_axi_awlen < 4'(BURST) && behind <= 13'd4096);
  assign request_stays = !offered_q || (m_axi_awvalid && m_axi_awaddr == awaddr_q && m_axi_awlen == awlen_q);
  assign in_burst = !m_axi_wvalid || (burst != '0 && m_axi_wlast == (burst == 5'd1));
  assign goes_on = still_q < 4'd8;
  assign all_sent = busy || (unsent_q == '0 && addressed_q == '0 && ended_q == '0);

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (legal);
      assert (request_stays);
      assert (in_burst);
      assert (goes_on);
      assert (all_sent);
    end
  end

  // How long words wait depends on the ranges that are given: `goes_on` says it, not the stream's own `moves`.
  stream_check #(
      .CAPACITY(DEPTH)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(1'b0),
      .in_data(s_axis_tdata[LANE]),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(m_axi_wdata[LANE]),
      .out_valid(m_axi_wvalid),
      .out_ready(m_axi_wready)
  );

endmodule
