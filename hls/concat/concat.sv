// Concat: A_BEATS beats of the first input, then B_BEATS of the second, and so on; PE elements a beat, each
// extended to O_BITS. One beat a cycle.
//
// X_SIGNED and X_BIPOLAR tell how an input's codes grow; both are 0 where they stay as they are.
module concat #(
    parameter int PE = 2,
    parameter int A_BEATS = 2,
    parameter int B_BEATS = 3,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 1,
    parameter int A_BIPOLAR = 0,
    parameter int B_BITS = 2,
    parameter int B_SIGNED = 0,
    parameter int B_BIPOLAR = 0,
    parameter int O_BITS = 4
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [PE*A_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    input  logic [PE*B_BITS-1:0] s_axis1_tdata,
    input  logic                 s_axis1_tvalid,
    output logic                 s_axis1_tready,
    output logic [PE*O_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  localparam int MOST = (A_BEATS > B_BEATS) ? A_BEATS : B_BEATS;
  localparam int COUNT_WIDTH = (MOST > 1) ? $clog2(MOST) : 1;

  logic [COUNT_WIDTH-1:0] beat_q;
  logic second_q, last, step, room;
  logic [PE*O_BITS-1:0] a, b;

  assign last = beat_q == (second_q ? COUNT_WIDTH'(B_BEATS - 1) : COUNT_WIDTH'(A_BEATS - 1));
  assign step = (second_q ? s_axis1_tvalid : s_axis_tvalid) && room;
  assign s_axis_tready = room && !second_q;
  assign s_axis1_tready = room && second_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat_q <= '0;
      second_q <= 1'b0;
    end else if (step) begin
      beat_q <= last ? '0 : beat_q + 1'b1;
      if (last) second_q <= !second_q;
    end
  end

  extend #(
      .N(PE),
      .IN(A_BITS),
      .OUT(O_BITS),
      .SIGNED(A_SIGNED),
      .BIPOLAR(A_BIPOLAR)
  ) u_a (
      .codes(s_axis_tdata),
      .values(a)
  );

  extend #(
      .N(PE),
      .IN(B_BITS),
      .OUT(O_BITS),
      .SIGNED(B_SIGNED),
      .BIPOLAR(B_BIPOLAR)
  ) u_b (
      .codes(s_axis1_tdata),
      .values(b)
  );

  fifo #(
      .WIDTH(PE * O_BITS),
      .DEPTH(2)
  ) u_out (
      .clk,
      .rst_n,
      .s_axis_tdata(second_q ? b : a),
      .s_axis_tvalid(step),
      .s_axis_tready(room),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
