// The K first entries of two sorted lists: `earlier` of K and `later` of N entries {index, key}, entry 0 in
// the least significant bits, largest key first. Among equal keys those of `earlier` come first.
//
// Combinational: the place of an entry is its place in its own list plus the number of entries of the other
// list that come before it.
module sorted_merge #(
    parameter int K = 2,
    parameter int N = 2,
    parameter int KEY = 8,
    parameter int INDEX_BITS = 4,
    parameter int ENTRY = KEY + INDEX_BITS
) (
    input  logic [K*ENTRY-1:0] earlier,
    input  logic [N*ENTRY-1:0] later,
    output logic [K*ENTRY-1:0] merged
);

  // Entry k of `earlier` has n or more of `later` before it iff behind[k][n]; entry n of `later` has k or
  // more of `earlier` before it iff ahead[n][k]. Both lists are sorted, so each row is ones, then zeros.
  logic [K-1:0][N+1:0] behind;
  logic [N-1:0][K+1:0] ahead;

  for (genvar k = 0; k < K; k = k + 1) begin : gen_behind
    assign behind[k][0] = 1'b1;
    assign behind[k][N+1] = 1'b0;
    for (genvar n = 0; n < N; n = n + 1) begin : gen_compare
      assign behind[k][n+1] = later[n*ENTRY+:KEY] > earlier[k*ENTRY+:KEY];
    end
  end

  for (genvar n = 0; n < N; n = n + 1) begin : gen_ahead
    assign ahead[n][0] = 1'b1;
    assign ahead[n][K+1] = 1'b0;
    for (genvar k = 0; k < K; k = k + 1) begin : gen_mirror
      assign ahead[n][k+1] = !behind[k][n+1];
    end
  end

  always_comb begin
    merged = '0;
    for (int k = 0; k < K; k = k + 1) begin
      for (int n = 0; n <= N; n = n + 1) begin
        if (k + n < K && behind[k][n] && !behind[k][n+1]) begin
          merged[(k+n)*ENTRY+:ENTRY] = earlier[k*ENTRY+:ENTRY];
        end
      end
    end
    for (int n = 0; n < N; n = n + 1) begin
      for (int k = 0; k <= K; k = k + 1) begin
        if (n + k < K && ahead[n][k] && !ahead[n][k+1]) begin
          merged[(n+k)*ENTRY+:ENTRY] = later[n*ENTRY+:ENTRY];
        end
      end
    end
  end

endmodule
