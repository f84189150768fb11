// Sum of N terms by a binary tree that is registered at every level.
//
//   sum(t + LATENCY) = terms[0](t) + ... + terms[N-1](t),   LATENCY = clog2(N)
//
// terms holds term i at bits [i*WIDTH +: WIDTH], all signed or all unsigned. A free-running pipeline:
// one result a cycle, no reset, no enable. Each node is a signal of its own: simulators keep it in a machine
// word, where slices of one wide register would be cut out bit by bit.
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

  localparam int LEVELS = $clog2(N);

  for (genvar l = 0; l <= LEVELS; l = l + 1) begin : gen_level
    localparam int COUNT = (N + (1 << l) - 1) >> l;
    for (genvar i = 0; i < COUNT; i = i + 1) begin : gen_node
      logic [WIDTH+l-1:0] value;
      if (l == 0) begin : gen_leaf
        assign value = terms[i*WIDTH+:WIDTH];
      end else begin : gen_sum
        localparam int BELOW = (N + (1 << (l - 1)) - 1) >> (l - 1);
        localparam int TOP = WIDTH + l - 2;
        logic [WIDTH+l-1:0] a, b;
        assign a = {
          (SIGNED != 0) & gen_level[l-1].gen_node[2*i].value[TOP], gen_level[l-1].gen_node[2*i].value
        };
        if (2 * i + 1 < BELOW) begin : gen_two
          assign b = {
            (SIGNED != 0) & gen_level[l-1].gen_node[2*i+1].value[TOP], gen_level[l-1].gen_node[2*i+1].value
          };
        end else begin : gen_one
          assign b = '0;
        end
        always_ff @(posedge clk) value <= a + b;
      end
    end
  end

  assign sum = gen_level[LEVELS].gen_node[0].value;

endmodule
