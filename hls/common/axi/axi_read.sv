// Reads a range of memory as a stream of 64-bit words, over an AXI3 or AXI4 read port.
//
// `start` asks for `words` words from `address` on, a multiple of 8, and is only allowed while `free`: one
// command may wait behind the one that runs, so that a stream has no gap between two batches. A burst ends where
// the next BURST words begin, so none crosses 4 KiB, and is asked for when DEPTH words of memory have room for
// all of it: rready never falls, and memory latency is hidden by as many bursts as fit into DEPTH.
//
// A bad answer is kept in `error` (its RRESP, 0 for none) and ends the transfer. `flush` ends it, too: what is
// under way is taken from the bus and dropped, since a bus that is left alone in the middle of a burst hangs.
// Hold it until `busy` falls; the error is then forgotten.
`include "assert.svh"
module axi_read #(
    parameter int ADDRESS_BITS = 32,
    parameter int BURST = 16,
    parameter int DEPTH = 64
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic                    flush,
    input  logic                    start,
    input  logic [ADDRESS_BITS-1:0] address,
    input  logic [            31:0] words,
    output logic                    free,
    output logic                    busy,
    output logic [             1:0] error,
    output logic [ADDRESS_BITS-1:0] m_axi_araddr,
    output logic [             3:0] m_axi_arlen,
    output logic                    m_axi_arvalid,
    input  logic                    m_axi_arready,
    input  logic [            63:0] m_axi_rdata,
    input  logic [             1:0] m_axi_rresp,
    input  logic                    m_axi_rvalid,
    output logic                    m_axi_rready,
    output logic [            63:0] m_axis_tdata,
    output logic                    m_axis_tvalid,
    input  logic                    m_axis_tready
);

  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);

  logic [ADDRESS_BITS-1:0] address_q;
  logic [31:0] left_q;
  logic [4:0] length, asked_q;
  logic ask, arrived, taken, idle;

  burst_command #(
      .ADDRESS_BITS(ADDRESS_BITS),
      .BURST(BURST)
  ) u_command (
      .clk,
      .rst_n,
      .flush(flush || error != '0),
      .start,
      .address,
      .words,
      .free,
      .next(ask),
      .at(address_q),
      .left(left_q),
      .length
  );

  // Words that were asked for and did not come yet; and those for which there must be room, until they leave.
  logic [COUNT_WIDTH-1:0] pending_q, claimed_q;
  logic room;

  assign arrived = m_axi_rvalid && m_axi_rready;
  assign taken = m_axis_tvalid && m_axis_tready;
  assign idle = pending_q == '0 && !m_axi_arvalid;
  assign room = claimed_q <= COUNT_WIDTH'(DEPTH - BURST);
  assign ask = left_q != '0 && !m_axi_arvalid && room && !flush && error == '0;
  assign busy = left_q != '0 || !idle || !free;
  assign m_axi_rready = 1'b1;
  assign m_axi_arlen = 4'(asked_q - 1'b1);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      m_axi_arvalid <= 1'b0;
      pending_q <= '0;
      claimed_q <= '0;
      error <= '0;
    end else begin
      if (ask) m_axi_arvalid <= 1'b1;
      else if (m_axi_arready) m_axi_arvalid <= 1'b0;
      pending_q <= pending_q + (ask ? COUNT_WIDTH'(length) : '0) - COUNT_WIDTH'(arrived);
      if (flush) claimed_q <= '0;
      else claimed_q <= claimed_q + (ask ? COUNT_WIDTH'(length) : '0) - COUNT_WIDTH'(taken);
      if (arrived && m_axi_rresp[1] && error == '0) error <= m_axi_rresp;
      else if (flush && idle) error <= '0;
    end
    if (ask) begin
      m_axi_araddr <= address_q;
      asked_q <= length;
    end
  end

  logic stored;
  fifo #(
      .WIDTH(64),
      .DEPTH(DEPTH)
  ) u_words (
      .clk,
      .rst_n(rst_n && !flush),
      .s_axis_tdata(m_axi_rdata),
      .s_axis_tvalid(arrived && !flush),
      .s_axis_tready(stored),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

  `LEVADA_ASSERT(start_is_free, !start || free)
  `LEVADA_ASSERT(words_find_room, !(arrived && !flush) || stored)
  `LEVADA_ASSERT(no_more_than_asked, !arrived || pending_q != '0)

endmodule
