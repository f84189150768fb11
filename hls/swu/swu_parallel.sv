// Sliding windows, MMV whole ones a cycle: KH - 1 rows of the image in a memory, the columns of the windows in
// registers.
//
// Steps walk over rows of GAP steps of padding and W / MMV of pixels. The gap is the padding before its row and
// behind the one above, so that it counts once; rows of padding take as many steps, as no pixel is taken in
// them. A step forms the MMV columns of KH taps that end in it: pixels of rows above come from the memory,
// those outside the image are FILL. A group of MMV windows is given in the step of its last column: SW steps
// after the one before it, TURN at the end of a row of windows. So a frame takes about
// (H + rows of padding) * (W / MMV + GAP) cycles.
//
// All behind the steps runs freely, one register deep; SLOTS credits keep the windows within the output fifo.
module swu_parallel #(
    parameter int H = 4,
    parameter int W = 4,
    parameter int OH = 4,
    parameter int OW = 4,
    parameter int KH = 3,
    parameter int KW = 3,
    parameter int SH = 1,
    parameter int SW = 1,
    parameter int DH = 1,
    parameter int DW = 1,
    parameter int TOP = 1,
    parameter int LEFT = 1,
    parameter int PIXEL_BITS = 8,
    parameter int MMV = 1,
    parameter int BLOCK = 0,
    parameter int SLOTS = 2,
    parameter logic [PIXEL_BITS-1:0] FILL = '0
) (
    input  logic                            clk,
    input  logic                            rst_n,
    input  logic [      MMV*PIXEL_BITS-1:0] s_axis_tdata,
    input  logic                            s_axis_tvalid,
    output logic                            s_axis_tready,
    output logic [MMV*KH*KW*PIXEL_BITS-1:0] m_axis_tdata,
    output logic                            m_axis_tvalid,
    input  logic                            m_axis_tready
);

  function automatic int floored(input int a, input int b);
    floored = (a >= 0) ? a / b : -((b - 1 - a) / b);
  endfunction

  function automatic int most(input int a, input int b);
    most = (a > b) ? a : b;
  endfunction

  localparam int EH = (KH - 1) * DH + 1;
  localparam int EW = (KW - 1) * DW + 1;

  // Rows in which the first and the last row of windows end, and columns of its first and last group.
  localparam int TOP_END = EH - 1 - TOP;
  localparam int BOTTOM_END = TOP_END + (OH - 1) * SH;
  localparam int LEFT_END = (MMV - 1) * SW + EW - 1 - LEFT;
  localparam int RIGHT_END = LEFT_END + (OW - MMV) * SW;

  // The walk, in steps: column x of a row is in step floor(x / MMV) + GAP of the row.
  localparam int SPREAD = (RIGHT_END - LEFT_END + MMV + SH - 1) / SH - W;
  localparam int GAP = (most(most(LEFT, RIGHT_END - W + 1), SPREAD) + MMV - 1) / MMV;
  localparam int ROW = GAP + W / MMV;
  localparam int TURN = SH * ROW - (OW / MMV - 1) * SW;
  localparam int AFTER = floored(RIGHT_END, MMV) - W / MMV;
  localparam int TAIL = (BOTTOM_END >= H - 1 && AFTER >= 0) ? 1 : 0;
  localparam int LAST_ROW = most(H - 1, BOTTOM_END) + TAIL;
  localparam int FIRST_STEP = GAP - (LEFT + MMV - 1) / MMV;
  localparam int LAST_STEP = (TAIL != 0) ? AFTER : ROW - 1;
  localparam int FIRST_GROUP = TOP_END * ROW + floored(LEFT_END, MMV) + GAP - FIRST_STEP;
  // Columns behind the last one of a group that arrive in its step.
  localparam int AHEAD = (floored(LEFT_END, MMV) + 1) * MMV - 1 - LEFT_END;

  localparam int PADDED = (TOP > 0 || LEFT > 0 || BOTTOM_END >= H || RIGHT_END >= W) ? 1 : 0;
  localparam int GROUPS = OW / MMV;
  localparam int WAIT = most(most(FIRST_GROUP, TURN - 1), SW - 1);
  localparam int ROW_WIDTH = (LAST_ROW > 0) ? $clog2(LAST_ROW + 1) : 1;
  localparam int STEP_WIDTH = (ROW > 1) ? $clog2(ROW) : 1;
  localparam int WAIT_WIDTH = (WAIT > 0) ? $clog2(WAIT + 1) : 1;
  localparam int GROUP_WIDTH = (GROUPS > 1) ? $clog2(GROUPS) : 1;

  // Steps: step_q of row row_q; wait_q more until a group is given, of windows_q rows that are left.
  logic [ROW_WIDTH-1:0] row_q;
  logic [STEP_WIDTH-1:0] step_q;
  logic [WAIT_WIDTH-1:0] wait_q, wait_d;
  logic [GROUP_WIDTH-1:0] group_q;
  logic [ROW_WIDTH:0] windows_q;
  logic pixels, takes, gives, step, credit, row_end, frame_end, group_last;
  logic started_q;
  logic [31:0] row;

  assign row = 32'(row_q);
  assign pixels = 32'(step_q) >= 32'(GAP);
  assign takes = pixels && row < H;
  assign gives = wait_q == '0 && windows_q != '0;
  assign step = started_q && (s_axis_tvalid || !takes) && (credit || !gives);
  assign s_axis_tready = started_q && takes && (credit || !gives);
  assign row_end = step_q == STEP_WIDTH'(ROW - 1);
  assign frame_end = row_q == ROW_WIDTH'(LAST_ROW) && step_q == STEP_WIDTH'(LAST_STEP);
  assign group_last = (GROUPS == 1) || group_q == GROUP_WIDTH'(GROUPS - 1);

  always_comb begin
    if (wait_q != '0) wait_d = wait_q - 1'b1;
    else wait_d = group_last ? WAIT_WIDTH'(TURN - 1) : WAIT_WIDTH'(SW - 1);
  end

  // The first steps need neither input nor credit: they begin when a credit would be there.
  always_ff @(posedge clk) started_q <= rst_n;

  always_ff @(posedge clk) begin
    if (!rst_n || (step && frame_end)) begin
      row_q <= '0;
      step_q <= STEP_WIDTH'(FIRST_STEP);
      wait_q <= WAIT_WIDTH'(FIRST_GROUP);
      group_q <= '0;
      windows_q <= (ROW_WIDTH + 1)'(OH);
    end else if (step) begin
      step_q <= row_end ? '0 : step_q + 1'b1;
      if (row_end) row_q <= row_q + 1'b1;
      wait_q <= wait_d;
      if (gives) group_q <= group_last ? '0 : group_q + 1'b1;
      if (gives && group_last) windows_q <= windows_q - 1'b1;
    end
  end

  // One cycle later: the newest columns, tap i of them in row `row` - (KH - 1 - i) * DH.
  logic step_valid_q, gives_q, pixels_q;
  logic [KH-1:0] inside_q;
  logic [MMV*PIXEL_BITS-1:0] x_q;
  logic [KH*MMV*PIXEL_BITS-1:0] taps;

  always_ff @(posedge clk) begin
    step_valid_q <= rst_n && step;
    gives_q <= rst_n && step && gives;
    pixels_q <= pixels;
    x_q <= s_axis_tdata;
  end

  for (genvar i = 0; i < KH; i = i + 1) begin : gen_inside
    localparam int ABOVE = (KH - 1 - i) * DH;
    always_ff @(posedge clk) inside_q[i] <= PADDED == 0 || (pixels && row + 1 > ABOVE && row < H + ABOVE);
  end

  assign taps[(KH-1)*MMV*PIXEL_BITS+:MMV*PIXEL_BITS] = x_q;
  if (KH > 1) begin : gen_rows
    swu_rows #(
        .WIDTH(MMV * PIXEL_BITS),
        .ROWS(KH - 1),
        .WORDS(DH * W / MMV),
        .BLOCK(BLOCK)
    ) u_rows (
        .clk,
        .rst_n,
        .fetch(step && pixels),
        .shift(step_valid_q && pixels_q),
        .newest(x_q),
        .rows(taps[(KH-1)*MMV*PIXEL_BITS-1:0])
    );
  end

  // Columns: the newest MMV at the top, KH taps each, in front of those that are kept.
  localparam int COLUMN_BITS = KH * PIXEL_BITS;
  localparam int SPAN = (MMV - 1) * SW + EW + AHEAD;
  localparam int KEPT = most(SPAN - MMV, 0);
  logic [(KEPT+MMV)*COLUMN_BITS-1:0] columns;

  for (genvar j = 0; j < MMV; j = j + 1) begin : gen_newest
    for (genvar i = 0; i < KH; i = i + 1) begin : gen_tap
      assign columns[(KEPT+j)*COLUMN_BITS+i*PIXEL_BITS+:PIXEL_BITS] =
          inside_q[i] ? taps[(i*MMV+j)*PIXEL_BITS+:PIXEL_BITS] : FILL;
    end
  end

  if (KEPT > 0) begin : gen_kept
    logic [KEPT*COLUMN_BITS-1:0] kept_q;
    assign columns[KEPT*COLUMN_BITS-1:0] = kept_q;
    always_ff @(posedge clk) begin
      if (step_valid_q) kept_q <= columns[(KEPT+MMV)*COLUMN_BITS-1:MMV*COLUMN_BITS];
    end
  end

  // Windows: tap (i, k) of window w in the order of the output.
  logic [MMV*KH*KW*PIXEL_BITS-1:0] windows;
  for (genvar w = 0; w < MMV; w = w + 1) begin : gen_window
    for (genvar i = 0; i < KH; i = i + 1) begin : gen_row
      for (genvar k = 0; k < KW; k = k + 1) begin : gen_tap
        localparam int COLUMN = KEPT + MMV - 1 - AHEAD - (MMV - 1 - w) * SW - (KW - 1 - k) * DW;
        assign windows[((w*KH+i)*KW+k)*PIXEL_BITS+:PIXEL_BITS] =
            columns[COLUMN*COLUMN_BITS+i*PIXEL_BITS+:PIXEL_BITS];
      end
    end
  end

  credit_fifo #(
      .WIDTH(MMV * KH * KW * PIXEL_BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step && gives),
      .credit,
      .push(gives_q),
      .data(windows),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
