// Fork: two copies of a stream, WIDTH bits a beat. (`fork` itself is a word of the language.)
//
// A beat is taken when both outputs have room. Each has a fifo of two beats, so that it can go on for two
// beats while the other is blocked, and that s_axis_tready comes from registers alone.
module stream_fork #(
    parameter int WIDTH = 8
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

  logic step, room, room1;

  assign s_axis_tready = room && room1;
  assign step = s_axis_tvalid && s_axis_tready;

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(2)
  ) u_out (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid(step),
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
      .s_axis_tvalid(step),
      .s_axis_tready(room1),
      .m_axis_tdata(m_axis1_tdata),
      .m_axis_tvalid(m_axis1_tvalid),
      .m_axis_tready(m_axis1_tready)
  );

endmodule
