// Largest value of each tile of an image, the tiles side by side; see tile_reduce for their layout in time.
//
// A beat holds PE channels of TAPS*TILES pixels, a result those of TILES tiles. X_SIGNED values are compared
// in offset binary, in which 0 is the smallest; a bipolar one is its own key. A result is valid
// clog2(TAPS) + 3 cycles after the step that ends its tile.
module maxpool #(
    parameter int PE = 2,
    parameter int CF = 1,
    parameter int TAPS = 2,
    parameter int TILES = 1,
    parameter int KF = 2,
    parameter int WF = 3,
    parameter int KH = 2,
    parameter int BITS = 4,
    parameter int X_SIGNED = 0,
    parameter int BLOCK = 0,
    parameter int SLOTS = 2
) (
    input  logic                          clk,
    input  logic                          rst_n,
    input  logic [TILES*TAPS*PE*BITS-1:0] s_axis_tdata,
    input  logic                          s_axis_tvalid,
    output logic                          s_axis_tready,
    output logic [     TILES*PE*BITS-1:0] m_axis_tdata,
    output logic                          m_axis_tvalid,
    input  logic                          m_axis_tready
);

  localparam logic [BITS-1:0] SIGN = (X_SIGNED != 0) ? BITS'(1) << (BITS - 1) : '0;

  logic claim, credit, largest_valid;
  logic [TILES*PE*BITS-1:0] largest;

  tile_reduce #(
      .SUM(0),
      .PE(PE),
      .CF(CF),
      .TAPS(TAPS),
      .TILES(TILES),
      .KF(KF),
      .WF(WF),
      .KH(KH),
      .X_BITS(BITS),
      .Y_BITS(BITS),
      .BLOCK(BLOCK)
  ) u_reduce (
      .clk,
      .rst_n,
      .x(s_axis_tdata ^ {(TILES * TAPS * PE) {SIGN}}),
      .x_valid(s_axis_tvalid),
      .x_ready(s_axis_tready),
      .claim,
      .credit,
      .y(largest),
      .y_valid(largest_valid)
  );

  credit_fifo #(
      .WIDTH(TILES * PE * BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim,
      .credit,
      .push(largest_valid),
      .data(largest ^ {(TILES * PE) {SIGN}}),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
