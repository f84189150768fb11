// DepthToSpace: ROWS x COLUMNS pixels, each BLOCKSIZE rows of BEATS beats. In comes pixel by pixel, out goes
// for each image row the first row of all its blocks, then the second, and so on.
//
// Beat k of block row p of pixel j of an image row comes as the (j*B + p)*K + k-th and goes as the
// (p*W + j)*K + k-th (B = BLOCKSIZE, K = BEATS, W = COLUMNS), so the output runs DELAY = (W-1)*(B-1)*K + 1
// steps behind: then it never asks for a beat that is not there. The other way round none waits longer than
// 2*DELAY - 1 steps, so a ring of DEPTH = 2*DELAY beats holds all. A frame takes ROWS*W*B*K + DELAY steps.
// The memory is in block RAM if BLOCK. What is behind the handshake runs freely; SLOTS credits keep the beats
// within the output fifo.
module depth_to_space #(
    parameter int WIDTH = 8,
    parameter int ROWS = 2,
    parameter int COLUMNS = 3,
    parameter int BLOCKSIZE = 2,
    parameter int BEATS = 2,
    parameter int BLOCK = 0,
    parameter int SLOTS = 2
) (
    input  logic             clk,
    input  logic             rst_n,
    input  logic [WIDTH-1:0] s_axis_tdata,
    input  logic             s_axis_tvalid,
    output logic             s_axis_tready,
    output logic [WIDTH-1:0] m_axis_tdata,
    output logic             m_axis_tvalid,
    input  logic             m_axis_tready
);

  localparam int DELAY = (COLUMNS - 1) * (BLOCKSIZE - 1) * BEATS + 1;
  localparam int READS = ROWS * COLUMNS * BLOCKSIZE * BEATS;
  localparam int DEPTH = 2 * DELAY;
  localparam int STEP_WIDTH = $clog2(READS + DELAY);
  localparam int ADDR_WIDTH = $clog2(DEPTH);
  localparam int BEAT_WIDTH = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int COLUMN_WIDTH = (COLUMNS > 1) ? $clog2(COLUMNS) : 1;
  localparam int PLACE_WIDTH = (BLOCKSIZE > 1) ? $clog2(BLOCKSIZE) : 1;
  // From a beat of the output to the next, on the ring: in a row of a block and from image row to image row,
  // from pixel to pixel, and from the last pixel back to the next row of the first one.
  localparam int TO_PIXEL = ((BLOCKSIZE - 1) * BEATS + 1) % DEPTH;
  localparam int ROUND = (COLUMNS - 1) * BLOCKSIZE * BEATS;
  localparam int TO_ROW = (DEPTH * (ROUND / DEPTH + 1) + 1 - ROUND) % DEPTH;

  // Steps: `reads` in the first READS, `writes` in all but the first DELAY.
  logic [STEP_WIDTH-1:0] step_q;
  logic reads_q, writes_q, last, step, credit;

  assign last = step_q == STEP_WIDTH'(READS + DELAY - 1);
  assign step = (s_axis_tvalid || !reads_q) && (credit || !writes_q);
  assign s_axis_tready = reads_q && (credit || !writes_q);

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      step_q <= '0;
      reads_q <= 1'b1;
      writes_q <= 1'b0;
    end else if (step) begin
      step_q <= last ? '0 : step_q + 1'b1;
      if (last) reads_q <= 1'b1;
      else if (step_q == STEP_WIDTH'(READS - 1)) reads_q <= 1'b0;
      if (last) writes_q <= 1'b0;
      else if (step_q == STEP_WIDTH'(DELAY - 1)) writes_q <= 1'b1;
    end
  end

  // Where the next input beat goes, and where the next output beat is.
  logic [ADDR_WIDTH-1:0] write_q, read_q, read_d, stride;
  logic [ADDR_WIDTH:0] read_sum;
  logic [BEAT_WIDTH-1:0] beat_q;
  logic [COLUMN_WIDTH-1:0] column_q;
  logic [PLACE_WIDTH-1:0] place_q;
  logic last_beat, last_column, last_place;

  assign last_beat = (BEATS == 1) || beat_q == BEAT_WIDTH'(BEATS - 1);
  assign last_column = (COLUMNS == 1) || column_q == COLUMN_WIDTH'(COLUMNS - 1);
  assign last_place = (BLOCKSIZE == 1) || place_q == PLACE_WIDTH'(BLOCKSIZE - 1);

  always_comb begin
    if (!last_beat || (last_column && last_place)) stride = ADDR_WIDTH'(1);
    else if (!last_column) stride = ADDR_WIDTH'(TO_PIXEL);
    else stride = ADDR_WIDTH'(TO_ROW);
    read_sum = {1'b0, read_q} + {1'b0, stride};
    if (read_sum >= (ADDR_WIDTH + 1)'(DEPTH)) read_sum = read_sum - (ADDR_WIDTH + 1)'(DEPTH);
    read_d = read_sum[ADDR_WIDTH-1:0];
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      write_q <= '0;
      read_q <= '0;
      beat_q <= '0;
      column_q <= '0;
      place_q <= '0;
    end else if (step) begin
      if (reads_q) write_q <= (write_q == ADDR_WIDTH'(DEPTH - 1)) ? '0 : write_q + 1'b1;
      if (writes_q) begin
        read_q <= read_d;
        beat_q <= last_beat ? '0 : beat_q + 1'b1;
        if (last_beat) column_q <= last_column ? '0 : column_q + 1'b1;
        if (last_beat && last_column) place_q <= last_place ? '0 : place_q + 1'b1;
      end
    end
  end

  logic [WIDTH-1:0] beat;
  logic valid_q;

  beat_memory #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_kept (
      .clk,
      .write(step && reads_q),
      .write_address(write_q),
      .data(s_axis_tdata),
      .read_address(read_q),
      .beat
  );

  always_ff @(posedge clk) valid_q <= rst_n && step && writes_q;

  credit_fifo #(
      .WIDTH(WIDTH),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step && writes_q),
      .credit,
      .push(valid_q),
      .data(beat),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
