// PE dot products over the same SIMD inputs, the first DSP_PE of them in DSP slices and the others in LUTs, all
// in lockstep: LATENCY cycles, no less than dsp_pkg::latency and dot_pkg::latency say for the lanes there are.
//
//   terms[p] = dot of lane p as dot_lut (p >= DSP_PE) or dot_dsp (p < DSP_PE) gives it, mod 2^TERM_BITS
//
// w holds weight i of lane p at bits [(p*SIMD + i)*W_BITS +: W_BITS], a holds input i at [i*A_BITS +: A_BITS]. Where
// lanes differ, their signed weights have LANE_BITS[8*p +: 8] bits, no more than W_BITS, ROW_BITS all together, and
// lie one lane after the other.
// DSP_LANES lanes share a slice, the last group may have fewer; the other DSP_ parameters are those of dot_dsp.
`include "synthesis.svh"
module dot_lanes #(
    parameter int PE = 4,
    parameter int SIMD = 8,
    parameter int W_BITS = 4,
    parameter int W_BIPOLAR = 0,
    parameter logic [8*PE-1:0] LANE_BITS = {PE{8'(W_BITS)}},
    parameter int ROW_BITS = PE * SIMD * W_BITS,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0,
    parameter int A_BIPOLAR = 0,
    parameter int DSP_PE = 0,
    parameter int DSP_LANES = 3,
    parameter int DSP_PITCH = 10,
    parameter int DSP_CASCADE = 4,
    parameter int DSP_FIELD_BITS = 10,
    parameter int DSP_BIAS = 480,
    parameter int DSP_D_BITS = 25,
    parameter int LATENCY = 8,
    parameter int TERM_BITS = 16
) (
    input  logic                    clk,
    input  logic [    ROW_BITS-1:0] w,
    input  logic [ SIMD*A_BITS-1:0] a,
    output logic [PE*TERM_BITS-1:0] terms
);

  localparam int GROUPS = (DSP_PE + DSP_LANES - 1) / DSP_LANES;
  localparam int DSP_BITS = DSP_FIELD_BITS + $clog2(dsp_pkg::chains(SIMD, DSP_CASCADE));
  localparam int DSP_WAIT = LATENCY - dsp_pkg::latency(SIMD, DSP_CASCADE, DSP_D_BITS);

  // Where the weights of a lane begin in w.
  function automatic int start(input int lane);
    start = 0;
    for (int p = 0; p < lane; p = p + 1) start = start + SIMD * int'(LANE_BITS[8*p+:8]);
  endfunction

  for (genvar g = 0; g < GROUPS; g = g + 1) begin : gen_dsp
    localparam int FIRST = g * DSP_LANES;
    localparam int LANES = (DSP_PE - FIRST < DSP_LANES) ? DSP_PE - FIRST : DSP_LANES;
    logic [LANES*DSP_BITS-1:0] dots, dots_late;
    logic [LANES*SIMD*W_BITS-1:0] wide;
    for (genvar n = 0; n < LANES; n = n + 1) begin : gen_wide
      localparam int BITS = int'(LANE_BITS[8*(FIRST+n)+:8]);
      localparam int START = start(FIRST + n);
      for (genvar i = 0; i < SIMD; i = i + 1) begin : gen_weight
        assign wide[(n*SIMD+i)*W_BITS+:W_BITS] = W_BITS'($signed(w[START+i*BITS+:BITS]));
      end
    end
    `LEVADA_MAP_APART
    dot_dsp #(
        .SIMD(SIMD),
        .LANES(LANES),
        .PITCH(DSP_PITCH),
        .CASCADE(DSP_CASCADE),
        .FIELD_BITS(DSP_FIELD_BITS),
        .BIAS(DSP_BIAS),
        .D_BITS(DSP_D_BITS),
        .W_BITS(W_BITS),
        .W_BIPOLAR(W_BIPOLAR),
        .A_BITS(A_BITS),
        .A_SIGNED(A_SIGNED)
    ) u_dot (
        .clk,
        .w(wide),
        .a,
        .dot(dots)
    );
    delay #(
        .WIDTH(LANES * DSP_BITS),
        .CYCLES(DSP_WAIT)
    ) u_delay (
        .clk,
        .data(dots),
        .delayed(dots_late)
    );
    for (genvar n = 0; n < LANES; n = n + 1) begin : gen_lane
      assign terms[(FIRST+n)*TERM_BITS+:TERM_BITS] = TERM_BITS'(dots_late[n*DSP_BITS+:DSP_BITS]);
    end
  end

  for (genvar p = DSP_PE; p < PE; p = p + 1) begin : gen_lut
    localparam int BITS = int'(LANE_BITS[8*p+:8]);
    localparam int CODING = dot_pkg::coding(BITS, W_BIPOLAR, A_BITS, A_BIPOLAR);
    localparam int LUT_BITS = dot_pkg::bits(CODING, SIMD, BITS, W_BIPOLAR, A_BITS, A_SIGNED);
    localparam int LUT_WAIT = LATENCY - dot_pkg::latency(CODING, SIMD, BITS);
    logic [LUT_BITS-1:0] dot, dot_late;
    `LEVADA_MAP_APART
    dot_lut #(
        .SIMD(SIMD),
        .W_BITS(BITS),
        .W_BIPOLAR(W_BIPOLAR),
        .A_BITS(A_BITS),
        .A_SIGNED(A_SIGNED),
        .A_BIPOLAR(A_BIPOLAR),
        .DOT_BITS(LUT_BITS)
    ) u_dot (
        .clk,
        .w(w[start(p)+:SIMD*BITS]),
        .a,
        .dot
    );
    delay #(
        .WIDTH(LUT_BITS),
        .CYCLES(LUT_WAIT)
    ) u_delay (
        .clk,
        .data(dot),
        .delayed(dot_late)
    );
    assign terms[p*TERM_BITS+:TERM_BITS] = TERM_BITS'($signed(dot_late));
  end

endmodule
