// Per-channel thresholds: CHANNELS inputs a pixel, PE at a time, each to a code of LEVELS bits. Where PE is all
// of them, a beat may hold MMV pixels.
//
//   y[c] = OFFSET + |{ k : x[c] >= THRESHOLDS[c][k] }|   (mod 2^LEVELS)
//
// Channel c = fold*PE + lane; lane p's rows are contiguous in THRESHOLDS, as threshold_search takes them. The
// parameters T_ are those of activation. X_BIPOLAR codes -1, +1 as 0, 1. The pipeline runs freely; SLOTS credits
// keep its results within the output fifo.
module thresholding #(
    parameter int CHANNELS = 4,
    parameter int PE = 2,
    parameter int MMV = 1,
    parameter int X_BITS = 8,
    parameter int X_SIGNED = 0,
    parameter int X_BIPOLAR = 0,
    parameter int WIDTH = 10,
    parameter int LEVELS = 2,
    parameter int SLOTS = 2,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter logic [LEVELS-1:0] OFFSET = '0,
    parameter logic [PE*threshold_pkg::lane_bits(CHANNELS/PE, LEVELS, WIDTH, T_LINE)-1:0] THRESHOLDS = '0
) (
    input  logic                     clk,
    input  logic                     rst_n,
    input  logic [MMV*PE*X_BITS-1:0] s_axis_tdata,
    input  logic                     s_axis_tvalid,
    output logic                     s_axis_tready,
    output logic [MMV*PE*LEVELS-1:0] m_axis_tdata,
    output logic                     m_axis_tvalid,
    input  logic                     m_axis_tready
);

  if (CHANNELS % PE != 0) begin : gen_illegal
    $error("thresholding: PE must divide CHANNELS");
  end
  if (MMV > 1 && CHANNELS > PE) begin : gen_illegal_mmv
    $error("thresholding: MMV > 1 needs PE = CHANNELS");
  end

  logic credit, step;
  logic [MMV*PE*WIDTH-1:0] values;

  assign step = s_axis_tvalid && credit;
  assign s_axis_tready = credit;

  extend #(
      .N(MMV * PE),
      .IN(X_BITS),
      .OUT(WIDTH),
      .SIGNED(X_SIGNED),
      .BIPOLAR(X_BIPOLAR)
  ) u_values (
      .codes(s_axis_tdata),
      .values
  );

  activation #(
      .PE(MMV * PE),
      .FOLDS(CHANNELS / PE),
      .WIDTH(WIDTH),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .T_BLOCK(T_BLOCK),
      .T_LINE(T_LINE),
      .T_FRACTION(T_FRACTION),
      .T_COUNT(T_COUNT),
      .OFFSET(OFFSET),
      .THRESHOLDS({MMV{THRESHOLDS}})
  ) u_activation (
      .clk,
      .rst_n,
      .param('0),
      .claim(step),
      .credit,
      .push(step),
      .data(values),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
