// A registered adder tree brought to SUM_WIDTH bits; a single term takes one register instead.
//
//   sum(t + max(1, clog2(N))) = terms[0](t) + ... + terms[N-1](t)
module dot_sum #(
    parameter int N = 8,
    parameter int WIDTH = 4,
    parameter int SIGNED = 0,
    parameter int SUM_WIDTH = WIDTH + $clog2(N) + 1
) (
    input  logic                 clk,
    input  logic [  N*WIDTH-1:0] terms,
    output logic [SUM_WIDTH-1:0] sum
);

  localparam int TREE_WIDTH = WIDTH + $clog2(N);
  logic [TREE_WIDTH-1:0] tree;

  if (N == 1) begin : gen_single
    always_ff @(posedge clk) tree <= terms;
  end else begin : gen_tree
    adder_tree #(
        .N(N),
        .WIDTH(WIDTH),
        .SIGNED(SIGNED)
    ) u_tree (
        .clk,
        .terms,
        .sum(tree)
    );
  end

  if (SIGNED != 0) begin : gen_signed
    assign sum = SUM_WIDTH'($signed(tree));
  end else begin : gen_unsigned
    assign sum = SUM_WIDTH'(tree);
  end

endmodule
