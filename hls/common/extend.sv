// N codes of IN bits as two's complement of OUT bits each: SIGNED ones by their sign, others by zeros, and a
// BIPOLAR bit as -1 or +1. Wires only.
module extend #(
    parameter int N = 2,
    parameter int IN = 4,
    parameter int OUT = 6,
    parameter int SIGNED = 0,
    parameter int BIPOLAR = 0
) (
    input  logic [ N*IN-1:0] codes,
    output logic [N*OUT-1:0] values
);

  for (genvar i = 0; i < N; i = i + 1) begin : gen_code
    if (BIPOLAR != 0) begin : gen_bipolar
      assign values[i*OUT+:OUT] = codes[i] ? OUT'(1) : '1;
    end else if (SIGNED != 0) begin : gen_signed
      assign values[i*OUT+:OUT] = OUT'($signed(codes[i*IN+:IN]));
    end else begin : gen_unsigned
      assign values[i*OUT+:OUT] = OUT'(codes[i*IN+:IN]);
    end
  end

endmodule
