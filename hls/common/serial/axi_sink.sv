// A memory to write to that has no addresses: the words that are written wait, in their order, until somebody takes them.
//
// A burst is answered when all its words are in the fifo. Up to MOST bursts may wait for their words or answers. While
// `flush` the fifo is emptied, and words are dropped instead of stored.
module axi_sink #(
    parameter int DEPTH = 512,
    parameter int BLOCK = 1,
    parameter int MOST = 7
) (
    input  logic        clk,
    input  logic        rst_n,
    input  logic        flush,
    input  logic        s_axi_awvalid,
    output logic        s_axi_awready,
    input  logic [63:0] s_axi_wdata,
    input  logic        s_axi_wlast,
    input  logic        s_axi_wvalid,
    output logic        s_axi_wready,
    output logic [ 1:0] s_axi_bresp,
    output logic        s_axi_bvalid,
    input  logic        s_axi_bready,
    output logic [63:0] m_axis_tdata,
    output logic        m_axis_tvalid,
    input  logic        m_axis_tready
);

  localparam int COUNT_WIDTH = $clog2(MOST + 1);

  // Bursts that are not answered, and those of them whose words are all here.
  logic [COUNT_WIDTH-1:0] open_q, whole_q;
  logic begun, stored, answered, room;
  assign begun = s_axi_awvalid && s_axi_awready;
  assign stored = s_axi_wvalid && s_axi_wready;
  assign answered = s_axi_bvalid && s_axi_bready;
  assign s_axi_awready = open_q != COUNT_WIDTH'(MOST);
  assign s_axi_wready = open_q != whole_q && (room || flush);
  assign s_axi_bresp = 2'b00;
  assign s_axi_bvalid = whole_q != '0;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      open_q <= '0;
      whole_q <= '0;
    end else begin
      open_q <= open_q + COUNT_WIDTH'(begun) - COUNT_WIDTH'(answered);
      whole_q <= whole_q + COUNT_WIDTH'(stored && s_axi_wlast) - COUNT_WIDTH'(answered);
    end
  end

  fifo #(
      .WIDTH(64),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_words (
      .clk,
      .rst_n(rst_n && !flush),
      .s_axis_tdata(s_axi_wdata),
      .s_axis_tvalid(stored),
      .s_axis_tready(room),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
