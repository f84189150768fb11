// Writes a stream of 64-bit words to a range of memory, over an AXI3 or AXI4 write port.
//
// `start` asks for `words` words from `address` on, a multiple of 8, and is only allowed while `free`: one
// command may wait behind the one that runs. A burst ends where the next BURST words begin, so none crosses
// 4 KiB, and starts when all its words are here: the port is never held by a burst that waits for the stream.
// Its address and its first word are offered together, as AXI demands. Up to UNANSWERED bursts may wait for
// their answers. `finished` is high for one cycle when a command's words all lie in memory, that is, are answered.
//
// Of the last word of every FRAME_WORDS only the bytes of LAST_STROBE are written.
//
// A bad answer is kept in `error` (its BRESP, 0 for none) and ends the transfer. `flush` ends it, too: a burst
// that has begun is completed. Hold it until `busy` falls; the error is then forgotten.
`include "assert.svh"
module axi_write #(
    parameter int ADDRESS_BITS = 32,
    parameter int BURST = 16,
    parameter int DEPTH = 64,
    parameter int UNANSWERED = 7,
    parameter int FRAME_WORDS = 1,
    parameter logic [7:0] LAST_STROBE = 8'hff
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic                    flush,
    input  logic                    start,
    input  logic [ADDRESS_BITS-1:0] address,
    input  logic [            31:0] words,
    output logic                    free,
    output logic                    busy,
    output logic                    finished,
    output logic [             1:0] error,
    input  logic [            63:0] s_axis_tdata,
    input  logic                    s_axis_tvalid,
    output logic                    s_axis_tready,
    output logic [ADDRESS_BITS-1:0] m_axi_awaddr,
    output logic [             3:0] m_axi_awlen,
    output logic                    m_axi_awvalid,
    input  logic                    m_axi_awready,
    output logic [            63:0] m_axi_wdata,
    output logic [             7:0] m_axi_wstrb,
    output logic                    m_axi_wlast,
    output logic                    m_axi_wvalid,
    input  logic                    m_axi_wready,
    input  logic [             1:0] m_axi_bresp,
    input  logic                    m_axi_bvalid,
    output logic                    m_axi_bready
);

  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam int ANSWER_WIDTH = $clog2(UNANSWERED + 1);
  localparam int PLACE_WIDTH = (FRAME_WORDS > 1) ? $clog2(FRAME_WORDS) : 1;

  logic [ADDRESS_BITS-1:0] address_q;
  logic [31:0] left_q;
  logic [4:0] length, sent_left_q;
  logic issue, last, sent, answered, stored;
  assign last = left_q[31:5] == '0 && left_q[4:0] == length;

  // A command's last burst is answered before the next command's first one is issued: `closing_q`.
  logic closing_q;
  logic [ANSWER_WIDTH-1:0] unanswered_q;
  logic [COUNT_WIDTH-1:0] stored_q;

  assign stored = s_axis_tvalid && s_axis_tready;
  assign sent = m_axi_wvalid && m_axi_wready;
  assign answered = m_axi_bvalid && m_axi_bready;
  assign issue = left_q != '0 && !m_axi_awvalid && sent_left_q == '0 && !closing_q && !flush && error == '0
      && stored_q >= COUNT_WIDTH'(length) && unanswered_q != ANSWER_WIDTH'(UNANSWERED);
  assign finished = closing_q && unanswered_q == '0 && error == '0 && !flush;
  assign busy = left_q != '0 || !free || closing_q || m_axi_awvalid || unanswered_q != '0;
  assign m_axi_wvalid = sent_left_q != '0;
  assign m_axi_wlast = sent_left_q == 5'd1;
  assign m_axi_bready = 1'b1;

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
      .next(issue),
      .at(address_q),
      .left(left_q),
      .length
  );

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      m_axi_awvalid <= 1'b0;
      sent_left_q <= '0;
      unanswered_q <= '0;
      closing_q <= 1'b0;
      error <= '0;
    end else begin
      if (issue) m_axi_awvalid <= 1'b1;
      else if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (issue) sent_left_q <= length;
      else if (sent) sent_left_q <= sent_left_q - 1'b1;
      unanswered_q <= unanswered_q + ANSWER_WIDTH'(issue) - ANSWER_WIDTH'(answered);
      if (issue && last) closing_q <= 1'b1;
      else if (unanswered_q == '0) closing_q <= 1'b0;
      if (answered && m_axi_bresp[1] && error == '0) error <= m_axi_bresp;
      else if (flush && !m_axi_awvalid && unanswered_q == '0) error <= '0;
    end
    if (issue) begin
      m_axi_awaddr <= address_q;
      m_axi_awlen <= 4'(length - 1'b1);
    end
  end

  // A burst that has begun takes its words from the fifo, so it is emptied behind the burst.
  logic empty;
  assign empty = flush && sent_left_q == '0;
  always_ff @(posedge clk) begin
    if (!rst_n || empty) stored_q <= '0;
    else stored_q <= stored_q + COUNT_WIDTH'(stored) - COUNT_WIDTH'(sent);
  end

  logic word_valid;
  fifo #(
      .WIDTH(64),
      .DEPTH(DEPTH)
  ) u_words (
      .clk,
      .rst_n(rst_n && !empty),
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata(m_axi_wdata),
      .m_axis_tvalid(word_valid),
      .m_axis_tready(sent)
  );

  if (LAST_STROBE == 8'hff) begin : gen_all_bytes
    assign m_axi_wstrb = 8'hff;
  end else begin : gen_frame_ends
    logic [PLACE_WIDTH-1:0] place_q;
    logic ends;
    assign ends = place_q == PLACE_WIDTH'(FRAME_WORDS - 1);
    assign m_axi_wstrb = ends ? LAST_STROBE : 8'hff;
    always_ff @(posedge clk) begin
      if (!rst_n || empty) place_q <= '0;
      else if (sent) place_q <= ends ? '0 : place_q + 1'b1;
    end
  end

  `LEVADA_ASSERT(start_is_free, !start || free)
  `LEVADA_ASSERT(words_are_here, !m_axi_wvalid || word_valid)
  `LEVADA_ASSERT(answers_were_due, !answered || unanswered_q != '0)

endmodule
