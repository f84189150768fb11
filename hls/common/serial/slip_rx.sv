// Takes SLIP (RFC 1055) apart: bytes of frames, and where a frame ends.
//
// END (c0) ends a frame, and `ends` is high with it instead of `m_valid`. ESC (db) is not a byte itself: with the next
// one, dc or dd, it stands for a c0 or a db. Any other byte behind an ESC is given as it is, which a checksum finds.
module slip_rx (
    input  logic       clk,
    input  logic       rst_n,
    input  logic [7:0] s_data,
    input  logic       s_valid,
    output logic [7:0] m_data,
    output logic       m_valid,
    output logic       ends
);

  logic escaped_q, escape;
  assign escape = s_data == 8'hdb;
  assign ends = s_valid && s_data == 8'hc0;
  assign m_valid = s_valid && !escape && !ends;

  always_ff @(posedge clk) begin
    if (!rst_n) escaped_q <= 1'b0;
    else if (s_valid) escaped_q <= escape;
  end

  always_comb begin
    m_data = s_data;
    if (escaped_q && s_data == 8'hdc) m_data = 8'hc0;
    if (escaped_q && s_data == 8'hdd) m_data = 8'hdb;
  end

endmodule
