// Puts bytes of frames in SLIP (RFC 1055): where a byte is c0 or db, an ESC (db) and dc or dd are sent instead.
//
// With `s_end` it is not a byte but an END (c0) that is sent.
module slip_tx (
    input  logic       clk,
    input  logic       rst_n,
    input  logic [7:0] s_axis_tdata,
    input  logic       s_end,
    input  logic       s_axis_tvalid,
    output logic       s_axis_tready,
    output logic [7:0] m_axis_tdata,
    output logic       m_axis_tvalid,
    input  logic       m_axis_tready
);

  logic special, escaped_q;
  assign special = !s_end && (s_axis_tdata == 8'hc0 || s_axis_tdata == 8'hdb);
  assign s_axis_tready = m_axis_tready && (!special || escaped_q);
  assign m_axis_tvalid = s_axis_tvalid;

  always_ff @(posedge clk) begin
    if (!rst_n) escaped_q <= 1'b0;
    else if (m_axis_tvalid && m_axis_tready) escaped_q <= special && !escaped_q;
  end

  always_comb begin
    m_axis_tdata = s_axis_tdata;
    if (special) m_axis_tdata = !escaped_q ? 8'hdb : s_axis_tdata[0] ? 8'hdd : 8'hdc;
    if (s_end) m_axis_tdata = 8'hc0;
  end

endmodule
