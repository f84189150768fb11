// The thresholds of one lane, 2*LEVELS cycles from x to its code: a threshold_search, T_BLOCK being its BLOCK, or
// with T_LINE > 0 a threshold_line, T_LINE, T_FRACTION and T_COUNT being its BITS, FRACTION and COUNT. Only the first
// may have a PLACE to be written.
module threshold_lane #(
    parameter int FOLDS = 2,
    parameter int WIDTH = 8,
    parameter int LEVELS = 2,
    parameter int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter logic [31:0] PLACE = '0,
    parameter logic [LEVELS-1:0] OFFSET = '0,
    parameter logic [threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, T_LINE)-1:0] THRESHOLDS = '0
) (
    input  logic                       clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [param_pkg::BITS-1:0] param,  // lines are only read
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [     FOLD_WIDTH-1:0] fold,
    input  logic [          WIDTH-1:0] x,
    output logic [         LEVELS-1:0] code
);

  if (T_LINE > 0 && PLACE != '0) begin : gen_illegal
    $error("threshold_lane: a line cannot be written");
  end
  if (T_LINE > 0) begin : gen_line
    threshold_line #(
        .LEVELS(LEVELS),
        .FOLDS(FOLDS),
        .WIDTH(WIDTH),
        .BITS(T_LINE),
        .FRACTION(T_FRACTION),
        .COUNT(T_COUNT),
        .OFFSET(OFFSET),
        .TABLE(THRESHOLDS)
    ) u_line (
        .clk,
        .fold,
        .x,
        .code
    );
  end else begin : gen_table
    threshold_search #(
        .LEVELS(LEVELS),
        .FOLDS(FOLDS),
        .WIDTH(WIDTH),
        .BLOCK(T_BLOCK),
        .PLACE(PLACE),
        .OFFSET(OFFSET),
        .THRESHOLDS(THRESHOLDS)
    ) u_search (
        .clk,
        .param,
        .fold,
        .x,
        .code
    );
  end

endmodule
