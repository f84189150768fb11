// Product of two small operands, signed or unsigned, as a truth table for each bit.
module product_table #(
    parameter int W_BITS = 2,
    parameter int W_SIGNED = 1,
    parameter int A_BITS = 2,
    parameter int A_SIGNED = 0
) (
    input  logic [       W_BITS-1:0] w,
    input  logic [       A_BITS-1:0] a,
    output logic [W_BITS+A_BITS-1:0] product
);

  localparam int BITS = W_BITS + A_BITS;

  function automatic logic [(1<<BITS)-1:0] truth_table(input int bit_index);
    int w_value;
    int a_value;
    truth_table = '0;
    for (int i = 0; i < (1 << BITS); i = i + 1) begin
      w_value = i >> A_BITS;
      a_value = i & ((1 << A_BITS) - 1);
      if (W_SIGNED != 0 && w_value >= (1 << (W_BITS - 1))) w_value = w_value - (1 << W_BITS);
      if (A_SIGNED != 0 && a_value >= (1 << (A_BITS - 1))) a_value = a_value - (1 << A_BITS);
      truth_table[i] = 1'((w_value * a_value) >>> bit_index);
    end
  endfunction

  for (genvar b = 0; b < BITS; b = b + 1) begin : gen_bit
    localparam logic [(1<<BITS)-1:0] TABLE = truth_table(b);
    assign product[b] = TABLE[{w, a}];
  end

endmodule
