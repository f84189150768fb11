// The inputs of PIXELS pixels side by side as one factor of 18 bits, two's complement.
//
//   factor = sum over j of a[j] << j*PITCH
//
// a holds pixel j at bits [j*A_BITS +: A_BITS]. Signed inputs need PIXELS = 1.
module packed_inputs #(
    parameter int PIXELS = 1,
    parameter int PITCH = 10,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0
) (
    input  logic [PIXELS*A_BITS-1:0] a,
    output logic [             17:0] factor
);

  if (A_SIGNED != 0) begin : gen_signed
    assign factor = 18'($signed(a[A_BITS-1:0]));
  end else begin : gen_unsigned
    always_comb begin
      factor = '0;
      for (int j = 0; j < PIXELS; j = j + 1) factor[j*PITCH+:A_BITS] = a[j*A_BITS+:A_BITS];
    end
  end

endmodule
