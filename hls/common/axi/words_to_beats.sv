// Frames as they lie in memory to beats of a stream: BEAT_BYTES bytes a beat, FRAME_BEATS beats a frame.
//
// Words have WORD_BYTES bytes, a power of two from 8 on. The bytes of a frame lie one behind the other, the first
// in the least significant place; a frame begins with a word of its own, so what the last word of a frame has behind
// the frame's last beat is dropped. A beat is valid one cycle after the word that completes it was taken.
module words_to_beats #(
    parameter int WORD_BYTES = 8,
    parameter int BEAT_BYTES = 1,
    parameter int FRAME_BEATS = 1
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic [8*WORD_BYTES-1:0] s_axis_tdata,
    input  logic                    s_axis_tvalid,
    output logic                    s_axis_tready,
    output logic [8*BEAT_BYTES-1:0] m_axis_tdata,
    output logic                    m_axis_tvalid,
    input  logic                    m_axis_tready
);

  localparam int UNIT = axi_pkg::unit(BEAT_BYTES, WORD_BYTES);  // bytes that always stay together
  localparam int IN = WORD_BYTES / UNIT;
  localparam int OUT = BEAT_BYTES / UNIT;
  localparam int ALL = IN + OUT;  // bound on units stored while a step runs
  localparam int COUNT_WIDTH = $clog2(ALL + 1);
  localparam int BEAT_WIDTH = (FRAME_BEATS > 1) ? $clog2(FRAME_BEATS) : 1;

  logic [COUNT_WIDTH-1:0] count_q, count_d;
  logic [BEAT_WIDTH-1:0] beat_q;
  logic [8*UNIT*ALL-1:0] stored_q, all;
  logic takes, gives, room, step, last;

  assign takes = count_q < COUNT_WIDTH'(OUT);
  assign gives = !takes || count_q + COUNT_WIDTH'(IN) >= COUNT_WIDTH'(OUT);
  assign room = m_axis_tready || !m_axis_tvalid || !gives;
  assign step = (s_axis_tvalid || !takes) && room;
  assign s_axis_tready = takes && room;
  assign last = gives && beat_q == BEAT_WIDTH'(FRAME_BEATS - 1);
  assign count_d = count_q + (takes ? COUNT_WIDTH'(IN) : '0) - (gives ? COUNT_WIDTH'(OUT) : '0);
  assign all = takes ? stored_q | (8 * UNIT * ALL)'(s_axis_tdata) << (32'(count_q) * 8 * UNIT) : stored_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count_q <= '0;
      beat_q <= '0;
      stored_q <= '0;
      m_axis_tvalid <= 1'b0;
    end else begin
      if (step) begin
        count_q <= last ? '0 : count_d;
        stored_q <= last ? '0 : gives ? all >> (8 * BEAT_BYTES) : all;
        if (gives) beat_q <= last ? '0 : beat_q + 1'b1;
      end
      if (step && gives) m_axis_tvalid <= 1'b1;
      else if (m_axis_tready) m_axis_tvalid <= 1'b0;
    end
    if (step && gives) m_axis_tdata <= all[8*BEAT_BYTES-1:0];
  end

endmodule
