// Products of whole vectors with a constant matrix of MH rows and MW columns, activation behind: MMV vectors
// a cycle.
//
//   y = activation(acc),  acc[m] = INIT[m] + (sums[m] << SHIFT)
//
// The products are made outside: `operands` are MMV vectors of MW elements, and `sums` are theirs, MH of ACC_BITS
// a vector, SUMS_LATENCY cycles later. With LEVELS > 0 the result is the code of threshold_search over acc, the
// rows of THRESHOLDS in the order of m; with LEVELS = 0 it is acc itself, in O_BITS.
// All behind the operand registers runs freely; SLOTS credits keep the results within the output fifo.
module unrolled #(
    parameter int MW = 4,
    parameter int MH = 2,
    parameter int MMV = 1,
    parameter int A_BITS = 2,
    parameter int SUMS_LATENCY = 2,
    parameter int ACC_BITS = 8,
    parameter int SHIFT = 0,
    parameter int LEVELS = 0,
    parameter int O_BITS = (LEVELS > 0) ? LEVELS : ACC_BITS,
    parameter int SLOTS = 2,
    parameter logic [MH*ACC_BITS-1:0] INIT = '0,
    parameter logic [O_BITS-1:0] OFFSET = '0,
    parameter logic [MH*threshold_pkg::lane_bits(1, LEVELS, ACC_BITS, 0)-1:0] THRESHOLDS = '0
) (
    input  logic                       clk,
    input  logic                       rst_n,
    input  logic [  MMV*MW*A_BITS-1:0] s_axis_tdata,
    input  logic                       s_axis_tvalid,
    output logic                       s_axis_tready,
    output logic [  MMV*MH*O_BITS-1:0] m_axis_tdata,
    output logic                       m_axis_tvalid,
    input  logic                       m_axis_tready,
    output logic [  MMV*MW*A_BITS-1:0] operands,
    input  logic [MMV*MH*ACC_BITS-1:0] sums
);

  logic step, credit;
  assign step = s_axis_tvalid && credit;
  assign s_axis_tready = credit;

  // Bit 0 is beside the operands, bit SUMS_LATENCY beside the sums, the next beside the accumulators.
  logic [SUMS_LATENCY+1:0] valid_q;
  logic [MMV*MH*ACC_BITS-1:0] acc_q;
  always_ff @(posedge clk) begin
    if (!rst_n) valid_q <= '0;
    else valid_q <= (SUMS_LATENCY + 2)'({valid_q, step});
    operands <= s_axis_tdata;
  end

  for (genvar l = 0; l < MMV * MH; l = l + 1) begin : gen_lane
    always_ff @(posedge clk) begin
      acc_q[l*ACC_BITS+:ACC_BITS] <= INIT[(l%MH)*ACC_BITS+:ACC_BITS] + (sums[l*ACC_BITS+:ACC_BITS] << SHIFT);
    end
  end

  activation #(
      .PE(MMV * MH),
      .FOLDS(1),
      .WIDTH(ACC_BITS),
      .LEVELS(LEVELS),
      .SLOTS(SLOTS),
      .OFFSET(OFFSET),
      .THRESHOLDS({MMV{THRESHOLDS}})
  ) u_activation (
      .clk,
      .rst_n,
      .param('0),
      .claim(step),
      .credit,
      .push(valid_q[SUMS_LATENCY+1]),
      .data(acc_q),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
