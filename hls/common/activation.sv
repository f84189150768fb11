// The end of a layer that may have thresholds: lanes of values, what thresholds make of them, output fifo.
//
// A beat holds PE values of WIDTH bits. With LEVELS > 0 each becomes the code of threshold_search, 2*LEVELS
// cycles later; beats come in order, fold after fold of a pixel's FOLDS, and lane p's rows are contiguous in
// THRESHOLDS, as threshold_lane takes them, to which the parameters T_ go. With LEVELS = 0 the values stay as they
// are. `claim`, `credit`, `push` and `data` are those of credit_fifo.
// With a PLACE thresholds can be written, those of lane p from PLACE + p*2^lane_width (threshold_pkg) on.
// With SETTINGS > 1 (setting_register) setting s has thresholds of its own: the rows of fold s*FOLDS + f for fold f.
//
// Where beats are at least T_SHARE > 1 cycles apart, T_SHARE values may take turns in one of PE/T_SHARE lanes: turn
// t of a beat is for values t*PE/T_SHARE ..., whose rows are those of fold f*T_SHARE + t. Results then come T_SHARE
// cycles later.
`include "assert.svh"
`include "synthesis.svh"
module activation #(
    parameter int PE = 2,
    parameter int FOLDS = 2,
    parameter int WIDTH = 8,
    parameter int LEVELS = 2,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : WIDTH,
    parameter int SLOTS = 2,
    parameter int T_SHARE = 1,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter int SETTINGS = 1,
    parameter logic [31:0] PLACE = '0,
    parameter int T_BITS = threshold_pkg::lane_bits(SETTINGS * FOLDS * T_SHARE, LEVELS, WIDTH, T_LINE),
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE/T_SHARE*T_BITS-1:0] THRESHOLDS = '0
) (
    input  logic                       clk,
    input  logic                       rst_n,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [param_pkg::BITS-1:0] param,          // what has no thresholds does not need it
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                       claim,
    output logic                       credit,
    input  logic                       push,
    input  logic [       PE*WIDTH-1:0] data,
    output logic [      PE*O_BITS-1:0] m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  logic                       m_axis_tready
);

  logic [PE*O_BITS-1:0] results;
  logic results_valid;

  if (LEVELS > 0) begin : gen_thresholds
    localparam int LANES = PE / T_SHARE;
    localparam int TURNS = FOLDS * T_SHARE;
    localparam int ROWS = SETTINGS * TURNS;
    localparam int ROW_WIDTH = (ROWS > 1) ? $clog2(ROWS) : 1;
    logic [LANES*WIDTH-1:0] values;
    logic [LANES*O_BITS-1:0] codes;
    logic values_valid, values_last;
    logic [2*LEVELS-1:0] valid_q;
    logic [ROW_WIDTH-1:0] row_q, row;

    if (T_SHARE > 1) begin : gen_turns
      if (PE % T_SHARE != 0) begin : gen_illegal
        $error("activation: T_SHARE must divide PE");
      end
      localparam int TURN_WIDTH = $clog2(T_SHARE);
      logic [PE*WIDTH-1:0] beat_q;
      logic [TURN_WIDTH-1:0] turn_q;
      logic busy_q;
      always_ff @(posedge clk) begin
        if (push) beat_q <= data;
        if (!rst_n) begin
          busy_q <= 1'b0;
          turn_q <= '0;
        end else begin
          if (push) busy_q <= 1'b1;
          else if (values_last) busy_q <= 1'b0;
          if (busy_q) turn_q <= values_last ? '0 : turn_q + 1'b1;
        end
      end
      assign values = beat_q[turn_q*LANES*WIDTH+:LANES*WIDTH];
      assign values_valid = busy_q;
      assign values_last = busy_q && turn_q == TURN_WIDTH'(T_SHARE - 1);

      // The codes of a beat come one behind the other, and wait for the last of them.
      logic [(PE-LANES)*O_BITS-1:0] codes_q;
      if (T_SHARE > 2) begin : gen_shifted
        always_ff @(posedge clk) codes_q <= {codes, codes_q[(PE-LANES)*O_BITS-1:LANES*O_BITS]};
      end else begin : gen_single
        always_ff @(posedge clk) codes_q <= codes;
      end
      assign results = {codes, codes_q};

      `LEVADA_ASSERT(pushes_are_apart, !(push && busy_q && !values_last))
    end else begin : gen_together
      assign values = data;
      assign values_valid = push;
      assign values_last = push;
      assign results = codes;
    end

    always_ff @(posedge clk) begin
      if (!rst_n) begin
        valid_q <= '0;
        row_q <= '0;
      end else begin
        valid_q <= (2 * LEVELS)'({valid_q, values_last});
        if (values_valid) row_q <= (row_q == ROW_WIDTH'(TURNS - 1)) ? '0 : row_q + 1'b1;
      end
    end
    assign results_valid = valid_q[2*LEVELS-1];

    if (SETTINGS > 1) begin : gen_settings
      logic [$clog2(SETTINGS)-1:0] setting;
      logic [ROW_WIDTH-1:0] first_q;
      setting_register #(
          .SETTINGS(SETTINGS)
      ) u_setting (
          .clk,
          .param,
          .setting
      );
      always_ff @(posedge clk) first_q <= ROW_WIDTH'(32'(setting) * TURNS);
      assign row = first_q + row_q;
    end else begin : gen_one_setting
      assign row = row_q;
    end

    for (genvar p = 0; p < LANES; p = p + 1) begin : gen_lane
      // With a single row the thresholds are constants, and so may be some bits of what they are compared with.
      if (ROWS > 1) begin : gen_apart
        `LEVADA_MAP_APART
        threshold_lane #(
            .FOLDS(ROWS),
            .WIDTH(WIDTH),
            .LEVELS(LEVELS),
            .T_BLOCK(T_BLOCK),
            .T_LINE(T_LINE),
            .T_FRACTION(T_FRACTION),
            .T_COUNT(T_COUNT),
            .PLACE((PLACE == '0) ? '0 : PLACE + 32'(p << threshold_pkg::lane_width(ROWS, LEVELS))),
            .OFFSET(OFFSET),
            .THRESHOLDS(THRESHOLDS[p*T_BITS+:T_BITS])
        ) u_lane (
            .clk,
            .param,
            .fold(row),
            .x(values[p*WIDTH+:WIDTH]),
            .code(codes[p*O_BITS+:O_BITS])
        );
      end else begin : gen_within
        threshold_lane #(
            .FOLDS(ROWS),
            .WIDTH(WIDTH),
            .LEVELS(LEVELS),
            .T_BLOCK(T_BLOCK),
            .T_LINE(T_LINE),
            .T_FRACTION(T_FRACTION),
            .T_COUNT(T_COUNT),
            .PLACE((PLACE == '0) ? '0 : PLACE + 32'(p << threshold_pkg::lane_width(ROWS, LEVELS))),
            .OFFSET(OFFSET),
            .THRESHOLDS(THRESHOLDS[p*T_BITS+:T_BITS])
        ) u_lane (
            .clk,
            .param,
            .fold(row),
            .x(values[p*WIDTH+:WIDTH]),
            .code(codes[p*O_BITS+:O_BITS])
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
