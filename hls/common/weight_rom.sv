// A read-only memory of DEPTH (at least 2) rows of WIDTH bits from a $readmemh file, in block RAM if BLOCK, else
// in LUTs: `row` is the one at `address` in the cycle before. With a PLACE it is a param_memory there.
//
// With SETTINGS > 1 (setting_register, on the bus of param_pkg) each weight of W_BITS bits reads as if its lower
// DROPPED[8*s +: 8] bits were 0 in setting s. In LUTs that takes none: the read registers are held at 0.
`include "synthesis.svh"
module weight_rom #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int BLOCK = 0,
    parameter logic [31:0] PLACE = '0,
    parameter int W_BITS = 1,
    parameter int SETTINGS = 1,
    parameter int ADDR_WIDTH = $clog2(DEPTH),
    parameter logic [8*SETTINGS-1:0] DROPPED = '0,
    parameter FILE = "rows.hex"
) (
    input  logic                       clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [param_pkg::BITS-1:0] param,    // what is only read does not need it
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [     ADDR_WIDTH-1:0] address,
    output logic [          WIDTH-1:0] row
);

  if (PLACE != '0 && SETTINGS > 1) begin : gen_illegal
    $error("weight_rom: what can be written has one setting");
  end

  if (SETTINGS > 1) begin : gen_settings
    logic [$clog2(SETTINGS)-1:0] setting;
    logic [W_BITS-1:0] dropped_q;
    setting_register #(
        .SETTINGS(SETTINGS)
    ) u_setting (
        .clk,
        .param,
        .setting
    );
    always_ff @(posedge clk) begin
      for (int b = 0; b < W_BITS; b = b + 1) dropped_q[b] <= 8'(b) < DROPPED[8*setting+:8];
    end

    if (BLOCK != 0) begin : gen_block
      (* rom_style = "block" *) logic [WIDTH-1:0] rows[0:DEPTH-1];
      logic [WIDTH-1:0] row_q;
      initial $readmemh(FILE, rows);
      always_ff @(posedge clk) row_q <= rows[address];
      assign row = row_q & ~{(WIDTH / W_BITS) {dropped_q}};
    end else begin : gen_lut
      `LEVADA_LUT_ROM(logic [WIDTH-1:0] rows[0:DEPTH-1])
      logic [WIDTH-1:0] found;
      initial $readmemh(FILE, rows);
      assign found = rows[address];
      for (genvar i = 0; i < WIDTH; i = i + 1) begin : gen_bit
        always_ff @(posedge clk) begin
          if (dropped_q[i%W_BITS]) row[i] <= 1'b0;
          else row[i] <= found[i];
        end
      end
    end
  end else if (PLACE != '0) begin : gen_writable
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
