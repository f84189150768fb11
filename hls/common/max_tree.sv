// Largest of N unsigned terms by a binary tree that is registered at every level.
//
//   largest(t + LATENCY) = max(terms[0](t), ..., terms[N-1](t)),   LATENCY = clog2(N)
//
// terms holds term i at bits [i*WIDTH +: WIDTH]. A free-running pipeline: one result a cycle, no reset, no
// enable.
module max_tree #(
    parameter int N = 4,
    parameter int WIDTH = 4
) (
    input  logic               clk,
    input  logic [N*WIDTH-1:0] terms,
    output logic [  WIDTH-1:0] largest
);

  localparam int LEVELS = $clog2(N);

  for (genvar l = 0; l <= LEVELS; l = l + 1) begin : gen_level
    localparam int COUNT = (N + (1 << l) - 1) >> l;
    for (genvar i = 0; i < COUNT; i = i + 1) begin : gen_node
      logic [WIDTH-1:0] value;
      if (l == 0) begin : gen_leaf
        assign value = terms[i*WIDTH+:WIDTH];
      end else begin : gen_max
        localparam int BELOW = (N + (1 << (l - 1)) - 1) >> (l - 1);
        logic [WIDTH-1:0] a, b;
        assign a = gen_level[l-1].gen_node[2*i].value;
        if (2 * i + 1 < BELOW) begin : gen_two
          assign b = gen_level[l-1].gen_node[2*i+1].value;
        end else begin : gen_one
          assign b = '0;
        end
        always_ff @(posedge clk) value <= (a > b) ? a : b;
      end
    end
  end

  assign largest = gen_level[LEVELS].gen_node[0].value;

endmodule
