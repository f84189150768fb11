// Random operands for a dot product, and how many of its results are wrong.
//
// The unit under test must give, in lane n of pixel j, sum over i of w[n][i] * a[j][i] + OFFSET modulo
// 2^DOT_BITS, LATENCY cycles later. Weights are of W_LOW ... W_HIGH, inputs of A_LOW ... A_HIGH; a bipolar weight's code is its
// sign. In half of the vectors every element is an end of its range, in half of those the same one all over
// a lane: what fills the lanes of a slice to the brim.
module dot_bench #(
    parameter int SIMD = 8,
    parameter int LANES = 3,
    parameter int PIXELS = 1,
    parameter int W_BITS = 4,
    parameter int W_BIPOLAR = 0,
    parameter int W_LOW = -8,
    parameter int W_HIGH = 7,
    parameter int A_BITS = 4,
    parameter int A_LOW = 0,
    parameter int A_HIGH = 15,
    parameter int DOT_BITS = 12,
    parameter int OFFSET = 960,
    parameter int LATENCY = 5
) (
    input  logic                             clk,
    output logic [    LANES*SIMD*W_BITS-1:0] w,
    output logic [   PIXELS*SIMD*A_BITS-1:0] a,
    input  logic [PIXELS*LANES*DOT_BITS-1:0] dot,
    output logic [                     31:0] errors
);

  logic [PIXELS*LANES*DOT_BITS-1:0] expected_q[0:LATENCY];
  int cycle_q = 0;

  function automatic int drawn(input int low, input int high, input int ends, input int which);
    int value;
    value = low + int'($urandom() % (high - low + 1));
    if (ends == 1) value = (value & 1) != 0 ? high : low;
    if (ends == 2) value = (which & 1) != 0 ? high : low;
    drawn = value;
  endfunction

  initial errors = 0;

  always_ff @(posedge clk) begin
    int weights[LANES*SIMD];
    int inputs[PIXELS*SIMD];
    int ends, which, sum;
    ends = ($urandom() & 1) != 0 ? 0 : 1 + int'($urandom() & 1);
    which = int'($urandom());
    for (int i = 0; i < PIXELS * SIMD; i = i + 1) begin
      inputs[i] = drawn(A_LOW, A_HIGH, ends, which >> (i / SIMD));
      a[i*A_BITS+:A_BITS] <= A_BITS'(inputs[i]);
    end
    for (int i = 0; i < LANES * SIMD; i = i + 1) begin
      weights[i] = drawn(W_LOW, W_HIGH, ends, which >> (PIXELS + i / SIMD));
      if (W_BIPOLAR != 0) begin
        weights[i] = weights[i] > 0 ? 1 : -1;
        w[i] <= weights[i] > 0;
      end else begin
        w[i*W_BITS+:W_BITS] <= W_BITS'(weights[i]);
      end
    end
    for (int n = 0; n < PIXELS * LANES; n = n + 1) begin
      sum = OFFSET;
      for (int i = 0; i < SIMD; i = i + 1) begin
        sum = sum + weights[n%LANES*SIMD+i] * inputs[n/LANES*SIMD+i];
      end
      expected_q[0][n*DOT_BITS+:DOT_BITS] <= DOT_BITS'(sum);
    end
    for (int t = 1; t <= LATENCY; t = t + 1) expected_q[t] <= expected_q[t-1];
    // What was in the pipeline before the first operands is not judged.
    cycle_q <= cycle_q + 1;
    if (cycle_q > LATENCY && dot != expected_q[LATENCY]) errors <= errors + 1;
  end

endmodule
