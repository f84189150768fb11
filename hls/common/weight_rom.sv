// A read-only memory of DEPTH rows of WIDTH bits from a $readmemh file, in block RAM if BLOCK, else in LUTs:
// `row` is the one at `address` in the cycle before. A single row is constant.
`include "synthesis.svh"
module weight_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int BLOCK = 0,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter FILE = "rows.hex"
) (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic                  clk,      // a constant needs neither
    input  logic [ADDR_WIDTH-1:0] address,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic [     WIDTH-1:0] row
);

  if (DEPTH == 1) begin : gen_constant
    logic [WIDTH-1:0] rows[0:0];
    initial $readmemh(FILE, rows);
    assign row = rows[0];
  end else begin : gen_memory
    logic [WIDTH-1:0] row_q;
    assign row = row_q;
    if (BLOCK != 0) begin : gen_block
      (* rom_style = "block" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
      initial $readmemh(FILE, rows);
      always_ff @(posedge clk) row_q <= rows[address];
    end else begin : gen_lut
      `LEVADA_LUT_ROM(logic [WIDTH-1:0] rows[0:DEPTH-1])
      initial $readmemh(FILE, rows);
      always_ff @(posedge clk) row_q <= rows[address];
    end
  end

endmodule
