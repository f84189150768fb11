// A chain of LENGTH DSP slices with pre-adder and cascade: the packed products of dot_dsp, added up in the slices.
//
//   sum(t + LATENCY) = START + sum over i of (sum over n of w[n][i] << n*PIXELS*PITCH)
//                                          * (sum over j of a[j][i] << j*PITCH),   LATENCY = 2 + stages(CASCADE)
//
// w holds weight i of lane n at bits [(n*LENGTH + i)*W_BITS +: W_BITS], a holds input i of pixel j at
// [(j*LENGTH + i)*A_BITS +: A_BITS]. A weight is its low bits, at D, less its sign bit, at A, so that no logic
// packs it. A chain shorter than CASCADE starts later and takes as many cycles.
module dsp_chain #(
    parameter int LENGTH = 4,
    parameter int CASCADE = 4,
    parameter int LANES = 3,
    parameter int PIXELS = 1,
    parameter int PITCH = 10,
    parameter int W_BITS = 4,
    parameter int W_BIPOLAR = 0,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0,
    parameter int D_BITS = 25,
    parameter logic [47:0] START = '0
) (
    input  logic                            clk,
    input  logic [ LANES*LENGTH*W_BITS-1:0] w,
    input  logic [PIXELS*LENGTH*A_BITS-1:0] a,
    output logic [                    47:0] sum
);

  localparam int STAGES = dsp_pkg::stages(CASCADE);
  localparam int INPUT_BITS = PIXELS * A_BITS;
  localparam int OPERAND_BITS = LANES * W_BITS + INPUT_BITS;

  logic [LENGTH*48-1:0] sums;
  assign sum = sums[(LENGTH-1)*48+:48];

  for (genvar k = 0; k < LENGTH; k = k + 1) begin : gen_slice
    // Counted from the end, so that all chains end in the same cycle.
    localparam int STAGE = STAGES - 1 - (LENGTH - 1 - k) / dsp_pkg::STAGE;
    // The sum arrives at a stage STAGE cycles late; the first of them is waited for in the slice.
    localparam int WAIT = (STAGE > 1) ? STAGE - 1 : 0;

    logic [OPERAND_BITS-1:0] operands, operands_late;
    for (genvar n = 0; n < LANES; n = n + 1) begin : gen_weight
      assign operands[INPUT_BITS+n*W_BITS+:W_BITS] = w[(n*LENGTH+k)*W_BITS+:W_BITS];
    end
    for (genvar j = 0; j < PIXELS; j = j + 1) begin : gen_input
      assign operands[j*A_BITS+:A_BITS] = a[(j*LENGTH+k)*A_BITS+:A_BITS];
    end

    delay #(
        .WIDTH(OPERAND_BITS),
        .CYCLES(WAIT)
    ) u_wait (
        .clk,
        .data(operands),
        .delayed(operands_late)
    );

    logic [D_BITS-1:0] low_bits, sign_bits;
    always_comb begin
      low_bits = '0;
      sign_bits = '0;
      for (int n = 0; n < LANES; n = n + 1) begin
        if (W_BIPOLAR != 0) begin  // 2w - 1
          low_bits[n*PIXELS*PITCH+1] = operands_late[INPUT_BITS+n];
          sign_bits[n*PIXELS*PITCH] = 1'b1;
        end else begin
          low_bits[n*PIXELS*PITCH+:W_BITS] = operands_late[INPUT_BITS+n*W_BITS+:W_BITS];
          low_bits[n*PIXELS*PITCH+W_BITS-1] = 1'b0;
          sign_bits[n*PIXELS*PITCH+W_BITS-1] = operands_late[INPUT_BITS+n*W_BITS+W_BITS-1];
        end
      end
    end

    logic [17:0] factor;
    packed_inputs #(
        .PIXELS(PIXELS),
        .PITCH(PITCH),
        .A_BITS(A_BITS),
        .A_SIGNED(A_SIGNED)
    ) u_factor (
        .a(operands_late[INPUT_BITS-1:0]),
        .factor
    );

    logic [47:0] sum_in;
    if (k > 0) begin : gen_next
      assign sum_in = sums[(k-1)*48+:48];
    end else begin : gen_first
      assign sum_in = '0;
    end
    dsp_slice #(
        .D_BITS(D_BITS),
        .IN_REG((STAGE > 0) ? 1 : 0),
        .P_REG(((LENGTH - 1 - k) % dsp_pkg::STAGE == 0) ? 1 : 0),
        .FIRST((k == 0) ? 1 : 0),
        .LAST((k == LENGTH - 1) ? 1 : 0),
        .START(START)
    ) u_slice (
        .clk,
        .d(low_bits),
        .a(sign_bits),
        .b(factor),
        .sum_in,
        .sum(sums[k*48+:48])
    );
  end

endmodule
