// How many of SIMD bits of w and a are equal, SIMD > 0.
//
//   sum(t + 3 + clog2(ceil(SIMD/18))) = |{ i : w[i] == a[i] }|
//
// Three pairs of bits are the inputs of a LUT6 for each bit of their count, 0 ... 3; six such counts are added
// column by column, the ones and the twos, by a LUT6 a bit again; then both columns, then a tree.
module popcount #(
    parameter int SIMD = 32,
    parameter int SUM_BITS = $clog2(SIMD + 1)
) (
    input  logic                clk,
    input  logic [    SIMD-1:0] w,
    input  logic [    SIMD-1:0] a,
    output logic [SUM_BITS-1:0] sum
);

  localparam int TRIPLES = (SIMD + 2) / 3;
  localparam int GROUPS = (TRIPLES + 5) / 6;
  localparam int TREE_BITS = 5 + $clog2(GROUPS);

  logic [TRIPLES-1:0] ones_q, twos_q;
  for (genvar t = 0; t < TRIPLES; t = t + 1) begin : gen_triple
    localparam int PAIRS = (SIMD - 3 * t < 3) ? SIMD - 3 * t : 3;
    logic [1:0] equal;
    count_equal #(
        .N(PAIRS)
    ) u_equal (
        .w(w[3*t+:PAIRS]),
        .a(a[3*t+:PAIRS]),
        .equal
    );
    always_ff @(posedge clk) {twos_q[t], ones_q[t]} <= equal;
  end

  logic [5*GROUPS-1:0] counts_q;
  for (genvar g = 0; g < GROUPS; g = g + 1) begin : gen_group
    localparam int N = (TRIPLES - 6 * g < 6) ? TRIPLES - 6 * g : 6;
    logic [2:0] ones, twos, ones_late_q, twos_late_q;
    count_ones #(
        .N(N)
    ) u_ones (
        .bits(ones_q[6*g+:N]),
        .ones
    );
    count_ones #(
        .N(N)
    ) u_twos (
        .bits(twos_q[6*g+:N]),
        .ones(twos)
    );
    always_ff @(posedge clk) begin
      ones_late_q <= ones;
      twos_late_q <= twos;
      counts_q[5*g+:5] <= {4'(ones_late_q[2:1]) + 4'(twos_late_q), ones_late_q[0]};
    end
  end

  logic [TREE_BITS-1:0] total;
  adder_tree #(
      .N(GROUPS),
      .WIDTH(5),
      .SIGNED(0)
  ) u_tree (
      .clk,
      .terms(counts_q),
      .sum(total)
  );
  assign sum = SUM_BITS'(total);

endmodule
