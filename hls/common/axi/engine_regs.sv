// The registers of one engine that moves frames between memory and a stream of 64-bit words:
//
//   0, 1  ADDRESS   the lower and the upper half of where the next command begins, a multiple of 8
//   2     WORDS     of 8 bytes that the next command moves
//   3     MOVED     words that passed since reset, read only as the following are
//   4     FRAMES    frames of them, of FRAME_WORDS words each
//   5     CHECKSUM  the sum over all these words of the sums up to them, each word the exclusive or of its halves:
//                   unlike a plain sum it shows a word at another place
module engine_regs #(
    parameter int FRAME_WORDS = 1
) (
    input  logic        clk,
    input  logic        rst_n,
    input  logic        write,
    input  logic [ 2:0] write_index,
    input  logic [31:0] write_data,
    input  logic [ 2:0] read_index,
    output logic [31:0] read_data,
    output logic [63:0] address,
    output logic [31:0] words,
    input  logic        moved,
    input  logic [63:0] data
);

  localparam int PLACE_WIDTH = (FRAME_WORDS > 1) ? $clog2(FRAME_WORDS) : 1;

  always_ff @(posedge clk) begin
    if (write) begin
      case (write_index)
        3'd0: address[31:0] <= write_data;
        3'd1: address[63:32] <= write_data;
        3'd2: words <= write_data;
        default: ;
      endcase
    end
  end

  logic moved_q;
  logic [PLACE_WIDTH-1:0] place_q;
  logic [31:0] folded_q, count_q, frames_q, sum_q, checksum_q;

  always_ff @(posedge clk) begin
    folded_q <= data[31:0] ^ data[63:32];
    if (!rst_n) begin
      moved_q <= 1'b0;
      place_q <= '0;
      count_q <= '0;
      frames_q <= '0;
      sum_q <= '0;
      checksum_q <= '0;
    end else begin
      moved_q <= moved;
      if (moved) begin
        count_q <= count_q + 1'b1;
        place_q <= (place_q == PLACE_WIDTH'(FRAME_WORDS - 1)) ? '0 : place_q + 1'b1;
        if (place_q == PLACE_WIDTH'(FRAME_WORDS - 1)) frames_q <= frames_q + 1'b1;
      end
      if (moved_q) begin
        sum_q <= sum_q + folded_q;
        checksum_q <= checksum_q + sum_q + folded_q;
      end
    end
  end

  always_comb begin
    case (read_index)
      3'd0: read_data = address[31:0];
      3'd1: read_data = address[63:32];
      3'd2: read_data = words;
      3'd3: read_data = count_q;
      3'd4: read_data = frames_q;
      3'd5: read_data = checksum_q;
      default: read_data = '0;
    endcase
  end

endmodule
