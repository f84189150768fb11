// Mul: elements times constant factors, PE elements a beat, one beat a cycle; FOLDS beats have factors of
// their own, and follow one another.
//
//   y = INIT[f*PE + p] + (dot << SHIFT) (mod 2^ACC_BITS),   dot = dot_lut of FACTORS[f*PE + p] and x
//
// for lane p in fold f, INIT and SHIFT making up for the operand coding of dot_lut; with LEVELS > 0 the code
// of threshold_search over that. W_... tell how the factors are coded, A_... how the elements are.
// Thresholds lie by lane, then by fold: see activation. Everything behind the handshake runs freely; SLOTS
// credits keep the results within the output fifo.
module mul #(
    parameter int PE = 2,
    parameter int FOLDS = 2,
    parameter int W_BITS = 3,
    parameter int W_BIPOLAR = 0,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0,
    parameter int A_BIPOLAR = 0,
    parameter int ACC_BITS = 7,
    parameter int SHIFT = 0,
    parameter int LEVELS = 0,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : ACC_BITS,
    parameter int SLOTS = 2,
    parameter logic [PE*FOLDS*W_BITS-1:0] FACTORS = '0,
    parameter logic [PE*FOLDS*ACC_BITS-1:0] INIT = '0,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE*threshold_pkg::lane_bits(FOLDS, LEVELS, ACC_BITS, 0)-1:0] THRESHOLDS = '0
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [PE*A_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    output logic [PE*O_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  localparam int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1;
  localparam int CODING = dot_pkg::coding(W_BITS, W_BIPOLAR, A_BITS, A_BIPOLAR);
  localparam int DOT_BITS = dot_pkg::bits(CODING, 1, W_BITS, W_BIPOLAR, A_BITS, A_SIGNED);
  localparam int DOT_LATENCY = dot_pkg::latency(CODING, 1, W_BITS);

  // Steps, and where they are: bit 0 beside the operands, bit DOT_LATENCY beside the products.
  logic step, credit, product_valid, result_valid_q;
  logic [DOT_LATENCY:0] valid_q;
  logic [FOLD_WIDTH-1:0] fold_q, product_fold_q;

  assign step = s_axis_tvalid && credit;
  assign s_axis_tready = credit;
  assign product_valid = valid_q[DOT_LATENCY];

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      valid_q <= '0;
      result_valid_q <= 1'b0;
      fold_q <= '0;
      product_fold_q <= '0;
    end else begin
      valid_q <= (DOT_LATENCY + 1)'({valid_q, step});
      result_valid_q <= product_valid;
      if (step) fold_q <= (fold_q == FOLD_WIDTH'(FOLDS - 1)) ? '0 : fold_q + 1'b1;
      if (product_valid) begin
        product_fold_q <= (product_fold_q == FOLD_WIDTH'(FOLDS - 1)) ? '0 : product_fold_q + 1'b1;
      end
    end
  end

  logic [PE*ACC_BITS-1:0] result_q;
  for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
    logic [W_BITS-1:0] factors[0:FOLDS-1], w;
    logic [ACC_BITS-1:0] inits[0:FOLDS-1];
    logic [A_BITS-1:0] a_q;
    logic signed [DOT_BITS-1:0] dot;
    initial begin
      for (int f = 0; f < FOLDS; f = f + 1) begin
        factors[f] = FACTORS[(f*PE+p)*W_BITS+:W_BITS];
        inits[f] = INIT[(f*PE+p)*ACC_BITS+:ACC_BITS];
      end
    end

    if (FOLDS > 1) begin : gen_factors
      logic [W_BITS-1:0] w_q;
      always_ff @(posedge clk) w_q <= factors[fold_q];
      assign w = w_q;
    end else begin : gen_factor
      assign w = factors[0];
    end

    always_ff @(posedge clk) a_q <= s_axis_tdata[p*A_BITS+:A_BITS];

    dot_lut #(
        .SIMD(1),
        .W_BITS(W_BITS),
        .W_BIPOLAR(W_BIPOLAR),
        .A_BITS(A_BITS),
        .A_SIGNED(A_SIGNED),
        .A_BIPOLAR(A_BIPOLAR),
        .DOT_BITS(DOT_BITS)
    ) u_dot (
        .clk,
        .w,
        .a(a_q),
        .dot
    );

    always_ff @(posedge clk) begin
      result_q[p*ACC_BITS+:ACC_BITS] <= inits[product_fold_q] + (ACC_BITS'(dot) << SHIFT);
    end
  end

  activation #(
      .PE(PE),
      .FOLDS(FOLDS),
      .WIDTH(ACC_BITS),
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
      .push(result_valid_q),
      .data(result_q),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
