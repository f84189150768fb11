// The end of a layer that may have thresholds: lanes of values, what thresholds make of them, output fifo.
//
// A beat holds PE values of WIDTH bits. With LEVELS > 0 each becomes the code of threshold_search, 2*LEVELS
// cycles later; beats come in order, fold after fold of a pixel's FOLDS, and lane p's rows are contiguous in
// THRESHOLDS, as threshold_lane takes them, to which the parameters T_ go. With LEVELS = 0 the values stay as they
// are. `claim`, `credit`, `push` and `data` are those of credit_fifo.
`include "synthesis.svh"
module activation #(
    parameter int PE = 2,
    parameter int FOLDS = 2,
    parameter int WIDTH = 8,
    parameter int LEVELS = 2,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : WIDTH,
    parameter int SLOTS = 2,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE*threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, T_LINE)-1:0] THRESHOLDS = '0
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic                 claim,
    output logic                 credit,
    input  logic                 push,
    input  logic [ PE*WIDTH-1:0] data,
    output logic [PE*O_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  logic [PE*O_BITS-1:0] results;
  logic results_valid;

  if (LEVELS > 0) begin : gen_thresholds
    localparam int LANE_BITS = threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, T_LINE);
    localparam int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    logic [2*LEVELS-1:0] valid_q;
    logic [FOLD_WIDTH-1:0] fold_q;
    always_ff @(posedge clk) begin
      if (!rst_n) begin
        valid_q <= '0;
        fold_q <= '0;
      end else begin
        valid_q <= (2 * LEVELS)'({valid_q, push});
        if (push) fold_q <= (fold_q == FOLD_WIDTH'(FOLDS - 1)) ? '0 : fold_q + 1'b1;
      end
    end
    assign results_valid = valid_q[2*LEVELS-1];
    for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
      // With a single fold the thresholds are constants, and so may be some bits of what they are compared with.
      if (FOLDS > 1) begin : gen_apart
        `LEVADA_MAP_APART
        threshold_lane #(
            .FOLDS(FOLDS),
            .WIDTH(WIDTH),
            .LEVELS(LEVELS),
            .T_BLOCK(T_BLOCK),
            .T_LINE(T_LINE),
            .T_FRACTION(T_FRACTION),
            .T_COUNT(T_COUNT),
            .OFFSET(OFFSET),
            .THRESHOLDS(THRESHOLDS[p*LANE_BITS+:LANE_BITS])
        ) u_lane (
            .clk,
            .fold(fold_q),
            .x(data[p*WIDTH+:WIDTH]),
            .code(results[p*O_BITS+:O_BITS])
        );
      end else begin : gen_within
        threshold_lane #(
            .FOLDS(FOLDS),
            .WIDTH(WIDTH),
            .LEVELS(LEVELS),
            .T_BLOCK(T_BLOCK),
            .T_LINE(T_LINE),
            .T_FRACTION(T_FRACTION),
            .T_COUNT(T_COUNT),
            .OFFSET(OFFSET),
            .THRESHOLDS(THRESHOLDS[p*LANE_BITS+:LANE_BITS])
        ) u_lane (
            .clk,
            .fold(fold_q),
            .x(data[p*WIDTH+:WIDTH]),
            .code(results[p*O_BITS+:O_BITS])
        );
      end
    end
  end else begin : gen_values
    assign results = data;
    assign results_valid = push;
  end

  credit_fifo #(
      .WIDTH(PE * O_BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim,
      .credit,
      .push(results_valid),
      .data(results),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
