// Sum of N signed terms of rising weight, the last one negative: how the bit planes of two's-complement
// weights add up. Registered at every level.
//
//   sum(t + clog2(N)) = terms[0](t) + 2^SHIFT terms[1](t) + ... - 2^((N-1)*SHIFT) terms[N-1](t)
module shifted_sum #(
    parameter int N = 4,
    parameter int WIDTH = 8,
    parameter int SHIFT = 1,
    parameter int NEGATE_LAST = 1,
    parameter int SUM_WIDTH = WIDTH + N * SHIFT
) (
    input  logic                 clk,
    input  logic [  N*WIDTH-1:0] terms,
    output logic [SUM_WIDTH-1:0] sum
);

  if (N == 1) begin : gen_leaf
    assign sum = SUM_WIDTH'($signed(terms));
  end else begin : gen_level
    localparam int HALF = (N + 1) / 2;
    localparam int PAIR = WIDTH + SHIFT + 1;
    logic [HALF*PAIR-1:0] sums_q;
    for (genvar i = 0; i < HALF; i = i + 1) begin : gen_pair
      logic signed [PAIR-1:0] low;
      assign low = PAIR'($signed(terms[2*i*WIDTH+:WIDTH]));
      if (2 * i + 1 < N) begin : gen_two
        logic signed [PAIR-1:0] high;
        assign high = PAIR'($signed(terms[(2*i+1)*WIDTH+:WIDTH])) <<< SHIFT;
        if (NEGATE_LAST != 0 && 2 * i + 2 == N) begin : gen_negative
          always_ff @(posedge clk) sums_q[i*PAIR+:PAIR] <= low - high;
        end else begin : gen_positive
          always_ff @(posedge clk) sums_q[i*PAIR+:PAIR] <= low + high;
        end
      end else if (NEGATE_LAST != 0) begin : gen_one_negative
        always_ff @(posedge clk) sums_q[i*PAIR+:PAIR] <= -low;
      end else begin : gen_one
        always_ff @(posedge clk) sums_q[i*PAIR+:PAIR] <= low;
      end
    end
    shifted_sum #(
        .N(HALF),
        .WIDTH(PAIR),
        .SHIFT(2 * SHIFT),
        .NEGATE_LAST(0),
        .SUM_WIDTH(SUM_WIDTH)
    ) u_rest (
        .clk,
        .terms(sums_q),
        .sum
    );
  end

endmodule
