// Crop: of ROWS x COLUMNS pixels of BEATS beats of WIDTH bits, those beats whose three indices all lie in
// START <= index < STOP. One input beat a cycle.
module crop #(
    parameter int WIDTH = 8,
    parameter int ROWS = 4,
    parameter int ROWS_START = 1,
    parameter int ROWS_STOP = 3,
    parameter int COLUMNS = 4,
    parameter int COLUMNS_START = 0,
    parameter int COLUMNS_STOP = 3,
    parameter int BEATS = 2,
    parameter int BEATS_START = 0,
    parameter int BEATS_STOP = 2
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

  logic step, room, last_beat, last_column;
  logic row_kept, column_kept, beat_kept, kept;
  /* verilator lint_off UNUSEDSIGNAL */
  logic last_row;  // frames follow one another: nothing depends on it
  /* verilator lint_on UNUSEDSIGNAL */

  assign kept = row_kept && column_kept && beat_kept;
  assign s_axis_tready = room || !kept;
  assign step = s_axis_tvalid && s_axis_tready;

  crop_counter #(
      .SIZE(BEATS),
      .START(BEATS_START),
      .STOP(BEATS_STOP)
  ) u_beat (
      .clk,
      .rst_n,
      .advance(step),
      .last(last_beat),
      .kept(beat_kept)
  );

  crop_counter #(
      .SIZE(COLUMNS),
      .START(COLUMNS_START),
      .STOP(COLUMNS_STOP)
  ) u_column (
      .clk,
      .rst_n,
      .advance(step && last_beat),
      .last(last_column),
      .kept(column_kept)
  );

  crop_counter #(
      .SIZE(ROWS),
      .START(ROWS_START),
      .STOP(ROWS_STOP)
  ) u_row (
      .clk,
      .rst_n,
      .advance(step && last_beat && last_column),
      .last(last_row),
      .kept(row_kept)
  );

  fifo #(
      .WIDTH(WIDTH),
      .DEPTH(2)
  ) u_out (
      .clk,
      .rst_n,
      .s_axis_tdata,
      .s_axis_tvalid(step && kept),
      .s_axis_tready(room),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
