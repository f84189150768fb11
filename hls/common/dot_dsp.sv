// LANES lanes of a layer with weights, in DSP slices: LANES weights and PIXELS inputs in one slice.
//
//   dot[j][n] = sum over i of w[n][i] * a[j][i] + CHAINS * BIAS,   LATENCY = dsp_pkg::latency(SIMD, CASCADE, D_BITS)
//
// w holds weight i of lane n at bits [(n*SIMD + i)*W_BITS +: W_BITS], a holds input i of pixel j at
// [(j*SIMD + i)*A_BITS +: A_BITS]; dot holds lane n of pixel j, unsigned, at [(j*LANES + n)*DOT_BITS +:
// DOT_BITS]. A bipolar weight has one bit, 1 for +1. Signed inputs need PIXELS = 1.
//
// Slice i multiplies sum of w[n][i] << n*PIXELS*PITCH by sum of a[j][i] << j*PITCH. CASCADE slices add up in a
// chain that starts from BIAS in every lane. BIAS and CASCADE must be such that no chain's sum leaves
// 0 ... 2^FIELD_BITS - 1 in a lane, with FIELD_BITS <= PITCH: then no lane borrows from the next, and each is a
// field of the chain's sum. levada/dsp.py finds them. A free-running pipeline, one result a cycle.
//
// D_BITS tells the slice: 25 for DSP48E1, 27 for DSP48E2 (both dsp_chain), 18 for MULT18X18D (mult_chain).
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
  localparam int RESULTS = LANES * PIXELS;

  function automatic logic [47:0] every_lane(input int value);
    every_lane = '0;
    for (int n = 0; n < RESULTS; n = n + 1) every_lane = every_lane + (48'(value) << (n * PITCH));
  endfunction

  localparam logic [47:0] START = every_lane(BIAS);

  logic [RESULTS*CHAINS*FIELD_BITS-1:0] fields;

  for (genvar c = 0; c < CHAINS; c = c + 1) begin : gen_chain
    localparam int FIRST = c * CASCADE;
    localparam int LENGTH = (SIMD - FIRST < CASCADE) ? SIMD - FIRST : CASCADE;
    logic [LANES*LENGTH*W_BITS-1:0] chain_w;
    logic [PIXELS*LENGTH*A_BITS-1:0] chain_a;
    logic [47:0] sum;

    for (genvar n = 0; n < LANES; n = n + 1) begin : gen_weights
      assign chain_w[n*LENGTH*W_BITS+:LENGTH*W_BITS] = w[(n*SIMD+FIRST)*W_BITS+:LENGTH*W_BITS];
    end
    for (genvar j = 0; j < PIXELS; j = j + 1) begin : gen_inputs
      assign chain_a[j*LENGTH*A_BITS+:LENGTH*A_BITS] = a[(j*SIMD+FIRST)*A_BITS+:LENGTH*A_BITS];
    end

    if (D_BITS == dsp_pkg::MULT_BITS) begin : gen_multipliers
      mult_chain #(
          .LENGTH(LENGTH),
          .CASCADE(CASCADE),
          .LANES(LANES),
          .PIXELS(PIXELS),
          .PITCH(PITCH),
          .W_BITS(W_BITS),
          .W_BIPOLAR(W_BIPOLAR),
          .A_BITS(A_BITS),
          .A_SIGNED(A_SIGNED),
          .START(START)
      ) u_chain (
          .clk,
          .w(chain_w),
          .a(chain_a),
          .sum
      );
    end else begin : gen_slices
      dsp_chain #(
          .LENGTH(LENGTH),
          .CASCADE(CASCADE),
          .LANES(LANES),
          .PIXELS(PIXELS),
          .PITCH(PITCH),
          .W_BITS(W_BITS),
          .W_BIPOLAR(W_BIPOLAR),
          .A_BITS(A_BITS),
          .A_SIGNED(A_SIGNED),
          .D_BITS(D_BITS),
          .START(START)
      ) u_chain (
          .clk,
          .w(chain_w),
          .a(chain_a),
          .sum
      );
    end

    for (genvar n = 0; n < RESULTS; n = n + 1) begin : gen_field
      assign fields[(n*CHAINS+c)*FIELD_BITS+:FIELD_BITS] = sum[n*PITCH+:FIELD_BITS];
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
