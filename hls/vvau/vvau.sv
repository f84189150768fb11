// Vector-vector-activation unit: depthwise convolution. Output channel m = c*M + j of a window is
// activation(sum over its K pixels of W[m][k] * x[k][c]).
//
// A step takes SIMD pixels of PE channels: beat k*CF + c of a window, CF = C/PE, TF = K/SIMD, TF*CF cycles a
// window. SIMD > 1 needs PE = C. The CF steps of the last pixels give the results, PE*M each. Element
// (i, p) of a beat is at bits [(i*PE + p)*A_BITS +: A_BITS]. Row k*CF + c of the WEIGHTS file holds
// W[(c*PE + p)*M + j][k*SIMD + i] at bits [((p*M + j)*SIMD + i)*W_BITS +: W_BITS], in block RAM if W_BLOCK,
// else in LUTs. (A layer that is not folded at all, TF = CF = 1, is an `unrolled` instead.)
//
// The M lanes of channel p multiply in DSP slices if p < DSP_PE, else in LUTs; the DSP_ parameters are those of
// dot_lanes. Each output channel accumulates acc = INIT[m] + sum of (dot << SHIFT), where INIT and SHIFT make up for
// the operand coding of dot_lut; the sums of the CF folds wait in a memory. With LEVELS > 0 the result is the
// code of threshold_search over acc; lane p*M + j's rows are contiguous in THRESHOLDS, and the parameters T_ are
// those of activation. With LEVELS = 0 it is acc itself, in O_BITS.
// With a PLACE, a multiple of 2^24 and not 0, weights and thresholds can be written there: see param_memory, and
// activation. All behind the operand registers runs freely; SLOTS credits keep the results within the output fifo.
// With SETTINGS > 1 setting s drops the lower DROPPED[8*s +: 8] bits of all weights (weight_rom) and has thresholds of
// its own (activation), behind those of the settings before it.
`include "synthesis.svh"
module vvau #(
    parameter int C = 4,
    parameter int M = 1,
    parameter int K = 9,
    parameter int PE = 2,
    parameter int SIMD = 1,
    parameter int W_BITS = 2,
    parameter int W_BIPOLAR = 0,
    parameter int W_BLOCK = 0,
    parameter int A_BITS = 2,
    parameter int A_SIGNED = 0,
    parameter int A_BIPOLAR = 0,
    parameter int DSP_PE = 0,
    parameter int DSP_LANES = 1,
    parameter int DSP_PITCH = 1,
    parameter int DSP_CASCADE = 1,
    parameter int DSP_FIELD_BITS = 1,
    parameter int DSP_BIAS = 0,
    parameter int DSP_D_BITS = 25,
    parameter int ACC_BITS = 8,
    parameter int SHIFT = 0,
    parameter int LEVELS = 0,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : ACC_BITS,
    parameter int SLOTS = 2,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter int SETTINGS = 1,
    parameter logic [8*SETTINGS-1:0] DROPPED = '0,
    parameter logic [31:0] PLACE = '0,
    parameter int T_BITS = threshold_pkg::lane_bits(SETTINGS * C / PE, LEVELS, ACC_BITS, T_LINE),
    parameter logic [C*M*ACC_BITS-1:0] INIT = '0,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE*M*T_BITS-1:0] THRESHOLDS = '0,
    parameter WEIGHTS = "weights.hex"
) (
    input  logic                       clk,
    input  logic                       rst_n,
    input  logic [param_pkg::BITS-1:0] param,
    input  logic [ SIMD*PE*A_BITS-1:0] s_axis_tdata,
    input  logic                       s_axis_tvalid,
    output logic                       s_axis_tready,
    output logic [    PE*M*O_BITS-1:0] m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  logic                       m_axis_tready
);

  localparam int CF = C / PE;
  localparam int TF = K / SIMD;
  localparam int LANES = PE * M;
  localparam int CF_WIDTH = (CF > 1) ? $clog2(CF) : 1;
  localparam int TF_WIDTH = (TF > 1) ? $clog2(TF) : 1;
  localparam int ROW_WIDTH = $clog2(TF * CF);
  localparam int ROW_BITS = LANES * SIMD * W_BITS;
  // Of what can be written, thresholds lie in the upper half.
  localparam logic [31:0] T_PLACE = (PLACE == '0) ? '0 : PLACE | (32'd1 << 23);
  localparam int CODING = dot_pkg::coding(W_BITS, W_BIPOLAR, A_BITS, A_BIPOLAR);
  localparam int LUT_LATENCY = (DSP_PE < PE) ? dot_pkg::latency(CODING, SIMD, W_BITS) : 0;
  localparam int DSP_LATENCY = (DSP_PE > 0) ? dsp_pkg::latency(SIMD, DSP_CASCADE, DSP_D_BITS) : 0;
  localparam int DOT_LATENCY = (LUT_LATENCY > DSP_LATENCY) ? LUT_LATENCY : DSP_LATENCY;
  // What the sums of a window in DSP slices are too large by.
  localparam int DSP_EXCESS = TF * dsp_pkg::chains(SIMD, DSP_CASCADE) * DSP_BIAS;

  if (C % PE != 0 || K % SIMD != 0 || (SIMD > 1 && PE != C)) begin : gen_illegal
    $error("vvau: PE must divide C, SIMD must divide K and be 1 unless PE is C");
  end
  if (TF * CF == 1) begin : gen_illegal_unfolded
    $error("vvau: a layer must be folded, TF * CF > 1");
  end

  // Steps: fold cf_q of the channels, fold tf_q of the taps.
  logic [CF_WIDTH-1:0] cf_q;
  logic [TF_WIDTH-1:0] tf_q;
  logic [ROW_WIDTH-1:0] row_q;
  logic first_tap, last_tap, last_fold, step, credit;

  assign first_tap = (TF == 1) || tf_q == '0;
  assign last_tap = (TF == 1) || tf_q == TF_WIDTH'(TF - 1);
  assign last_fold = (CF == 1) || cf_q == CF_WIDTH'(CF - 1);
  assign step = s_axis_tvalid && (credit || !last_tap);
  assign s_axis_tready = credit || !last_tap;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      cf_q <= '0;
      tf_q <= '0;
      row_q <= '0;
    end else if (step) begin
      cf_q <= last_fold ? '0 : cf_q + 1'b1;
      row_q <= (last_fold && last_tap) ? '0 : row_q + 1'b1;
      if (last_fold) tf_q <= last_tap ? '0 : tf_q + 1'b1;
    end
  end

  // Operands, one cycle after the step.
  logic [SIMD*PE*A_BITS-1:0] a_q;
  logic [ROW_BITS-1:0] w;
  always_ff @(posedge clk) a_q <= s_axis_tdata;

  `LEVADA_MAP_APART
  weight_rom #(
      .WIDTH(ROW_BITS),
      .DEPTH(TF * CF),
      .BLOCK(W_BLOCK),
      .PLACE(PLACE),
      .W_BITS(W_BITS),
      .SETTINGS(SETTINGS),
      .DROPPED(DROPPED),
      .FILE(WEIGHTS)
  ) u_weights (
      .clk,
      .param,
      .address(row_q),
      .row(w)
  );

  // Where the steps are: bit 0 beside the operands, bit DOT_LATENCY beside the dot products.
  logic [DOT_LATENCY:0] valid_q, first_q, last_q;
  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= '0;
    else valid_q <= (DOT_LATENCY + 1)'({valid_q, step});
    first_q <= (DOT_LATENCY + 1)'({first_q, first_tap});
    last_q <= (DOT_LATENCY + 1)'({last_q, last_tap});
  end

  // Folds counted one cycle before the accumulators, which fetch their partial sums there.
  logic [CF_WIDTH-1:0] acc_cf_q;
  logic dot_valid, result_valid_q;
  assign dot_valid = valid_q[DOT_LATENCY];
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      acc_cf_q <= '0;
      result_valid_q <= 1'b0;
    end else begin
      result_valid_q <= dot_valid && last_q[DOT_LATENCY];
      if (valid_q[DOT_LATENCY-1]) acc_cf_q <= (acc_cf_q == CF_WIDTH'(CF - 1)) ? '0 : acc_cf_q + 1'b1;
    end
  end

  // The M lanes of a channel share its inputs.
  logic [LANES*ACC_BITS-1:0] starts, terms, partial, sums, acc;
  for (genvar p = 0; p < PE; p = p + 1) begin : gen_channel
    logic [SIMD*A_BITS-1:0] a;
    for (genvar i = 0; i < SIMD; i = i + 1) begin : gen_tap
      assign a[i*A_BITS+:A_BITS] = a_q[(i*PE+p)*A_BITS+:A_BITS];
    end
    dot_lanes #(
        .PE(M),
        .SIMD(SIMD),
        .W_BITS(W_BITS),
        .W_BIPOLAR(W_BIPOLAR),
        .A_BITS(A_BITS),
        .A_SIGNED(A_SIGNED),
        .A_BIPOLAR(A_BIPOLAR),
        .DSP_PE((p < DSP_PE) ? M : 0),
        .DSP_LANES(DSP_LANES),
        .DSP_PITCH(DSP_PITCH),
        .DSP_CASCADE(DSP_CASCADE),
        .DSP_FIELD_BITS(DSP_FIELD_BITS),
        .DSP_BIAS(DSP_BIAS),
        .DSP_D_BITS(DSP_D_BITS),
        .LATENCY(DOT_LATENCY),
        .TERM_BITS(ACC_BITS)
    ) u_dots (
        .clk,
        .w(w[p*M*SIMD*W_BITS+:M*SIMD*W_BITS]),
        .a,
        .terms(terms[p*M*ACC_BITS+:M*ACC_BITS])
    );
  end

  for (genvar l = 0; l < LANES; l = l + 1) begin : gen_lane
    logic [ACC_BITS-1:0] inits[0:CF-1];
    initial begin
      for (int f = 0; f < CF; f = f + 1) begin
        inits[f] = INIT[(f*LANES+l)*ACC_BITS+:ACC_BITS] - ((l < DSP_PE * M) ? ACC_BITS'(DSP_EXCESS) : '0);
      end
    end
    assign starts[l*ACC_BITS+:ACC_BITS] = inits[acc_cf_q];
    assign sums[l*ACC_BITS+:ACC_BITS] =
        partial[l*ACC_BITS+:ACC_BITS] + (terms[l*ACC_BITS+:ACC_BITS] << SHIFT);
  end

  // Nothing is kept of a window that is done in one step.
  localparam int DEPTH = (TF == 1) ? 1 : CF;
  localparam int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  partials #(
      .WIDTH(LANES * ACC_BITS),
      .DEPTH(DEPTH),
      .CHAINED((TF > 1 && CF == 1) ? 1 : 0)
  ) u_partials (
      .clk,
      .next_first(first_q[DOT_LATENCY-1]),
      .next_chained(!first_q[DOT_LATENCY-1]),
      .next_address(ADDR_WIDTH'(acc_cf_q)),
      .next_start(starts),
      .valid(dot_valid),
      .result(sums),
      .partial,
      .merged(acc)
  );

  activation #(
      .PE(LANES),
      .FOLDS(CF),
      .WIDTH(ACC_BITS),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .T_BLOCK(T_BLOCK),
      .T_LINE(T_LINE),
      .T_FRACTION(T_FRACTION),
      .T_COUNT(T_COUNT),
      .SETTINGS(SETTINGS),
      .PLACE(T_PLACE),
      .OFFSET(OFFSET),
      .THRESHOLDS(THRESHOLDS)
  ) u_activation (
      .clk,
      .rst_n,
      .param,
      .claim(step && last_tap),
      .credit,
      .push(result_valid_q),
      .data(acc),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
