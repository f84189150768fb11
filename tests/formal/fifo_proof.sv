// A fifo is a stream (stream_check) that holds DEPTH beats; nothing is assumed of either neighbour.
module fifo_proof #(
    parameter int WIDTH = 1,
    parameter int DEPTH = 2,
    parameter int BLOCK = 0
) (
    input logic             clk,
    input logic             pick,
    input logic [WIDTH-1:0] s_axis_tdata,
    input logic             s_axis_tvalid,
    input logic             m_axis_tready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [WIDTH-1:0] m_axis_tdata;
  logic s_axis_tready, m_axis_tvalid;

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_dut (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

  stream_check #(
      .BITS(WIDTH),
      .CAPACITY(DEPTH)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(m_axis_tready),
      .in_data(s_axis_tdata),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(m_axis_tdata),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

endmodule
