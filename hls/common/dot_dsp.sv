// LANES lanes of a layer with weights, in DSP slices: LANES weights and PIXELS inputs in one slice.
//
//   dot[j][n] = sum over i of w[n][i] * a[j][i] + CHAINS * BIAS,   LATENCY = dsp_pkg::latency(SIMD, CASCADE)
//
// w holds weight i of lane n at bits [(n*SIMD + i)*W_BITS +: W_BITS], a holds input i of pixel j at
// [(j*SIMD + i)*A_BITS +: A_BITS]; dot holds lane n of pixel j, unsigned, at [(j*LANES + n)*DOT_BITS +:
// DOT_BITS]. A bipolar weight has one bit, 1 for +1. Signed inputs need PIXELS = 1.
//
// Slice i multiplies sum of w[n][i] << n*PIXELS*PITCH by sum of a[j][i] << j*PITCH: a weight is its low bits,
// at D, less its sign bit, at A, so that no logic packs it. CASCADE slices add up in a chain that starts from
// BIAS in every lane. BIAS and CASCADE must be such that no chain's sum leaves 0 ... 2^FIELD_BITS - 1 in a
// lane, with FIELD_BITS <= PITCH: then no lane borrows from the next, and each is a field of the last slice's
// P. levada/dsp.py finds them. A free-running pipeline, one result a cycle.
module dot_dsp #(
    parameter int SIMD = 8,
    parameter int LANES = 3,
    parameter int PIXELS = 1,
    parameter int PITCH = 10,
    parameter int CASCADE = 4,
    parameter int FIELD_BITS = 10,
    parameter int BIAS = 480,
    parameter int W_BITS = 4,
    parameter int W_BIPOLAR = 0,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0,
    parameter int D_BITS = 25,
    parameter int DOT_BITS = FIELD_BITS + $clog2(dsp_pkg::chains(SIMD, CASCADE))
) (
    input  logic                             clk,
    input  logic [    LANES*SIMD*W_BITS-1:0] w,
    input  logic [   PIXELS*SIMD*A_BITS-1:0] a,
    output logic [PIXELS*LANES*DOT_BITS-1:0] dot
);

  if (FIELD_BITS > PITCH || (A_SIGNED != 0 && PIXELS > 1)) begin : gen_illegal
    $error("dot_dsp: FIELD_BITS must not be above PITCH, and signed inputs need PIXELS = 1");
  end

  localparam int CHAINS = dsp_pkg::chains(SIMD, CASCADE);
  localparam int STAGES = dsp_pkg::stages(CASCADE);
  localparam int INPUT_BITS = PIXELS * A_BITS;
  localparam int OPERAND_BITS = LANES * W_BITS + INPUT_BITS;
  localparam int RESULTS = LANES * PIXELS;

  function automatic logic [47:0] every_lane(input int value);
    every_lane = '0;
    for (int n = 0; n < RESULTS; n = n + 1) every_lane = every_lane + (48'(value) << (n * PITCH));
  endfunction

  localparam logic [47:0] START = every_lane(BIAS);

  logic [RESULTS*CHAINS*FIELD_BITS-1:0] fields;

  for (genvar c = 0; c < CHAINS; c = c + 1) begin : gen_chain
    localparam int LENGTH = (SIMD - c * CASCADE < CASCADE) ? SIMD - c * CASCADE : CASCADE;
    logic [LENGTH*48-1:0] sums;

    for (genvar k = 0; k < LENGTH; k = k + 1) begin : gen_slice
      localparam int ELEMENT = c * CASCADE + k;
      // Counted from the end, so that all chains end in the same cycle.
      localparam int STAGE = STAGES - 1 - (LENGTH - 1 - k) / dsp_pkg::STAGE;
      // The sum arrives at a stage STAGE cycles late; the first of them is waited for in the slice.
      localparam int WAIT = (STAGE > 1) ? STAGE - 1 : 0;

      logic [OPERAND_BITS-1:0] operands, operands_late;
      for (genvar n = 0; n < LANES; n = n + 1) begin : gen_weight
        assign operands[INPUT_BITS+n*W_BITS+:W_BITS] = w[(n*SIMD+ELEMENT)*W_BITS+:W_BITS];
      end
      for (genvar j = 0; j < PIXELS; j = j + 1) begin : gen_input
        assign operands[j*A_BITS+:A_BITS] = a[(j*SIMD+ELEMENT)*A_BITS+:A_BITS];
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
      logic [17:0] factor;
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
      if (A_SIGNED != 0) begin : gen_signed
        assign factor = 18'($signed(operands_late[A_BITS-1:0]));
      end else begin : gen_unsigned
        always_comb begin
          factor = '0;
          for (int j = 0; j < PIXELS; j = j + 1) factor[j*PITCH+:A_BITS] = operands_late[j*A_BITS+:A_BITS];
        end
      end

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

    for (genvar n = 0; n < RESULTS; n = n + 1) begin : gen_field
      assign fields[(n*CHAINS+c)*FIELD_BITS+:FIELD_BITS] = sums[(LENGTH-1)*48+n*PITCH+:FIELD_BITS];
    end
  end

  // Digit n of a chain is lane n / PIXELS of pixel n % PIXELS.
  for (genvar n = 0; n < RESULTS; n = n + 1) begin : gen_result
    adder_tree #(
        .N(CHAINS),
        .WIDTH(FIELD_BITS),
        .SIGNED(0)
    ) u_tree (
        .clk,
        .terms(fields[n*CHAINS*FIELD_BITS+:CHAINS*FIELD_BITS]),
        .sum(dot[((n%PIXELS)*LANES+n/PIXELS)*DOT_BITS+:DOT_BITS])
    );
  end

endmodule
