// One lane of a layer with weights, in LUTs: the dot product of SIMD weights and inputs, LATENCY cycles later.
//
//   POPCOUNT  dot = |{ i : w[i] == a[i] }|                        true sum = 2*dot - SIMD
//   SELECT    dot = sum of (w[i] ? a[i] : ~a[i])   bipolar w      true sum = dot - sum over w[i] = -1 of ~0
//             dot = sum of (a[i] ? w[i] : 0)       bipolar a      true sum = 2*dot - sum of w
//   TABLE, DIGITS, PLANES  dot = sum of w[i] * a[i]
//
// What is missing from the true sum depends on the weights alone: whoever instantiates this folds it into
// thresholds or start values. w and a hold element i at [i*W_BITS +: W_BITS] and [i*A_BITS +: A_BITS]; a
// bipolar operand has one bit, 1 for +1. A free-running pipeline, one result a cycle.
`include "synthesis.svh"
module dot_lut #(
    parameter int SIMD = 8,
    parameter int W_BITS = 2,
    parameter int W_BIPOLAR = 0,
    parameter int A_BITS = 2,
    parameter int A_SIGNED = 0,
    parameter int A_BIPOLAR = 0,
    parameter int DOT_BITS = dot_pkg::bits(
        dot_pkg::coding(W_BITS, W_BIPOLAR, A_BITS, A_BIPOLAR), SIMD, W_BITS, W_BIPOLAR, A_BITS, A_SIGNED
    )
) (
    input  logic                   clk,
    input  logic [SIMD*W_BITS-1:0] w,
    input  logic [SIMD*A_BITS-1:0] a,
    output logic [   DOT_BITS-1:0] dot
);

  localparam int CODING = dot_pkg::coding(W_BITS, W_BIPOLAR, A_BITS, A_BIPOLAR);

  if (CODING == dot_pkg::POPCOUNT) begin : gen_popcount
    popcount #(
        .SIMD(SIMD),
        .SUM_BITS(DOT_BITS)
    ) u_popcount (
        .clk,
        .w,
        .a,
        .sum(dot)
    );
  end else if (CODING == dot_pkg::SELECT) begin : gen_select
    localparam int TERM_BITS = (W_BIPOLAR != 0) ? A_BITS : W_BITS;
    localparam int TERM_SIGNED = (W_BIPOLAR != 0) ? A_SIGNED : 1;
    logic [SIMD*TERM_BITS-1:0] terms;
    for (genvar i = 0; i < SIMD; i = i + 1) begin : gen_term
      if (W_BIPOLAR != 0) begin : gen_weight
        assign terms[i*TERM_BITS+:TERM_BITS] = a[i*A_BITS+:A_BITS] ~^ {A_BITS{w[i]}};
      end else begin : gen_input
        assign terms[i*TERM_BITS+:TERM_BITS] = w[i*W_BITS+:W_BITS] & {W_BITS{a[i]}};
      end
    end
    dot_sum #(
        .N(SIMD),
        .WIDTH(TERM_BITS),
        .SIGNED(TERM_SIGNED),
        .SUM_WIDTH(DOT_BITS)
    ) u_sum (
        .clk,
        .terms,
        .sum(dot)
    );
  end else if (CODING == dot_pkg::TABLE || CODING == dot_pkg::DIGITS) begin : gen_digits
    localparam int DIGIT_BITS = (CODING == dot_pkg::TABLE) ? W_BITS : 2;
    localparam int DIGITS = W_BITS / DIGIT_BITS;
    localparam int TERM_BITS = DIGIT_BITS + A_BITS;
    localparam int SUM_BITS = TERM_BITS + $clog2(SIMD) + 1;
    logic [DIGITS*SUM_BITS-1:0] sums;
    for (genvar d = 0; d < DIGITS; d = d + 1) begin : gen_digit
      localparam int SIGNED = (A_SIGNED != 0 || d == DIGITS - 1) ? 1 : 0;
      logic [SIMD*TERM_BITS-1:0] products_q;
      logic [TERM_BITS+$clog2(SIMD)-1:0] sum;
      for (genvar i = 0; i < SIMD; i = i + 1) begin : gen_product
        logic [TERM_BITS-1:0] product;
        `LEVADA_MAP_APART
        product_table #(
            .W_BITS(DIGIT_BITS),
            .W_SIGNED((d == DIGITS - 1) ? 1 : 0),
            .A_BITS(A_BITS),
            .A_SIGNED(A_SIGNED)
        ) u_product (
            .w(w[i*W_BITS+d*DIGIT_BITS+:DIGIT_BITS]),
            .a(a[i*A_BITS+:A_BITS]),
            .product
        );
        always_ff @(posedge clk) products_q[i*TERM_BITS+:TERM_BITS] <= product;
      end
      adder_tree #(
          .N(SIMD),
          .WIDTH(TERM_BITS),
          .SIGNED(SIGNED)
      ) u_tree (
          .clk,
          .terms(products_q),
          .sum
      );
      assign sums[d*SUM_BITS+:SUM_BITS] = {(SIGNED != 0) & sum[TERM_BITS+$clog2(SIMD)-1], sum};
    end
    shifted_sum #(
        .N(DIGITS),
        .WIDTH(SUM_BITS),
        .SHIFT(DIGIT_BITS),
        .NEGATE_LAST(0),
        .SUM_WIDTH(DOT_BITS)
    ) u_shifted (
        .clk,
        .terms(sums),
        .sum(dot)
    );
  end else begin : gen_planes
    localparam int SUM_BITS = A_BITS + $clog2(SIMD) + 1;
    logic [W_BITS*SUM_BITS-1:0] sums;
    for (genvar b = 0; b < W_BITS; b = b + 1) begin : gen_plane
      logic [SIMD*A_BITS-1:0] terms;
      for (genvar i = 0; i < SIMD; i = i + 1) begin : gen_term
        assign terms[i*A_BITS+:A_BITS] = a[i*A_BITS+:A_BITS] & {A_BITS{w[i*W_BITS+b]}};
      end
      dot_sum #(
          .N(SIMD),
          .WIDTH(A_BITS),
          .SIGNED(A_SIGNED),
          .SUM_WIDTH(SUM_BITS)
      ) u_sum (
          .clk,
          .terms,
          .sum(sums[b*SUM_BITS+:SUM_BITS])
      );
    end
    shifted_sum #(
        .N(W_BITS),
        .WIDTH(SUM_BITS),
        .SHIFT(1),
        .SUM_WIDTH(DOT_BITS)
    ) u_shifted (
        .clk,
        .terms(sums),
        .sum(dot)
    );
  end

endmodule
