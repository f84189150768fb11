// Matrix-vector-activation unit: y = activation(W x), W of MH rows and MW columns, PE rows and SIMD columns
// a cycle; SF*NF cycles a vector, SF = MW/SIMD, NF = MH/PE. (A layer that is not folded at all, SF = NF = 1, is
// an `unrolled` instead.)
//
// Beat s of a vector holds elements s*SIMD ..., beat n of the result rows n*PE .... The SF input beats are
// read in the first of the NF passes and replayed from a buffer in the others. Weights: row n*SF + s of the
// WEIGHTS file holds W[n*PE + p][s*SIMD + i] at bits [(p*SIMD + i)*W_BITS +: W_BITS], in block RAM if
// W_BLOCK, else in LUTs. Where rows of a lane have smaller weights than others, LANE_BITS[8*p +: 8] are the bits of
// those of lane p: a row then holds ROW_BITS, the lanes one after the other.
//
// Lane p computes row p of a pass, in DSP slices if p < DSP_PE, else in LUTs; the DSP_ parameters are those of
// dot_lanes. It accumulates acc = INIT[row] + sum of (dot << SHIFT), where INIT and SHIFT make up for the
// operand coding of dot_lut. With LEVELS > 0 the result is the code of threshold_search over acc; lane p's rows
// are contiguous in THRESHOLDS, and the parameters T_ are those of activation. With LEVELS = 0 it is acc itself,
// in O_BITS.
// With a PLACE, a multiple of 2^24 and not 0, weights and thresholds can be written there: see param_memory, and
// activation. All behind the operand registers runs freely; SLOTS credits keep the results within the output fifo.
// With SETTINGS > 1 setting s drops the lower DROPPED[8*s +: 8] bits of all weights (weight_rom) and has thresholds of
// its own (activation), behind those of the settings before it.
`include "synthesis.svh"
module mvau #(
    parameter int MW = 8,
    parameter int MH = 4,
    parameter int PE = 2,
    parameter int SIMD = 4,
    parameter int W_BITS = 2,
    parameter int W_BIPOLAR = 0,
    parameter int W_BLOCK = 0,
    parameter logic [8*PE-1:0] LANE_BITS = {PE{8'(W_BITS)}},
    parameter int ROW_BITS = PE * SIMD * W_BITS,
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
    parameter int T_SHARE = 1,
    parameter int T_BLOCK = 0,
    parameter int T_LINE = 0,
    parameter int T_FRACTION = 0,
    parameter int T_COUNT = 0,
    parameter int SETTINGS = 1,
    parameter logic [8*SETTINGS-1:0] DROPPED = '0,
    parameter logic [31:0] PLACE = '0,
    parameter int T_BITS = threshold_pkg::lane_bits(SETTINGS * MH / PE * T_SHARE, LEVELS, ACC_BITS, T_LINE),
    parameter logic [MH*ACC_BITS-1:0] INIT = '0,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [PE/T_SHARE*T_BITS-1:0] THRESHOLDS = '0,
    parameter WEIGHTS = "weights.hex"
) (
    input  logic                       clk,
    input  logic                       rst_n,
    input  logic [param_pkg::BITS-1:0] param,
    input  logic [    SIMD*A_BITS-1:0] s_axis_tdata,
    input  logic                       s_axis_tvalid,
    output logic                       s_axis_tready,
    output logic [      PE*O_BITS-1:0] m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  logic                       m_axis_tready
);

  localparam int SF = MW / SIMD;
  localparam int NF = MH / PE;
  localparam int SF_WIDTH = (SF > 1) ? $clog2(SF) : 1;
  localparam int NF_WIDTH = (NF > 1) ? $clog2(NF) : 1;
  localparam int ROW_WIDTH = $clog2(SF * NF);
  // Of what can be written, thresholds lie in the upper half.
  localparam logic [31:0] T_PLACE = (PLACE == '0) ? '0 : PLACE | (32'd1 << 23);
  localparam int LUT_W_BITS = widest(DSP_PE);
  localparam int CODING = dot_pkg::coding(LUT_W_BITS, W_BIPOLAR, A_BITS, A_BIPOLAR);
  localparam int LUT_LATENCY = (DSP_PE < PE) ? dot_pkg::latency(CODING, SIMD, LUT_W_BITS) : 0;
  localparam int DSP_LATENCY = (DSP_PE > 0) ? dsp_pkg::latency(SIMD, DSP_CASCADE, DSP_D_BITS) : 0;
  localparam int DOT_LATENCY = (LUT_LATENCY > DSP_LATENCY) ? LUT_LATENCY : DSP_LATENCY;
  // What the sums of a row in DSP slices are too large by.
  localparam int DSP_EXCESS = SF * dsp_pkg::chains(SIMD, DSP_CASCADE) * DSP_BIAS;

  // The most bits that weights of the lanes from `first` on have. Lanes of fewer are no slower.
  function automatic int widest(input int first);
    widest = 1;
    for (int p = first; p < PE; p = p + 1) begin
      if (int'(LANE_BITS[8*p+:8]) > widest) widest = int'(LANE_BITS[8*p+:8]);
    end
  endfunction

  if (MW % SIMD != 0 || MH % PE != 0) begin : gen_illegal
    $error("mvau: SIMD must divide MW and PE must divide MH");
  end
  if (SF * NF == 1) begin : gen_illegal_unfolded
    $error("mvau: a layer must be folded, SF * NF > 1");
  end

  // Steps: column beat sf_q of pass nf_q.
  logic [SF_WIDTH-1:0] sf_q;
  logic [NF_WIDTH-1:0] nf_q;
  logic [ROW_WIDTH-1:0] row_q;
  logic first_pass, last_beat, last_pass, step, credit;

  assign first_pass = (NF == 1) || nf_q == '0;
  assign last_beat = (SF == 1) || sf_q == SF_WIDTH'(SF - 1);
  assign last_pass = (NF == 1) || nf_q == NF_WIDTH'(NF - 1);
  assign step = (s_axis_tvalid || !first_pass) && (credit || !last_beat);
  assign s_axis_tready = first_pass && (credit || !last_beat);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      sf_q <= '0;
      nf_q <= '0;
      row_q <= '0;
    end else if (step) begin
      sf_q <= last_beat ? '0 : sf_q + 1'b1;
      row_q <= (last_beat && last_pass) ? '0 : row_q + 1'b1;
      if (last_beat) nf_q <= last_pass ? '0 : nf_q + 1'b1;
    end
  end

  // Operands, one cycle after the step.
  logic [SIMD*A_BITS-1:0] a_q;
  logic [ROW_BITS-1:0] w;

  if (NF > 1) begin : gen_replay
    (* ram_style = "distributed" *) logic [SIMD*A_BITS-1:0] beats[0:SF-1];
    always_ff @(posedge clk) begin
      if (step && first_pass) beats[sf_q] <= s_axis_tdata;
      a_q <= first_pass ? s_axis_tdata : beats[sf_q];
    end
  end else begin : gen_once
    always_ff @(posedge clk) a_q <= s_axis_tdata;
  end

  `LEVADA_MAP_APART
  weight_rom #(
      .WIDTH(ROW_BITS),
      .DEPTH(SF * NF),
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
    first_q <= (DOT_LATENCY + 1)'({first_q, (SF == 1) || sf_q == '0});
    last_q <= (DOT_LATENCY + 1)'({last_q, last_beat});
  end

  // Passes counted at the accumulators, whose results come in the same order.
  logic [NF_WIDTH-1:0] acc_nf_q;
  logic dot_valid, dot_first, dot_last, result_valid_q;
  assign dot_valid = valid_q[DOT_LATENCY];
  assign dot_first = first_q[DOT_LATENCY];
  assign dot_last = last_q[DOT_LATENCY];

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      acc_nf_q <= '0;
      result_valid_q <= 1'b0;
    end else begin
      result_valid_q <= dot_valid && dot_last;
      if (dot_valid && dot_last) acc_nf_q <= (acc_nf_q == NF_WIDTH'(NF - 1)) ? '0 : acc_nf_q + 1'b1;
    end
  end

  logic [PE*ACC_BITS-1:0] terms, acc_q;
  dot_lanes #(
      .PE(PE),
      .SIMD(SIMD),
      .W_BITS(W_BITS),
      .W_BIPOLAR(W_BIPOLAR),
      .LANE_BITS(LANE_BITS),
      .ROW_BITS(ROW_BITS),
      .A_BITS(A_BITS),
      .A_SIGNED(A_SIGNED),
      .A_BIPOLAR(A_BIPOLAR),
      .DSP_PE(DSP_PE),
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
      .w,
      .a(a_q),
      .terms
  );

  for (genvar p = 0; p < PE; p = p + 1) begin : gen_lane
    logic [ACC_BITS-1:0] start, inits[0:NF-1];
    initial begin
      for (int n = 0; n < NF; n = n + 1) begin
        inits[n] = INIT[(n*PE+p)*ACC_BITS+:ACC_BITS] - ((p < DSP_PE) ? ACC_BITS'(DSP_EXCESS) : '0);
      end
    end
    assign start = inits[acc_nf_q];
    always_ff @(posedge clk) begin
      if (dot_valid) begin
        acc_q[p*ACC_BITS+:ACC_BITS] <=
            (dot_first ? start : acc_q[p*ACC_BITS+:ACC_BITS]) + (terms[p*ACC_BITS+:ACC_BITS] << SHIFT);
      end
    end
  end

  activation #(
      .PE(PE),
      .FOLDS(NF),
      .WIDTH(ACC_BITS),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .T_SHARE(T_SHARE),
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
      .claim(step && last_beat),
      .credit,
      .push(result_valid_q),
      .data(acc_q),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
