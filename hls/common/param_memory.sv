// A memory of DEPTH rows of WIDTH bits that is read like a weight_rom (`row` is the one at `address` in the cycle
// before) and written through the bus of param_pkg: bits [32*k +: 32] of row r by the word for address
// PLACE + r*2^WORD_WIDTH + k, where WORD_WIDTH counts the words of a row. A row is written with its last word, so
// its words come in order. PLACE is a multiple of what the memory takes of the addresses, a power of two.
//
// At first it holds the rows of the $readmemh file FILE, or without a file ROWS, with row i at bits
// [i*WIDTH +: WIDTH]. It is block RAM if BLOCK, else LUT RAM.
module param_memory #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int BLOCK = 0,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter logic [31:0] PLACE = '0,
    parameter FILE = "",
    parameter logic [DEPTH*WIDTH-1:0] ROWS = '0
) (
    input  logic                       clk,
    input  logic [param_pkg::BITS-1:0] param,
    input  logic [     ADDR_WIDTH-1:0] address,
    output logic [          WIDTH-1:0] row
);

  localparam int WORDS = (WIDTH + 31) / 32;
  localparam int WORD_WIDTH = $clog2(WORDS);
  localparam int SPAN_WIDTH = WORD_WIDTH + $clog2(DEPTH);

  if (PLACE != (PLACE >> SPAN_WIDTH) << SPAN_WIDTH) begin : gen_illegal
    $error("param_memory: PLACE must be a multiple of what the memory takes of the addresses");
  end

  logic valid, here, write;
  logic [31:0] place;
  logic [ADDR_WIDTH-1:0] written;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [31:0] data;  // of the last word of a row not all bits
  /* verilator lint_on UNUSEDSIGNAL */
  logic [WIDTH-1:0] whole;

  assign {valid, place, data} = param;
  assign here = valid && (place >> SPAN_WIDTH) == (PLACE >> SPAN_WIDTH);
  assign written = (DEPTH > 1) ? ADDR_WIDTH'(place >> WORD_WIDTH) : '0;

  if (WORDS > 1) begin : gen_words
    logic [WORD_WIDTH-1:0] word;
    logic [32*(WORDS-1)-1:0] words_q;
    assign word = place[WORD_WIDTH-1:0];
    assign write = here && word == WORD_WIDTH'(WORDS - 1);
    assign whole = {data[WIDTH-32*(WORDS-1)-1:0], words_q};
    for (genvar k = 0; k < WORDS - 1; k = k + 1) begin : gen_word
      always_ff @(posedge clk) if (here && word == WORD_WIDTH'(k)) words_q[32*k+:32] <= data;
    end
  end else begin : gen_word
    assign write = here;
    assign whole = data[WIDTH-1:0];
  end

  if (BLOCK != 0) begin : gen_block
    (* ram_style = "block" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
    if (FILE != "") begin : gen_file
      initial $readmemh(FILE, rows);
    end else begin : gen_rows
      initial begin
        for (int i = 0; i < DEPTH; i = i + 1) rows[i] = ROWS[i*WIDTH+:WIDTH];
      end
    end
    always_ff @(posedge clk) begin
      if (write) rows[written] <= whole;
      row <= rows[address];
    end
  end else begin : gen_lut
    (* ram_style = "distributed" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
    if (FILE != "") begin : gen_file
      initial $readmemh(FILE, rows);
    end else begin : gen_rows
      initial begin
        for (int i = 0; i < DEPTH; i = i + 1) rows[i] = ROWS[i*WIDTH+:WIDTH];
      end
    end
    always_ff @(posedge clk) begin
      if (write) rows[written] <= whole;
      row <= rows[address];
    end
  end

endmodule
