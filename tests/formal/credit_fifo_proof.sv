// What is pushed into a credit_fifo is a stream (stream_check), and always finds its slot.
//
// Assumed of the pipeline in front: it claims on a credit alone, and pushes once for a claim, any time later.
// `credit_comes`: one cycle after the last beat left and with no claim under way, there is a credit.
module credit_fifo_proof #(
    parameter int WIDTH = 1,
    parameter int SLOTS = 3,
    parameter int COUNT_WIDTH = $clog2(SLOTS + 1)
) (
    input logic             clk,
    input logic             pick,
    input logic             claim,
    input logic             push,
    input logic [WIDTH-1:0] data,
    input logic             m_axis_tready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [WIDTH-1:0] m_axis_tdata;
  logic credit, m_axis_tvalid;

  credit_fifo #(
      .WIDTH(WIDTH),
      .SLOTS(SLOTS)
  ) u_dut (
      .clk,
      .rst_n,
      .claim,
      .credit,
      .push,
      .data,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

  logic [COUNT_WIDTH-1:0] due_q, claimed_q;
  logic credit_comes;
  logic taken, running_q;
  assign taken = m_axis_tvalid && m_axis_tready;
  assign credit_comes = !running_q || claimed_q != '0 || credit;

  always_ff @(posedge clk) begin
    running_q <= rst_n;
    if (!rst_n) begin
      due_q <= '0;
      claimed_q <= '0;
    end else begin
      due_q <= due_q + COUNT_WIDTH'(claim) - COUNT_WIDTH'(push);
      claimed_q <= claimed_q + COUNT_WIDTH'(claim) - COUNT_WIDTH'(taken);
      assume (!claim || credit);
      assume (!push || due_q != '0);
      assert (credit_comes);
    end
  end

  stream_check #(
      .BITS(WIDTH),
      .CAPACITY(SLOTS)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(m_axis_tready),
      .in_data(data),
      .in_valid(push),
      .in_ready(1'b1),
      .out_data(m_axis_tdata),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

endmodule
