// A read-only memory of DEPTH (at least 2) rows of WIDTH bits from a $readmemh file, in block RAM if BLOCK, else
// in LUTs: `row` is the one at `address` in the cycle before. With a PLACE it is a param_memory there.
`include "synthesis.svh"
module weight_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int BLOCK = 0,
    parameter logic [31:0] PLACE = '0,
    parameter int ADDR_WIDTH = $clog2(DEPTH),
    parameter FILE = "rows.hex"
) (
    input  logic                       clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [param_pkg::BITS-1:0] param,    // what is only read does not need it
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [     ADDR_WIDTH-1:0] address,
    output logic [          WIDTH-1:0] row
);

  if (PLACE != '0) begin : gen_writable
    param_memory #(
        .WIDTH(WIDTH),
        .DEPTH(DEPTH),
        .BLOCK(BLOCK),
        .PLACE(PLACE),
        .FILE(FILE)
    ) u_rows (
        .clk,
        .param,
        .address,
        .row
    );
  end else if (BLOCK != 0) begin : gen_block
    (* rom_style = "block" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
    initial $readmemh(FILE, rows);
    always_ff @(posedge clk) row <= rows[address];
  end else begin : gen_lut
    `LEVADA_LUT_ROM(logic [WIDTH-1:0] rows[0:DEPTH-1])
    initial $readmemh(FILE, rows);
    always_ff @(posedge clk) row <= rows[address];
  end

endmodule
