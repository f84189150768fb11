// A memory to read from that has no addresses: the words that somebody gives, in their order, answer what is asked for.
//
// Bursts are taken while fewer than MOST words are owed, and answered with words of the fifo as soon as they are
// there: whoever reads has to ask for them in the order in which they are given. While `flush` the fifo is emptied, and
// all that was asked for is answered with words that mean nothing; they have to be taken at once, as axi_read does.
module axi_source #(
    parameter int DEPTH = 512,
    parameter int BLOCK = 1,
    parameter int MOST = 64
) (
    input  logic        clk,
    input  logic        rst_n,
    input  logic        flush,
    input  logic [63:0] s_axis_tdata,
    input  logic        s_axis_tvalid,
    output logic        s_axis_tready,
    input  logic [ 3:0] s_axi_arlen,
    input  logic        s_axi_arvalid,
    output logic        s_axi_arready,
    output logic [63:0] s_axi_rdata,
    output logic [ 1:0] s_axi_rresp,
    output logic        s_axi_rvalid,
    input  logic        s_axi_rready
);

  localparam int COUNT_WIDTH = $clog2(MOST + 16);

  logic [COUNT_WIDTH-1:0] owed_q;
  logic asked, given, word_valid;
  assign asked = s_axi_arvalid && s_axi_arready;
  assign given = s_axi_rvalid && s_axi_rready;
  assign s_axi_arready = owed_q < COUNT_WIDTH'(MOST);
  assign s_axi_rresp = 2'b00;
  assign s_axi_rvalid = owed_q != '0 && (word_valid || flush);

  always_ff @(posedge clk) begin
    if (!rst_n) owed_q <= '0;
    else owed_q <= owed_q + (asked ? COUNT_WIDTH'(s_axi_arlen) + 1'b1 : '0) - COUNT_WIDTH'(given);
  end

  fifo #(
      .WIDTH(64),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_words (
      .clk,
      .rst_n(rst_n && !flush),
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata(s_axi_rdata),
      .m_axis_tvalid(word_valid),
      .m_axis_tready(given)
  );

endmodule
