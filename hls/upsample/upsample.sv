// Upsample: every pixel of BEATS beats COLUMNS times, then the row of DEPTH beats ROWS times; a beat a cycle.
//
// A beat is read in the step that gives it for the first time, and kept at its place in the row for the
// others; with ROWS = 1 only a pixel is kept, and DEPTH = BEATS. The memory is in block RAM if BLOCK. What is
// behind the handshake runs freely; SLOTS credits keep the beats within the output fifo.
module upsample #(
    parameter int WIDTH = 8,
    parameter int BEATS = 2,
    parameter int DEPTH = 6,
    parameter int ROWS = 2,
    parameter int COLUMNS = 2,
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

  localparam int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam int BEAT_WIDTH = (BEATS > 1) ? $clog2(BEATS) : 1;
  localparam int ROW_WIDTH = (ROWS > 1) ? $clog2(ROWS) : 1;
  localparam int COLUMN_WIDTH = (COLUMNS > 1) ? $clog2(COLUMNS) : 1;

  // A step: beat beat_q of the column_q-th copy of the pixel around place_q, in the row_q-th copy of the row.
  logic [BEAT_WIDTH-1:0] beat_q;
  logic [COLUMN_WIDTH-1:0] column_q;
  logic [ROW_WIDTH-1:0] row_q;
  logic [ADDR_WIDTH-1:0] place_q;
  logic last_beat, last_column, last_place, last_row, fresh, step, credit;

  assign last_beat = (BEATS == 1) || beat_q == BEAT_WIDTH'(BEATS - 1);
  assign last_column = (COLUMNS == 1) || column_q == COLUMN_WIDTH'(COLUMNS - 1);
  assign last_place = (DEPTH == 1) || place_q == ADDR_WIDTH'(DEPTH - 1);
  assign last_row = (ROWS == 1) || row_q == ROW_WIDTH'(ROWS - 1);
  assign fresh = ((COLUMNS == 1) || column_q == '0) && ((ROWS == 1) || row_q == '0);
  assign step = (s_axis_tvalid || !fresh) && credit;
  assign s_axis_tready = fresh && credit;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat_q <= '0;
      column_q <= '0;
      row_q <= '0;
      place_q <= '0;
    end else if (step) begin
      beat_q <= last_beat ? '0 : beat_q + 1'b1;
      if (last_beat) column_q <= last_column ? '0 : column_q + 1'b1;
      if (last_beat && last_column && last_place) row_q <= last_row ? '0 : row_q + 1'b1;
      if (last_beat && !last_column) place_q <= place_q - ADDR_WIDTH'(BEATS - 1);
      else place_q <= last_place ? '0 : place_q + 1'b1;
    end
  end

  logic [WIDTH-1:0] kept, data_q;
  logic fresh_q, valid_q;

  beat_memory #(
      .WIDTH(WIDTH),
      .DEPTH(DEPTH),
      .BLOCK(BLOCK)
  ) u_kept (
      .clk,
      .write(step && fresh),
      .write_address(place_q),
      .data(s_axis_tdata),
      .read_address(place_q),
      .beat(kept)
  );

  always_ff @(posedge clk) begin
    valid_q <= rst_n && step;
    fresh_q <= fresh;
    data_q <= s_axis_tdata;
  end

  credit_fifo #(
      .WIDTH(WIDTH),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step),
      .credit,
      .push(valid_q),
      .data(fresh_q ? data_q : kept),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
