// The checksum of zlib.crc32 over bytes, one bit a cycle: a byte is taken while `ready`, and takes 8 cycles.
//
// A checksum is sent as the complement of the register, its `lowest` byte first. Two things save a comparison and a
// shift register:
//   - behind the bytes of a frame and its checksum the register is RESIDUE, whatever the frame: `right`;
//   - given its own lowest byte, the register moves down by 8 bits, so that the next one can be sent.
module crc32 (
    input  logic       clk,
    input  logic       rst_n,
    input  logic       clear,
    input  logic [7:0] data,
    input  logic       valid,
    output logic       ready,
    output logic [7:0] lowest,
    output logic       right
);

  // x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 + x^5 + x^4 + x^2 + x + 1 (IEEE 802.3), the
  // highest power last.
  localparam logic [31:0] POLYNOMIAL = 32'hedb88320;
  localparam logic [31:0] RESIDUE = 32'hdebb20e3;

  logic [31:0] crc_q;
  logic [7:0] data_q;
  logic [3:0] left_q;
  logic feedback;
  assign feedback = crc_q[0] ^ data_q[0];
  assign ready = left_q == '0;
  assign lowest = crc_q[7:0];
  assign right = crc_q == RESIDUE;

  always_ff @(posedge clk) begin
    if (!rst_n || clear) begin
      crc_q <= '1;
      left_q <= '0;
    end else if (!ready) begin
      crc_q <= (crc_q >> 1) ^ (feedback ? POLYNOMIAL : '0);
      left_q <= left_q - 1'b1;
    end else if (valid) begin
      left_q <= 4'd8;
    end
    if (ready) data_q <= data;
    else data_q <= data_q >> 1;
  end

endmodule
