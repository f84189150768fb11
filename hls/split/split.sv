// Split: FIRST_BEATS beats to the first output, then REST_BEATS to the second, and so on; WIDTH bits a beat,
// one beat a cycle. Each output has a fifo of two beats.
module split #(
    parameter int WIDTH = 8,
    parameter int FIRST_BEATS = 2,
    parameter int REST_BEATS = 3
) (
    input  logic             clk,
    input  logic             rst_n,
    input  logic [WIDTH-1:0] s_axis_tdata,
    input  logic             s_axis_tvalid,
    output logic             s_axis_tready,
    output logic [WIDTH-1:0] m_axis_tdata,
    output logic             m_axis_tvalid,
    input  logic             m_axis_tready,
    output logic [WIDTH-1:0] m_axis1_tdata,
    output logic             m_axis1_tvalid,
    input  logic             m_axis1_tready
);

  localparam int MOST = (FIRST_BEATS > REST_BEATS) ? FIRST_BEATS : REST_BEATS;
  localparam int COUNT_WIDTH = (MOST > 1) ? $clog2(MOST) : 1;

  logic [COUNT_WIDTH-1:0] beat_q;
  logic second_q, last, step, room, room1;

  assign last = beat_q == (second_q ? COUNT_WIDTH'(REST_BEATS - 1) : COUNT_WIDTH'(FIRST_BEATS - 1));
  assign s_axis_tready = second_q ? room1 : room;
  assign step = s_axis_tvalid && s_axis_tready;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat_q <= '0;
      second_q <= 1'b0;
    end else if (step) begin
      beat_q <= last ? '0 : beat_q + 1'b1;
      if (last) second_q <= !second_q;
    end
  end

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(2)
  ) u_out (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid(step && !second_q),
      .s_axis_tready(room),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(2)
  ) u_out1 (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid(step && second_q),
      .s_axis_tready(room1),
      .m_axis_tdata(m_axis1_tdata),
      .m_axis_tvalid(m_axis1_tvalid),
      .m_axis_tready(m_axis1_tready)
  );

endmodule
