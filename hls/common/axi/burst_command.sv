// What a burst engine has to move: a range of memory that is cut into bursts, and a second one that may wait.
//
// A burst ends where the next BURST words of 8 bytes begin, or with the range. `next` moves on to the burst
// behind the one shown by `at` (its address) and `length`, which is the range's last where it takes all that is
// left: `left` counts the words that no `next` has covered. `flush` forgets everything.
module burst_command #(
    parameter int ADDRESS_BITS = 32,
    parameter int BURST = 16
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic                    flush,
    input  logic                    start,
    input  logic [ADDRESS_BITS-1:0] address,
    input  logic [            31:0] words,
    output logic                    free,
    input  logic                    next,
    output logic [ADDRESS_BITS-1:0] at,
    output logic [            31:0] left,
    output logic [             4:0] length
);

  localparam int PLACE_BITS = $clog2(BURST);

  if (BURST != 2 ** PLACE_BITS || BURST > 16) begin : gen_illegal
    $error("burst_command: BURST must be 2, 4, 8 or 16");
  end

  logic [ADDRESS_BITS-1:0] waiting_address_q;
  logic [31:0] waiting_words_q;
  logic waiting_q, ends, last;
  logic [4:0] to_border;

  assign to_border = 5'(BURST) - 5'(at[3+:PLACE_BITS]);
  // Of `left` only the low bits are compared: the others do not wait for what is left up to the border.
  assign last = left[31:5] == '0 && left[4:0] <= to_border;
  assign length = last ? left[4:0] : to_border;
  assign free = !waiting_q;
  assign ends = left == '0 || (next && last);

  always_ff @(posedge clk) begin
    if (!rst_n || flush) begin
      waiting_q <= 1'b0;
      left <= '0;
    end else begin
      if (start) waiting_q <= 1'b1;
      else if (ends) waiting_q <= 1'b0;
      if (ends) left <= waiting_q ? waiting_words_q : '0;
      else if (next) left <= left - 32'(length);
    end
    if (start) begin
      waiting_address_q <= address;
      waiting_words_q <= words;
    end
    if (ends) at <= waiting_address_q;
    else if (next) at <= at + (ADDRESS_BITS'(length) << 3);
  end

endmodule
