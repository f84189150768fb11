// The last ROWS rows of an image, WORDS words each: with each new word, the words above it.
//
// `newest` comes one cycle after `fetch`, together with `shift`; `rows` then holds the word WORDS before it at
// the top, down to the one ROWS*WORDS before it at bit 0. Words are kept in one memory as wide as all rows: a
// word of it is read, and written back with the newest word in place of the oldest.
// BLOCK = 1 is block RAM, for WORDS > 1, and 0 LUT RAM, which reads and writes the same word in one cycle.
module swu_rows #(
    parameter int WIDTH = 8,
    parameter int ROWS = 2,
    parameter int WORDS = 4,
    parameter int BLOCK = 0
) (
    input  logic                  clk,
    input  logic                  rst_n,
    input  logic                  fetch,
    input  logic                  shift,
    input  logic [     WIDTH-1:0] newest,
    output logic [ROWS*WIDTH-1:0] rows
);

  localparam int ADDR_WIDTH = (WORDS > 1) ? $clog2(WORDS) : 1;

  logic [ADDR_WIDTH-1:0] fetch_q, shift_q;
  logic [ROWS*WIDTH-1:0] shifted;
  assign shifted = (ROWS * WIDTH)'({newest, rows} >> WIDTH);

  always_ff @(posedge clk) begin
    if (!rst_n) fetch_q <= '0;
    else if (fetch) fetch_q <= (fetch_q == ADDR_WIDTH'(WORDS - 1)) ? '0 : fetch_q + 1'b1;
    shift_q <= fetch_q;
  end

  if (BLOCK != 0) begin : gen_block
    beat_memory #(
        .WIDTH(ROWS * WIDTH),
        .DEPTH(WORDS),
        .BLOCK(1)
    ) u_words (
        .clk,
        .write(shift),
        .write_address(shift_q),
        .data(shifted),
        .read_address(fetch_q),
        .beat(rows)
    );
  end else begin : gen_lut
    (* ram_style = "distributed" *) logic [ROWS*WIDTH-1:0] words[0:WORDS-1];
    always_ff @(posedge clk) if (shift) words[shift_q] <= shifted;
    assign rows = words[shift_q];
  end

endmodule
