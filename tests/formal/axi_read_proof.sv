// What a memory answers to axi_read is the stream that it gives (stream_check); and its requests are legal.
//
// Words are looked at in bit LANE alone: all bits of a word take the same way. Assumed of the user: a range is
// only given while `free`. Assumed of the memory: it answers what was asked for, without an error.
// `legal`: a burst has at most BURST words and does not cross 4 KiB.
// `request_stays`: a request is offered, unchanged, until it is taken.
// `asks`: while words of a range are due and the stream is taken, a request is offered or under way within eight
// cycles.
// `all_asked`: when no longer busy, all words that were given were asked for and have come.
module axi_read_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int BURST = 2,
    parameter int DEPTH = 4,
    parameter int WORD_BITS = 3,
    parameter int LANE = 0
) (
    input logic                    clk,
    input logic                    pick,
    input logic                    start,
    input logic [ADDRESS_BITS-4:0] place,
    input logic [   WORD_BITS-1:0] count,
    input logic                    m_axi_arready,
    input logic [            63:0] m_axi_rdata,
    input logic                    m_axi_rvalid,
    input logic                    m_axis_tready
);

  localparam int DUE_BITS = WORD_BITS + 2;

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [ADDRESS_BITS-1:0] m_axi_araddr;
  logic [3:0] m_axi_arlen;
  logic [63:0] m_axis_tdata;
  logic [1:0] error;
  logic free, busy, m_axi_arvalid, m_axi_rready, m_axis_tvalid;

  axi_read #(
      .ADDRESS_BITS(ADDRESS_BITS),
      .BURST(BURST),
      .DEPTH(DEPTH)
  ) u_dut (
      .address({place, 3'b000}),
      .words(32'(count)),
      .flush(1'b0),
      .m_axi_rresp('0),
      .*
  );

  // Words that were given and not asked for, and words that were asked for and did not come.
  logic [DUE_BITS-1:0] unasked_q, pending_q;
  logic [ADDRESS_BITS-1:0] araddr_q;
  logic [3:0] arlen_q, still_q;
  logic offered_q, asked, waits;
  assign asked = m_axi_arvalid && m_axi_arready;
  assign waits = unasked_q != '0 && m_axis_tready && pending_q == '0 && !m_axi_arvalid;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      unasked_q <= '0;
      pending_q <= '0;
      offered_q <= 1'b0;
      still_q <= '0;
    end else begin
      unasked_q <= unasked_q + (start ? DUE_BITS'(count) : '0) - (asked ? DUE_BITS'(m_axi_arlen) + 1'b1 : '0);
      pending_q <= pending_q + (asked ? DUE_BITS'(m_axi_arlen) + 1'b1 : '0)
          - DUE_BITS'(m_axi_rvalid && m_axi_rready);
      offered_q <= m_axi_arvalid && !m_axi_arready;
      still_q <= waits ? still_q + 1'b1 : '0;
      assume (!start || free);
      assume (!m_axi_rvalid || pending_q != '0);
    end
    araddr_q <= m_axi_araddr;
    arlen_q <= m_axi_arlen;
  end

  logic legal, request_stays, asks, all_asked;
  logic [12:0] behind;
  assign behind = 13'(m_axi_araddr[11:0]) + ((13'(m_axi_arlen) + 1'b1) << 3);
  assign legal = !m_axi_arvalid || (m_axi_arlen < 4'(BURST) && behind <= 13'd4096);
  assign request_stays = !offered_q || (m_axi_arvalid && m_axi_araddr == araddr_q && m_axi_arlen == arlen_q);
  assign asks = still_q < 4'd8;
  assign all_asked = busy || (unasked_q == '0 && pending_q == '0);

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (legal);
      assert (request_stays);
      assert (asks);
      assert (all_asked);
    end
  end

  stream_check #(
      .CAPACITY(DEPTH)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(m_axis_tready),
      .in_data(m_axi_rdata[LANE]),
      .in_valid(m_axi_rvalid),
      .in_ready(m_axi_rready),
      .out_data(m_axis_tdata[LANE]),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

endmodule
