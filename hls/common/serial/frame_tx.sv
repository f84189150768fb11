// Keeps the bytes of a frame, and sends it in SLIP with a CRC-32 at its end, as often as it is asked to.
//
// `put` adds a byte, with `first` as the first one of another frame; with `mark` its place is kept, and `patch` puts
// a byte there instead. A frame has room for 2^SIZE_BITS - 2 bytes, and for one more that is put with `last`; what
// finds no room is dropped, and `overflow` stays high until the next frame. `send` is for when all has been put and
// nothing is `busy`. An END is sent before the frame, too: it ends what noise on the line may have begun.
module frame_tx #(
    parameter int SIZE_BITS = 11
) (
    input  logic       clk,
    input  logic       rst_n,
    input  logic       put,
    input  logic       first,
    input  logic       last,
    input  logic       mark,
    input  logic       patch,
    input  logic [7:0] data,
    output logic       overflow,
    input  logic       send,
    output logic       busy,
    output logic [7:0] line_data,
    output logic       line_valid,
    input  logic       line_ready
);

  logic [SIZE_BITS-1:0] size_q, mark_q, at_q, place;
  logic full, store;
  assign full = (&size_q[SIZE_BITS-1:1]) && !first && !last;
  assign store = (put && !full) || patch;
  assign place = patch ? mark_q : first ? '0 : size_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      size_q <= '0;
      overflow <= 1'b0;
    end else if (put) begin
      if (store) size_q <= place + 1'b1;
      overflow <= !first && (overflow || full);
    end
    if (mark) mark_q <= size_q;
  end

  typedef enum logic [2:0] {
    IDLE,
    BEGIN,
    BYTES,
    CHECKSUM,
    END
  } phase_e;

  phase_e phase_q;
  logic [1:0] sum_q, settled_q;
  logic [7:0] stored, stored_q, given, sum;
  logic border, offered, accepted, taken, crc_ready;
  assign busy = phase_q != IDLE;
  assign border = phase_q == BEGIN || phase_q == END;
  assign given = (phase_q == CHECKSUM) ? ~sum : stored_q;
  // A byte of the memory is here two cycles after its place (a block RAM is slow to answer), and the checksum's next
  // one after 8.
  assign offered = busy && crc_ready && settled_q[1];
  assign taken = offered && accepted;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      phase_q <= IDLE;
    end else begin
      case (phase_q)
        IDLE: if (send) phase_q <= BEGIN;
        BEGIN: if (taken) phase_q <= BYTES;
        BYTES: if (taken && at_q == size_q - 1'b1) phase_q <= CHECKSUM;
        CHECKSUM: if (taken && sum_q == 2'd3) phase_q <= END;
        default: if (taken) phase_q <= IDLE;
      endcase
    end
    if (phase_q == IDLE) at_q <= '0;
    else if (phase_q == BYTES && taken) at_q <= at_q + 1'b1;
    if (phase_q == IDLE || taken) settled_q <= '0;
    else settled_q <= {settled_q[0], 1'b1};
    stored_q <= stored;
    if (phase_q == IDLE) sum_q <= '0;
    else if (phase_q == CHECKSUM && taken) sum_q <= sum_q + 1'b1;
  end

  /* verilator lint_off PINCONNECTEMPTY */
  crc32 u_crc (
      .clk,
      .rst_n,
      .clear(phase_q == IDLE),
      .data((phase_q == CHECKSUM) ? sum : stored_q),
      .valid(taken && !border),
      .ready(crc_ready),
      .lowest(sum),
      .right()
  );
  /* verilator lint_on PINCONNECTEMPTY */

  beat_memory #(
      .WIDTH(8),
      .DEPTH(2 ** SIZE_BITS),
      .BLOCK(1)
  ) u_bytes (
      .clk,
      .write(store),
      .write_address(place),
      .data,
      .read_address(at_q),
      .beat(stored)
  );

  slip_tx u_slip (
      .clk,
      .rst_n,
      .s_axis_tdata(given),
      .s_end(border),
      .s_axis_tvalid(offered),
      .s_axis_tready(accepted),
      .m_axis_tdata(line_data),
      .m_axis_tvalid(line_valid),
      .m_axis_tready(line_ready)
  );

endmodule
