// Sum of each tile of an image, the tiles side by side; see tile_reduce for their layout in time.
//
// A beat holds PE channels of TAPS*TILES pixels, a result those of TILES tiles. X_BIPOLAR codes -1, +1 as
// 0, 1. With LEVELS > 0 the result is the code of threshold_search over the sum, whose FOLDS rows a lane are
// those of the CF folds of the channels, or 1 where all channels have the same; lane p's rows are contiguous
// in THRESHOLDS. With LEVELS = 0 it is the sum itself, in SUM_BITS.
// A result is valid clog2(TAPS) + 2*LEVELS + 3 cycles after the step that ends its tile.
module avgpool #(
    parameter int PE = 2,
    parameter int CF = 2,
    parameter int TAPS = 2,
    parameter int TILES = 1,
    parameter int KF = 2,
    parameter int WF = 3,
    parameter int KH = 2,
    parameter int X_BITS = 4,
    parameter int X_SIGNED = 0,
    parameter int X_BIPOLAR = 0,
    parameter int SUM_BITS = 8,
    parameter int BLOCK = 0,
    parameter int LEVELS = 2,
    parameter int FOLDS = CF,
    parameter int Y_BITS = (LEVELS > 0) ? LEVELS : SUM_BITS,
    parameter int SLOTS = 2,
    parameter logic [Y_BITS-1:0] OFFSET = '0,
    parameter logic [PE*threshold_pkg::lane_bits(FOLDS, LEVELS, SUM_BITS, 0)-1:0] THRESHOLDS = '0
) (
    input  logic                            clk,
    input  logic                            rst_n,
    input  logic [TILES*TAPS*PE*X_BITS-1:0] s_axis_tdata,
    input  logic                            s_axis_tvalid,
    output logic                            s_axis_tready,
    output logic [     TILES*PE*Y_BITS-1:0] m_axis_tdata,
    output logic                            m_axis_tvalid,
    input  logic                            m_axis_tready
);

  localparam int ELEMENTS = TILES * TAPS * PE;
  localparam int LANES = TILES * PE;
  // A bipolar element is a number of two bits.
  localparam int TERM_BITS = (X_BIPOLAR != 0) ? 2 : X_BITS;

  logic claim, credit, sums_valid;
  logic [ELEMENTS*TERM_BITS-1:0] terms;
  logic [LANES*SUM_BITS-1:0] sums;

  if (X_BIPOLAR != 0) begin : gen_bipolar
    for (genvar i = 0; i < ELEMENTS; i = i + 1) begin : gen_element
      assign terms[2*i+:2] = {!s_axis_tdata[i], 1'b1};
    end
  end else begin : gen_integer
    assign terms = s_axis_tdata;
  end

  tile_reduce #(
      .SUM(1),
      .PE(PE),
      .CF(CF),
      .TAPS(TAPS),
      .TILES(TILES),
      .KF(KF),
      .WF(WF),
      .KH(KH),
      .X_BITS(TERM_BITS),
      .X_SIGNED((X_SIGNED != 0 || X_BIPOLAR != 0) ? 1 : 0),
      .Y_BITS(SUM_BITS),
      .BLOCK(BLOCK)
  ) u_reduce (
      .clk,
      .rst_n,
      .x(terms),
      .x_valid(s_axis_tvalid),
      .x_ready(s_axis_tready),
      .claim,
      .credit,
      .y(sums),
      .y_valid(sums_valid)
  );

  // The tiles of a step have the same thresholds.
  activation #(
      .PE(LANES),
      .FOLDS(FOLDS),
      .WIDTH(SUM_BITS),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .OFFSET(OFFSET),
      .THRESHOLDS({TILES{THRESHOLDS}})
  ) u_activation (
      .clk,
      .rst_n,
      .param('0),
      .claim,
      .credit,
      .push(sums_valid),
      .data(sums),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
