// The end of a free-running pipeline: a fifo whose SLOTS are claimed when a result is issued at the head of
// the pipeline, so that the result finds a place when it arrives, however long the output stalls.
//
// A claim is allowed while `credit` is high; a slot is free again one cycle after its beat was taken. With
// LATENCY cycles from claim to push and a claim every II cycles, ceil((LATENCY + 2) / II) slots never stall.
`include "assert.svh"
module credit_fifo #(
    parameter int WIDTH = 8,
    parameter int SLOTS = 2
) (
    input  logic             clk,
    input  logic             rst_n,
    input  logic             claim,
    output logic             credit,
    input  logic             push,
    input  logic [WIDTH-1:0] data,
    output logic [WIDTH-1:0] m_axis_tdata,
    output logic             m_axis_tvalid,
    input  logic             m_axis_tready
);

  localparam int COUNT_WIDTH = $clog2(SLOTS + 1);

  logic [COUNT_WIDTH-1:0] claimed_q;
  logic credit_q;
  logic release_slot;
  /* verilator lint_off UNUSEDSIGNAL */
  logic room;  // only the assertion looks: the credits guarantee it
  /* verilator lint_on UNUSEDSIGNAL */

  assign credit = credit_q;
  assign release_slot = m_axis_tvalid && m_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      claimed_q <= '0;
      credit_q <= 1'b0;
    end else if (claim && !release_slot) begin
      claimed_q <= claimed_q + 1'b1;
      credit_q <= claimed_q != COUNT_WIDTH'(SLOTS - 1);
    end else if (release_slot && !claim) begin
      claimed_q <= claimed_q - 1'b1;
      credit_q <= 1'b1;
    end else begin
      credit_q <= claimed_q != COUNT_WIDTH'(SLOTS);
    end
  end

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(SLOTS)
  ) u_fifo (
      .clk,
      .rst_n,
      .s_axis_tdata(data),
      .s_axis_tvalid(push),
      .s_axis_tready(room),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

  `LEVADA_ASSERT(claim_has_credit, !claim || credit_q)
  `LEVADA_ASSERT(push_finds_room, !push || room)

endmodule
