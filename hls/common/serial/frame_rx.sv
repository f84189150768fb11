// Collects frames that come in SLIP with a CRC-32 at their end, and gives the bytes of those that arrived whole.
//
// Its bytes are on `data` one after the other, each `valid` until it is `taken`; `ended` is high behind the last one.
// `forget` drops the frame, and only then the next one is collected: of one that comes earlier everything is lost up to
// its end. So are, in silence, frames without a byte, with a wrong checksum, or of 2^SIZE_BITS bytes and more with it.
// A byte may come every 10 cycles.
module frame_rx #(
    parameter int SIZE_BITS = 11
) (
    input  logic       clk,
    input  logic       rst_n,
    input  logic [7:0] line_data,
    input  logic       line_valid,
    output logic [7:0] data,
    output logic       valid,
    output logic       ended,
    input  logic       taken,
    input  logic       forget
);

  localparam logic [SIZE_BITS-1:0] CHECKSUM = SIZE_BITS'(4);

  logic [7:0] byte_in;
  logic byte_valid, ends;

  slip_rx u_slip (
      .clk,
      .rst_n,
      .s_data(line_data),
      .s_valid(line_valid),
      .m_data(byte_in),
      .m_valid(byte_valid),
      .ends
  );

  // `here_q`: a frame is here. `drop_q`: something of the frame that comes now is lost.
  logic [SIZE_BITS-1:0] size_q, at_q;
  logic [7:0] stored;
  logic [1:0] fresh_q;
  logic here_q, drop_q, right, whole;
  assign whole = right && !drop_q && size_q > CHECKSUM;
  assign ended = at_q == size_q;
  assign valid = here_q && fresh_q[1] && !ended;

  always_ff @(posedge clk) begin
    if (!rst_n || forget) begin
      here_q <= 1'b0;
      size_q <= '0;
      at_q <= '0;
      fresh_q <= '0;
    end else if (here_q) begin
      // The byte at a new place is here two cycles later: a block RAM is slow to answer.
      fresh_q <= taken ? '0 : {fresh_q[0], 1'b1};
      if (taken) at_q <= at_q + 1'b1;
    end else if (ends) begin
      here_q <= whole;
      size_q <= whole ? size_q - CHECKSUM : '0;
    end else if (byte_valid && !(&size_q)) begin
      size_q <= size_q + 1'b1;
    end
    data <= stored;
    if (!rst_n || ends) drop_q <= 1'b0;
    else if (byte_valid && (here_q || (&size_q))) drop_q <= 1'b1;
  end

  /* verilator lint_off PINCONNECTEMPTY */
  crc32 u_crc (
      .clk,
      .rst_n,
      .clear(ends),
      .data(byte_in),
      .valid(byte_valid),
      .ready(),
      .lowest(),
      .right
  );
  /* verilator lint_on PINCONNECTEMPTY */

  beat_memory #(
      .WIDTH(8),
      .DEPTH(2 ** SIZE_BITS),
      .BLOCK(1)
  ) u_bytes (
      .clk,
      .write(byte_valid && !here_q),
      .write_address(size_q),
      .data(byte_in),
      .read_address(at_q),
      .beat(stored)
  );

endmodule
