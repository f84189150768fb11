// Regroups the bytes of frames, from beats of IN_BYTES bytes to beats of OUT_BYTES.
//
// A frame takes FRAME_IN beats and gives FRAME_OUT. Its bytes lie one behind the other, the first in the least
// significant place, and every frame begins with a beat of its own at both sides: what its last beat in has behind
// the last beat out is dropped, and its last beat out is filled up with zeros. A beat is valid one cycle after the one
// that completes it was taken, a filled up one a cycle later.
module frame_gearbox #(
    parameter int IN_BYTES = 8,
    parameter int OUT_BYTES = 1,
    parameter int FRAME_IN = 1,
    parameter int FRAME_OUT = 8
) (
    input  logic                   clk,
    input  logic                   rst_n,
    input  logic [ 8*IN_BYTES-1:0] s_axis_tdata,
    input  logic                   s_axis_tvalid,
    output logic                   s_axis_tready,
    output logic [8*OUT_BYTES-1:0] m_axis_tdata,
    output logic                   m_axis_tvalid,
    input  logic                   m_axis_tready
);

  // Bytes that always stay together: the largest power of two that divides both beats.
  function automatic int unit(input int a, input int b);
    unit = 1;
    while (a % (2 * unit) == 0 && b % (2 * unit) == 0) unit = 2 * unit;
  endfunction

  localparam int UNIT = unit(IN_BYTES, OUT_BYTES);
  localparam int IN = IN_BYTES / UNIT;
  localparam int OUT = OUT_BYTES / UNIT;
  localparam int ALL = IN + OUT;  // bound on units stored while a step runs
  localparam int COUNT_WIDTH = $clog2(ALL + 1);
  localparam int IN_WIDTH = $clog2(FRAME_IN + 1);
  localparam int OUT_WIDTH = $clog2(FRAME_OUT + 1);

  logic [COUNT_WIDTH-1:0] count_q, held;
  logic [IN_WIDTH-1:0] in_q;
  logic [OUT_WIDTH-1:0] out_q;
  logic [8*UNIT*ALL-1:0] stored_q, all;
  logic complete, takes, gives, room, step, last;

  assign complete = in_q == IN_WIDTH'(FRAME_IN);
  assign takes = !complete && count_q < COUNT_WIDTH'(OUT);
  assign held = count_q + (takes ? COUNT_WIDTH'(IN) : '0);
  assign gives = complete || held >= COUNT_WIDTH'(OUT);
  assign last = gives && out_q == OUT_WIDTH'(FRAME_OUT - 1);
  assign room = m_axis_tready || !m_axis_tvalid || !gives;
  assign step = (s_axis_tvalid || !takes) && room;
  assign s_axis_tready = takes && room;
  assign all = takes ? stored_q | (8 * UNIT * ALL)'(s_axis_tdata) << (32'(count_q) * 8 * UNIT) : stored_q;

  always_ff @(posedge clk) begin
    if (!rst_n || (step && last)) begin
      count_q <= '0;
      in_q <= '0;
      out_q <= '0;
      stored_q <= '0;
    end else if (step) begin
      count_q <= !gives ? held : (held > COUNT_WIDTH'(OUT)) ? held - COUNT_WIDTH'(OUT) : '0;
      in_q <= in_q + IN_WIDTH'(takes);
      out_q <= out_q + OUT_WIDTH'(gives);
      stored_q <= gives ? all >> (8 * OUT_BYTES) : all;
    end
    if (!rst_n) m_axis_tvalid <= 1'b0;
    else if (step && gives) m_axis_tvalid <= 1'b1;
    else if (m_axis_tready) m_axis_tvalid <= 1'b0;
    if (step && gives) m_axis_tdata <= all[8*OUT_BYTES-1:0];
  end

endmodule
