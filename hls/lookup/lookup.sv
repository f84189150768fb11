// Lookup: y = table[channel][low A_BITS bits of x], PE channels a cycle, each lane with a memory of its own.
//
// Row f*2^A_BITS + code of the TABLE file holds the entries of fold f for that code: of lane p at bits
// [p*O_BITS +: O_BITS], or of all lanes alike if LANES = 1. The memories are in block RAM if BLOCK, else in
// LUTs; synthesis drops the bits that a lane does not use. Everything behind the handshake runs freely; SLOTS
// credits keep the results within the output fifo.
`include "synthesis.svh"
module lookup #(
    parameter int PE = 2,
    parameter int FOLDS = 2,
    parameter int LANES = PE,
    parameter int X_BITS = 4,
    parameter int A_BITS = 4,
    parameter int O_BITS = 4,
    parameter int BLOCK = 0,
    parameter int SLOTS = 2,
    parameter TABLE = "table.hex"
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [PE*X_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    output logic [PE*O_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  localparam int DEPTH = FOLDS << A_BITS;
  localparam int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1;
  localparam int ADDR_WIDTH = $clog2(DEPTH);

  logic [FOLD_WIDTH-1:0] fold_q;
  logic step, credit, valid_q;
  logic [PE*O_BITS-1:0] results;

  assign step = s_axis_tvalid && credit;
  assign s_axis_tready = credit;

  always_ff @(posedge clk) begin
    if (!rst_n) fold_q <= '0;
    else if (step) fold_q <= (fold_q == FOLD_WIDTH'(FOLDS - 1)) ? '0 : fold_q + 1'b1;
    valid_q <= rst_n && step;
  end

  for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
    localparam int LANE = (LANES > 1) ? p : 0;
    logic [ADDR_WIDTH-1:0] address;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [LANES*O_BITS-1:0] row;  // a lane needs its own entry alone
    /* verilator lint_on UNUSEDSIGNAL */
    assign address = ADDR_WIDTH'({fold_q, s_axis_tdata[p*X_BITS+:A_BITS]});
    assign results[p*O_BITS+:O_BITS] = row[LANE*O_BITS+:O_BITS];
    `LEVADA_MAP_APART
    weight_rom #(
        .WIDTH(LANES * O_BITS),
        .DEPTH(DEPTH),
        .BLOCK(BLOCK),
        .FILE(TABLE)
    ) u_table (
        .clk,
        .param('0),
        .address,
        .row
    );
  end

  credit_fifo #(
      .WIDTH(PE * O_BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step),
      .credit,
      .push(valid_q),
      .data(results),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
