// First-in first-out buffer of DEPTH beats: a beat is valid at the output one cycle after it was taken.
//
// Both handshakes come from registers, so a fifo also cuts the ready path. BLOCK = 0 keeps the beats in
// LUT memory with an asynchronous read; BLOCK = 1 in block RAM, whose registered read is covered by a
// bypass of the beat that was just written.
`include "assert.svh"
module fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 2,
    parameter int BLOCK = 0
) (
    input  logic             clk,
    input  logic             rst_n,
    input  logic [WIDTH-1:0] s_axis_tdata,
    input  logic             s_axis_tvalid,
    output logic             s_axis_tready,
    output logic [WIDTH-1:0] m_axis_tdata,
    output logic             m_axis_tvalid,
    input  logic             m_axis_tready
);

  localparam int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam int COUNT_WIDTH = $clog2(DEPTH + 1);
  localparam logic [ADDR_WIDTH-1:0] LAST = ADDR_WIDTH'(DEPTH - 1);

  logic [ADDR_WIDTH-1:0] write_q, read_q, read_d;
  logic [COUNT_WIDTH-1:0] count_q;
  logic valid_q, ready_q;
  logic push, pop;

  assign push = s_axis_tvalid && ready_q;
  assign pop = valid_q && m_axis_tready;
  assign read_d = !pop ? read_q : (read_q == LAST) ? '0 : read_q + 1'b1;
  assign s_axis_tready = ready_q;
  assign m_axis_tvalid = valid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      write_q <= '0;
      read_q <= '0;
      count_q <= '0;
      valid_q <= 1'b0;
      ready_q <= 1'b0;
    end else begin
      if (push) write_q <= (write_q == LAST) ? '0 : write_q + 1'b1;
      read_q <= read_d;
      if (push && !pop) begin
        count_q <= count_q + 1'b1;
        valid_q <= 1'b1;
        ready_q <= count_q != COUNT_WIDTH'(DEPTH - 1);
      end else if (pop && !push) begin
        count_q <= count_q - 1'b1;
        valid_q <= count_q != COUNT_WIDTH'(1);
        ready_q <= 1'b1;
      end else begin
        ready_q <= count_q != COUNT_WIDTH'(DEPTH);
      end
    end
  end

  if (BLOCK != 0) begin : gen_block
    (* ram_style = "block" *) logic [WIDTH-1:0] beats[0:DEPTH-1];
    logic [WIDTH-1:0] beat_q, fresh_q;
    logic use_fresh_q;
    always_ff @(posedge clk) begin
      if (push) beats[write_q] <= s_axis_tdata;
      beat_q <= beats[read_d];
      fresh_q <= s_axis_tdata;
      use_fresh_q <= push && (write_q == read_d);
    end
    assign m_axis_tdata = use_fresh_q ? fresh_q : beat_q;
  end else begin : gen_lut
    (* ram_style = "distributed" *) logic [WIDTH-1:0] beats[0:DEPTH-1];
    always_ff @(posedge clk) if (push) beats[write_q] <= s_axis_tdata;
    assign m_axis_tdata = beats[read_q];
  end

  `LEVADA_ASSERT(count_in_range, count_q <= COUNT_WIDTH'(DEPTH))
  `LEVADA_ASSERT(valid_means_stored, valid_q == (count_q != '0))

endmodule
