// levada: mvau_2_sums, 5 sums of 6 inputs with constant weights:
// 17 additions in 3 stages, 1 of it side by side.
module mvau_2_sums (
    input  logic clk,
    input  logic [11:0] operands,
    output logic [29:0] sums
);

  for (genvar v = 0; v < 1; v = v + 1) begin : gen_vector
    wire [1:0] n0_0 = operands[v*12+0+:2];
    wire [1:0] n1_0 = operands[v*12+2+:2];
    wire [1:0] n2_0 = operands[v*12+4+:2];
    wire [1:0] n3_0 = operands[v*12+6+:2];
    wire [1:0] n4_0 = operands[v*12+8+:2];
    wire [1:0] n5_0 = operands[v*12+10+:2];

    logic [1:0] n1_1;
    logic [1:0] n5_1;
    logic [2:0] n6_1;
    logic [3:0] n7_1;
    logic [2:0] n8_1;
    logic [3:0] n9_1;
    logic [3:0] n12_1;
    logic [2:0] n15_1;
    logic [3:0] n18_1;
    logic [3:0] n21_1;
    always_ff @(posedge clk) begin
      n1_1 <= n1_0;
      n5_1 <= n5_0;
      n6_1 <= 3'($signed(n0_0)) + 3'($signed(n4_0));
      n7_1 <= 4'($signed(n0_0)) - (4'($signed(n2_0)) << 1);
      n8_1 <= 3'($signed(n1_0)) - 3'($signed(n2_0));
      n9_1 <= 4'($signed(n3_0)) - (4'($signed(n4_0)) << 1);
      n12_1 <= 4'($signed(n3_0)) + (4'($signed(n1_0)) << 1);
      n15_1 <= 3'($signed(n3_0)) - 3'($signed(n5_0));
      n18_1 <= 4'($signed(n1_0)) + (4'($signed(n3_0)) << 1);
      n21_1 <= 4'($signed(n4_0)) + (4'($signed(n5_0)) << 1);
    end

    logic [2:0] n6_2;
    logic [3:0] n9_2;
    logic [3:0] n10_2;
    logic [4:0] n13_2;
    logic [2:0] n15_2;
    logic [4:0] n16_2;
    logic [3:0] n18_2;
    logic [3:0] n19_2;
    logic [4:0] n22_2;
    always_ff @(posedge clk) begin
      n6_2 <= n6_1;
      n9_2 <= n9_1;
      n10_2 <= 4'($signed(n8_1)) - (4'($signed(n5_1)) << 1);
      n13_2 <= 5'($signed(n12_1)) + (5'($signed(n5_1)) << 1);
      n15_2 <= n15_1;
      n16_2 <= 5'($signed(n7_1)) - (5'($signed(n1_1)) << 1);
      n18_2 <= n18_1;
      n19_2 <= 4'($signed(n6_1)) - (4'($signed(n5_1)) << 1);
      n22_2 <= 5'($signed(n7_1)) - 5'($signed(n21_1));
    end

    logic [4:0] n11_3;
    logic [5:0] n14_3;
    logic [4:0] n17_3;
    logic [4:0] n20_3;
    logic [4:0] n22_3;
    always_ff @(posedge clk) begin
      n11_3 <= 5'($signed(n9_2)) + 5'($signed(n10_2));
      n14_3 <= 6'($signed(n13_2)) + (6'($signed(n6_2)) << 1);
      n17_3 <= 5'($signed(n15_2)) + 5'($signed(n16_2));
      n20_3 <= 5'($signed(n19_2)) - 5'($signed(n18_2));
      n22_3 <= n22_2;
    end

    assign sums[v*30+0+:6] = 6'($signed(n11_3));
    assign sums[v*30+6+:6] = -(6'($signed(n14_3)));
    assign sums[v*30+12+:6] = 6'($signed(n17_3));
    assign sums[v*30+18+:6] = 6'($signed(n20_3));
    assign sums[v*30+24+:6] = 6'($signed(n22_3));
  end

endmodule
