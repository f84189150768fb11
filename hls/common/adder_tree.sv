// Sum of N terms by a binary tree that is registered at every level.
//
//   sum(t + LATENCY) = terms[0](t) + ... + terms[N-1](t),   LATENCY = clog2(N)
//
// terms holds term i at bits [i*WIDTH +: WIDTH], all signed or all unsigned. A free-running pipeline:
// one result a cycle, no reset, no enable.
module adder_tree #(
    parameter int N = 8,
    parameter int WIDTH = 4,
    parameter int SIGNED = 0,
    parameter int SUM_WIDTH = WIDTH + $clog2(N)
) (
    input  logic                 clk,
    input  logic [  N*WIDTH-1:0] terms,
    output logic [SUM_WIDTH-1:0] sum
);

  if (N == 1) begin : gen_leaf
    assign sum = terms;
  end else begin : gen_level
    localparam int HALF = (N + 1) / 2;
    logic [HALF*(WIDTH+1)-1:0] sums_q;
    for (genvar i = 0; i < HALF; i = i + 1) begin : gen_pair
      logic [WIDTH-1:0] a;
      logic [WIDTH:0] pair;
      assign a = terms[2*i*WIDTH+:WIDTH];
      if (2 * i + 1 < N) begin : gen_two
        logic [WIDTH-1:0] b;
        assign b = terms[(2*i+1)*WIDTH+:WIDTH];
        if (SIGNED != 0) begin : gen_signed
          assign pair = {a[WIDTH-1], a} + {b[WIDTH-1], b};
        end else begin : gen_unsigned
          assign pair = {1'b0, a} + {1'b0, b};
        end
      end else begin : gen_one
        assign pair = {(SIGNED != 0) & a[WIDTH-1], a};
      end
      always_ff @(posedge clk) sums_q[i*(WIDTH+1)+:WIDTH+1] <= pair;
    end
    adder_tree #(
        .N(HALF),
        .WIDTH(WIDTH + 1),
        .SIGNED(SIGNED)
    ) u_rest (
        .clk,
        .terms(sums_q),
        .sum
    );
  end

endmodule
