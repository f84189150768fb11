// Add: the sum of two streams, PE elements a beat, one beat a cycle.
//
//   y = a + b (mod 2^WIDTH), or with LEVELS > 0 the code of threshold_search over a + b in WIDTH bits
//
// X_SIGNED and X_BIPOLAR tell how an input is coded. Thresholds lie by lane, then by fold: see activation.
// Everything behind the handshake runs freely; SLOTS credits keep the results within the output fifo.
module add #(
    parameter int PE = 2,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 1,
    parameter int A_BIPOLAR = 0,
    parameter int B_BITS = 3,
    parameter int B_SIGNED = 0,
    parameter int B_BIPOLAR = 0,
    parameter int FOLDS = 1,
    parameter int WIDTH = 5,
    parameter int LEVELS = 0,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : WIDTH,
    parameter int SLOTS = 2,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE*threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, 0)-1:0] THRESHOLDS = '0
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [PE*A_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    input  logic [PE*B_BITS-1:0] s_axis1_tdata,
    input  logic                 s_axis1_tvalid,
    output logic                 s_axis1_tready,
    output logic [PE*O_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  logic step, credit, valid_q;
  logic [PE*WIDTH-1:0] a, b, sum_q;

  // Either input is taken only together with the other: one LUT between the neighbours' registers.
  assign step = s_axis_tvalid && s_axis1_tvalid && credit;
  assign s_axis_tready = credit && s_axis1_tvalid;
  assign s_axis1_tready = credit && s_axis_tvalid;

  extend #(
      .N(PE),
      .IN(A_BITS),
      .OUT(WIDTH),
      .SIGNED(A_SIGNED),
      .BIPOLAR(A_BIPOLAR)
  ) u_a (
      .codes(s_axis_tdata),
      .values(a)
  );

  extend #(
      .N(PE),
      .IN(B_BITS),
      .OUT(WIDTH),
      .SIGNED(B_SIGNED),
      .BIPOLAR(B_BIPOLAR)
  ) u_b (
      .codes(s_axis1_tdata),
      .values(b)
  );

  always_ff @(posedge clk) valid_q <= rst_n && step;

  for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
    always_ff @(posedge clk) begin
      sum_q[p*WIDTH+:WIDTH] <= a[p*WIDTH+:WIDTH] + b[p*WIDTH+:WIDTH];
    end
  end

  activation #(
      .PE(PE),
      .FOLDS(FOLDS),
      .WIDTH(WIDTH),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .OFFSET(OFFSET),
      .THRESHOLDS(THRESHOLDS)
  ) u_out (
      .clk,
      .rst_n,
      .param('0),
      .claim(step),
      .credit,
      .push(valid_q),
      .data(sum_q),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
