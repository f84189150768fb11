// Counts the thresholds that x reaches, by a pipelined binary search: one comparison a level.
//
//   code(t + 2*LEVELS) = OFFSET + |{ k : x(t) >= threshold k of fold(t) }|   (mod 2^LEVELS)
//
// A fold has 2^LEVELS - 1 ascending signed thresholds. Level l decides one bit with one of FOLDS*2^l candidates,
// in a memory of its own addressed by the fold and the l bits already found: candidate p of fold f, threshold
// (2*p + 1)*2^(LEVELS-1-l) - 1, is value FOLDS*(2^l - 1) + f*2^l + p of THRESHOLDS, of WIDTH bits each. With
// BLOCK memories of DEEP candidates and more are block RAM. With a PLACE, not 0, they can be written, each level in a
// param_memory: candidate i of level l at PLACE + l*2^entry_width + i. Free-running: one result a cycle, no reset.
module threshold_search #(
    parameter int LEVELS = 2,
    parameter int FOLDS = 1,
    parameter int WIDTH = 8,
    parameter int BLOCK = 0,
    parameter logic [31:0] PLACE = '0,
    parameter int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1,
    parameter logic [LEVELS-1:0] OFFSET = '0,
    parameter logic [threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, 0)-1:0] THRESHOLDS = '0
) (
    input  logic                       clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [param_pkg::BITS-1:0] param,  // what is only read does not need it
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [     FOLD_WIDTH-1:0] fold,
    input  logic [          WIDTH-1:0] x,
    output logic [         LEVELS-1:0] code
);

  localparam int DEEP = 1024;

  logic [FOLD_WIDTH-1:0] folds[0:LEVELS];
  logic [WIDTH-1:0] xs[0:LEVELS];
  logic [LEVELS-1:0] found[0:LEVELS];

  assign folds[0] = fold;
  assign xs[0] = x;
  assign found[0] = '0;

  for (genvar l = 0; l < LEVELS; l = l + 1) begin : gen_level
    localparam int DEPTH = FOLDS << l;
    localparam int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam int BEFORE = FOLDS * ((1 << l) - 1);
    logic [ADDR_WIDTH-1:0] address;
    assign address = ADDR_WIDTH'((32'(folds[l]) << l) | (32'(found[l]) >> (LEVELS - l)));

    logic [WIDTH-1:0] candidate_q, x_q, x_qq;
    localparam int DEPTH_BLOCK = (BLOCK != 0 && DEPTH >= DEEP) ? 1 : 0;
    if (PLACE != '0) begin : gen_writable
      param_memory #(
          .WIDTH(WIDTH),
          .DEPTH(DEPTH),
          .BLOCK(DEPTH_BLOCK),
          .PLACE(PLACE + 32'(l << threshold_pkg::entry_width(FOLDS, LEVELS))),
          .ROWS(THRESHOLDS[BEFORE*WIDTH+:DEPTH*WIDTH])
      ) u_candidates (
          .clk,
          .param,
          .address,
          .row(candidate_q)
      );
    end else begin : gen_constant
      packed_rom #(
          .WIDTH(WIDTH),
          .DEPTH(DEPTH),
          .BLOCK(DEPTH_BLOCK),
          .ROWS(THRESHOLDS[BEFORE*WIDTH+:DEPTH*WIDTH])
      ) u_candidates (
          .clk,
          .address,
          .row(candidate_q)
      );
    end

    logic [FOLD_WIDTH-1:0] fold_q, fold_qq;
    logic [LEVELS-1:0] found_q, found_d, found_qq;

    always_comb begin
      found_d = found_q;
      found_d[LEVELS-1-l] = $signed(x_q) >= $signed(candidate_q);
      if (l == LEVELS - 1) found_d = found_d + OFFSET;
    end

    always_ff @(posedge clk) begin
      x_q <= xs[l];
      fold_q <= folds[l];
      found_q <= found[l];
      x_qq <= x_q;
      fold_qq <= fold_q;
      found_qq <= found_d;
    end

    assign xs[l+1] = x_qq;
    assign folds[l+1] = fold_qq;
    assign found[l+1] = found_qq;
  end

  assign code = found[LEVELS];

endmodule
