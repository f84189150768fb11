// A read-only memory of DEPTH rows of WIDTH bits from a parameter, in block RAM if BLOCK, else in LUTs: `row` is
// the one at `address` in the cycle before. ROWS holds row i at bits [i*WIDTH +: WIDTH].
//
// In LUTs deep memories are cut into banks of BANK rows, and what chooses among banks comes behind their
// registers: a deeper memory in one piece takes up to half as many LUTs again.
`include "synthesis.svh"
module packed_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int BLOCK = 0,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter logic [DEPTH*WIDTH-1:0] ROWS = '0
) (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic                  clk,      // rows of zeros need neither
    input  logic [ADDR_WIDTH-1:0] address,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic [     WIDTH-1:0] row
);

  localparam int LUT_WORDS = 64;
  localparam int BANK = 256;

  if (BLOCK != 0) begin : gen_block
    (* rom_style = "block" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
    initial begin
      for (int i = 0; i < DEPTH; i = i + 1) rows[i] = ROWS[i*WIDTH+:WIDTH];
    end
    always_ff @(posedge clk) row <= rows[address];
  end else if (DEPTH <= LUT_WORDS) begin : gen_within
    rom_bank #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH),
        .ROWS(ROWS)
    ) u_bank (
        .clk,
        .address,
        .row
    );
  end else begin : gen_banks
    localparam int BANKS = (DEPTH + BANK - 1) / BANK;
    logic [WIDTH-1:0] bank_rows[0:BANKS-1];

    for (genvar b = 0; b < BANKS; b = b + 1) begin : gen_bank
      localparam int WORDS = (DEPTH - b * BANK < BANK) ? DEPTH - b * BANK : BANK;
      localparam int WORDS_WIDTH = (WORDS > 1) ? $clog2(WORDS) : 1;
      localparam logic [WORDS*WIDTH-1:0] BANK_ROWS = ROWS[b*BANK*WIDTH+:WORDS*WIDTH];
      if (BANK_ROWS == '0) begin : gen_zero
        assign bank_rows[b] = '0;
      end else begin : gen_words
        `LEVADA_MAP_APART
        rom_bank #(
            .WIDTH(WIDTH),
            .DEPTH(WORDS),
            .ROWS(BANK_ROWS)
        ) u_bank (
            .clk,
            .address(address[WORDS_WIDTH-1:0]),
            .row(bank_rows[b])
        );
      end
    end

    if (BANKS > 1) begin : gen_choice
      logic [ADDR_WIDTH-1:0] bank_q;
      always_ff @(posedge clk) bank_q <= address >> $clog2(BANK);
      assign row = bank_rows[bank_q];
    end else begin : gen_single
      assign row = bank_rows[0];
    end
  end

endmodule
