// Receives bytes from an asynchronous line, 8N1: a start bit (low), 8 bits, the lowest first, a stop bit (high).
//
// A bit lasts DIVISOR cycles, 4 or more, and is looked at in its middle. A start bit that is over by then is noise and
// forgotten; a byte without its stop bit is dropped, and the next one begins with the next falling edge. `valid` is
// high for the one cycle in which `data` is there.
module uart_rx #(
    parameter int DIVISOR = 4
) (
    input  logic       clk,
    input  logic       rst_n,
    input  logic       receive,
    output logic [7:0] data,
    output logic       valid
);

  localparam int COUNT_WIDTH = $clog2(DIVISOR);

  if (DIVISOR < 4) begin : gen_illegal
    $error("uart_rx: DIVISOR must be at least 4");
  end

  // Two registers let a level settle that changes at any time.
  logic [1:0] settled_q;
  logic line, before_q;
  assign line = settled_q[1];

  logic busy_q, falls, sample;
  logic [COUNT_WIDTH-1:0] count_q;
  logic [3:0] bit_q;
  assign falls = before_q && !line;
  assign sample = busy_q && count_q == '0;
  assign valid = sample && bit_q == 4'd9 && line;

  always_ff @(posedge clk) begin
    settled_q <= {settled_q[0], receive};
    before_q <= line;
    if (!rst_n) busy_q <= 1'b0;
    else if (!busy_q) busy_q <= falls;
    else if (sample && (bit_q == 4'd9 || (bit_q == '0 && line))) busy_q <= 1'b0;
    if (!busy_q) begin
      count_q <= COUNT_WIDTH'(DIVISOR / 2 - 1);
      bit_q <= '0;
    end else if (sample) begin
      count_q <= COUNT_WIDTH'(DIVISOR - 1);
      bit_q <= bit_q + 1'b1;
    end else begin
      count_q <= count_q - 1'b1;
    end
    if (sample && bit_q != 4'd9) data <= {line, data[7:1]};
  end

endmodule
