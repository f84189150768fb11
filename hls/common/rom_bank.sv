// A read-only memory of DEPTH rows of WIDTH bits from a parameter, in LUTs: `row` is the one at `address` in the
// cycle before. ROWS holds row i at bits [i*WIDTH +: WIDTH].
`include "synthesis.svh"
module rom_bank #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1,
    parameter logic [DEPTH*WIDTH-1:0] ROWS = '0
) (
    input  logic                  clk,
    input  logic [ADDR_WIDTH-1:0] address,
    output logic [     WIDTH-1:0] row
);

  `LEVADA_LUT_ROM(logic [WIDTH-1:0] rows[0:DEPTH-1])
  initial begin
    for (int i = 0; i < DEPTH; i = i + 1) rows[i] = ROWS[i*WIDTH+:WIDTH];
  end
  always_ff @(posedge clk) row <= rows[address];

endmodule
