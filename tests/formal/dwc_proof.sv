// A width converter is a stream (stream_check) of elements, whose border it moves; nothing is assumed.
module dwc_proof #(
    parameter int BITS = 1,
    parameter int IN = 2,
    parameter int OUT = 3,
    parameter int STORED = ((IN > OUT) ? IN : OUT) - 1 + OUT,
    parameter int PLACE_WIDTH = $clog2(STORED + IN + OUT + 1)
) (
    input logic                   clk,
    input logic                   pick,
    input logic [PLACE_WIDTH-1:0] place,
    input logic [    IN*BITS-1:0] s_axis_tdata,
    input logic                   s_axis_tvalid,
    input logic                   m_axis_tready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [OUT*BITS-1:0] m_axis_tdata;
  logic s_axis_tready, m_axis_tvalid;

  dwc #(
      .BITS(BITS),
      .IN(IN),
      .OUT(OUT)
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
      .BITS(BITS),
      .IN(IN),
      .OUT(OUT),
      .CAPACITY(STORED)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place,
      .open(m_axis_tready),
      .in_data(s_axis_tdata),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(m_axis_tdata),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

endmodule
