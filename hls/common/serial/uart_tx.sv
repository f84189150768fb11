// Sends bytes over an asynchronous line, 8N1: a start bit (low), 8 bits, the lowest first, a stop bit (high).
//
// A bit lasts DIVISOR cycles. Bytes that wait follow each other without a gap.
module uart_tx #(
    parameter int DIVISOR = 4
) (
    input  logic       clk,
    input  logic       rst_n,
    input  logic [7:0] s_axis_tdata,
    input  logic       s_axis_tvalid,
    output logic       s_axis_tready,
    output logic       transmit
);

  localparam int COUNT_WIDTH = $clog2(DIVISOR);

  // What is still to be sent behind the level on the line, and for how many bits.
  logic [8:0] bits_q;
  logic [3:0] left_q;
  logic [COUNT_WIDTH-1:0] count_q;
  logic ends;
  assign ends = count_q == '0;
  assign s_axis_tready = left_q == '0 && ends;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      transmit <= 1'b1;
      left_q <= '0;
      count_q <= '0;
    end else if (!ends) begin
      count_q <= count_q - 1'b1;
    end else if (left_q != '0) begin
      transmit <= bits_q[0];
      left_q <= left_q - 1'b1;
      count_q <= COUNT_WIDTH'(DIVISOR - 1);
    end else if (s_axis_tvalid) begin
      transmit <= 1'b0;
      left_q <= 4'd9;
      count_q <= COUNT_WIDTH'(DIVISOR - 1);
    end
    if (s_axis_tvalid && s_axis_tready) bits_q <= {1'b1, s_axis_tdata};
    else if (ends) bits_q <= bits_q >> 1;
  end

endmodule
