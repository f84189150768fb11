// Per-channel thresholds: CHANNELS inputs a pixel, PE at a time, each to a code of LEVELS bits.
//
//   y[c] = OFFSET + |{ k : x[c] >= THRESHOLDS[c][k] }|   (mod 2^LEVELS)
//
// Channel c = fold*PE + lane; lane p's rows are contiguous in THRESHOLDS, ordered by fold, as
// threshold_search takes them. X_BIPOLAR codes -1, +1 as 0, 1. The pipeline runs freely; SLOTS credits
// keep its results within the output fifo.
module thresholding #(
    parameter int CHANNELS = 4,
    parameter int PE = 2,
    parameter int X_BITS = 8,
    parameter int X_SIGNED = 0,
    parameter int X_BIPOLAR = 0,
    parameter int WIDTH = 10,
    parameter int LEVELS = 2,
    parameter int SLOTS = 2,
    parameter logic [LEVELS-1:0] OFFSET = '0,
    parameter logic [CHANNELS*((1<<LEVELS)-1)*WIDTH-1:0] THRESHOLDS = '0
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [PE*X_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    output logic [PE*LEVELS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  localparam int FOLDS = CHANNELS / PE;
  localparam int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1;
  localparam int LANE_BITS = FOLDS * ((1 << LEVELS) - 1) * WIDTH;
  localparam int LATENCY = 2 * LEVELS;

  if (CHANNELS % PE != 0) begin : gen_illegal
    $error("thresholding: PE must divide CHANNELS");
  end

  logic credit, step;
  logic [FOLD_WIDTH-1:0] fold_q;
  logic [LATENCY-1:0] valid_q;
  logic [PE*LEVELS-1:0] codes;

  assign step = s_axis_tvalid && credit;
  assign s_axis_tready = credit;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      fold_q <= '0;
      valid_q <= '0;
    end else begin
      if (step) fold_q <= (fold_q == FOLD_WIDTH'(FOLDS - 1)) ? '0 : fold_q + 1'b1;
      valid_q <= LATENCY'({valid_q, step});
    end
  end

  for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
    logic [X_BITS-1:0] code;
    logic [WIDTH-1:0] x;
    assign code = s_axis_tdata[p*X_BITS+:X_BITS];
    if (X_BIPOLAR != 0) begin : gen_bipolar
      assign x = code[0] ? WIDTH'(1) : '1;
    end else if (X_SIGNED != 0) begin : gen_signed
      assign x = WIDTH'($signed(code));
    end else begin : gen_unsigned
      assign x = WIDTH'(code);
    end
    threshold_search #(
        .LEVELS(LEVELS),
        .FOLDS(FOLDS),
        .WIDTH(WIDTH),
        .OFFSET(OFFSET),
        .THRESHOLDS(THRESHOLDS[p*LANE_BITS+:LANE_BITS])
    ) u_search (
        .clk,
        .fold(fold_q),
        .x(x),
        .code(codes[p*LEVELS+:LEVELS])
    );
  end

  credit_fifo #(
      .WIDTH(PE * LEVELS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step),
      .credit,
      .push(valid_q[LATENCY-1]),
      .data(codes),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
