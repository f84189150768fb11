// Sliding windows, one beat of a pixel a cycle: a circular buffer of DEPTH pixels of CF beats each.
//
// A step takes a beat as long as the pixels that no window needs any more leave room, and gives one once the
// last pixel of the window was taken; a window is KH*KW*CF beats, in the order row, column, beat. Behind the
// last window the rest of the image is taken. With CF = 1 a frame so takes KH*KW*OH*OW cycles and those of the
// pixels taken while no window is given, CF times as many with CF > 1.
//
// Rows and columns are counted with the padding (image row r is row TOP + r), and the address of a tap moves
// by one of five constants, modulo the size of the buffer. Taps outside the image read what lies there and
// become FILL. ROOM bounds the number of pixels for which there may be room at any one time.
//
// A step begins with where the pixels and the window are, compares these, and moves both. With AHEAD = 1, for fast
// clocks, it is in the same cycle, but begins with flags that were found in the cycle before: whether the window is
// complete (swu_ready), and whether there is room for a pixel. An address that is moved is then wrapped beside, not
// behind, its sum. Windows must be of at least 3 beats for that.
module swu_serial #(
    parameter int H = 4,
    parameter int W = 4,
    parameter int CF = 1,
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
    parameter int BEAT_BITS = 8,
    parameter int DEPTH = 12,
    parameter int ROOM = DEPTH,
    parameter int BLOCK = 0,
    parameter int AHEAD = 0,
    parameter int SLOTS = 2,
    parameter logic [BEAT_BITS-1:0] FILL = '0
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic [BEAT_BITS-1:0] s_axis_tdata,
    input  logic                 s_axis_tvalid,
    output logic                 s_axis_tready,
    output logic [BEAT_BITS-1:0] m_axis_tdata,
    output logic                 m_axis_tvalid,
    input  logic                 m_axis_tready
);

  localparam int WORDS = DEPTH * CF;
  localparam int ADDR_WIDTH = (WORDS > 1) ? $clog2(WORDS) : 1;
  localparam int CF_WIDTH = (CF > 1) ? $clog2(CF) : 1;
  localparam int KH_WIDTH = (KH > 1) ? $clog2(KH) : 1;
  localparam int KW_WIDTH = (KW > 1) ? $clog2(KW) : 1;
  localparam int ROOM_WIDTH = $clog2(ROOM + 1);

  // Rows and columns with the padding, wide enough for the image and all windows.
  localparam int EH = (KH - 1) * DH + 1;
  localparam int EW = (KW - 1) * DW + 1;
  localparam int LAST_ROW = (OH - 1) * SH;
  localparam int LAST_COLUMN = (OW - 1) * SW;
  localparam int ROWS = (TOP + H > LAST_ROW + EH) ? TOP + H : LAST_ROW + EH;
  localparam int COLUMNS = (LEFT + W > LAST_COLUMN + EW) ? LEFT + W : LAST_COLUMN + EW;
  localparam int Y_WIDTH = $clog2(ROWS + 1);
  localparam int X_WIDTH = $clog2(COLUMNS + 1);

  localparam int PADDED = (TOP > 0 || LEFT > 0 || ROWS > H || COLUMNS > W) ? 1 : 0;

  // Windows free pixels while they move inside the image: FREED columns of one row of them, then the rest.
  localparam int FIRST_ROW = (TOP + SH - 1) / SH * SH;
  localparam int END_ROW = FIRST_ROW + H / SH * SH;
  localparam int FIRST_COLUMN = (LEFT + SW - 1) / SW * SW;
  localparam int END_COLUMN = FIRST_COLUMN + W / SW * SW;
  localparam int MOVED = ((LAST_COLUMN < END_COLUMN) ? LAST_COLUMN : END_COLUMN) - FIRST_COLUMN;
  localparam int FREED = (MOVED > 0) ? MOVED : 0;

  // Moves of the address: from the last beat of a tap, row of taps, window and row of windows to the next.
  localparam int TAP = DW * CF - (CF - 1);
  localparam int TAP_ROW = (DH * W - (KW - 1) * DW) * CF - (CF - 1);
  localparam int WINDOW = (SW - (KH - 1) * DH * W - (KW - 1) * DW) * CF - (CF - 1);
  localparam int WINDOW_ROW = (SH * W - LAST_COLUMN - (KH - 1) * DH * W - (KW - 1) * DW) * CF - (CF - 1);
  localparam int START = -(TOP * W + LEFT) * CF;

  function automatic logic [ADDR_WIDTH-1:0] wrapped(input int move);
    wrapped = ADDR_WIDTH'(((move % WORDS) + WORDS) % WORDS);
  endfunction

  // Pixels: what is taken goes to row y_q, column x_q.
  logic [ADDR_WIDTH-1:0] write_q;
  logic [CF_WIDTH-1:0] beat_q;
  logic [Y_WIDTH-1:0] y_q;
  logic [X_WIDTH-1:0] x_q;
  logic [ROOM_WIDTH-1:0] room_q;
  logic full_q, pixel_last, x_last, y_last, takes, stores, pixel_taken, all_taken;

  // Windows: tap (kh_q, kw_q) at (tap_y_q, tap_x_q) of the window that begins at (top_q, left_q).
  logic [ADDR_WIDTH-1:0] read_q, read_d;
  logic [CF_WIDTH-1:0] fold_q;
  logic [KH_WIDTH-1:0] kh_q;
  logic [KW_WIDTH-1:0] kw_q;
  logic [Y_WIDTH-1:0] top_q, tap_y_q;
  logic [X_WIDTH-1:0] left_q, tap_x_q;
  logic done_q, fold_last, kw_last, kh_last, column_last, row_last;
  logic ready, roomy, gives, given, window_given, windows_given, frees, frees_column;
  logic inside_y, inside_x;

  logic step, credit, frame_end;

  assign gives = ready && !done_q;
  assign takes = !full_q && (done_q || roomy);

  assign step = (s_axis_tvalid || !takes) && (credit || !gives);
  assign s_axis_tready = takes && (credit || !gives);
  assign stores = step && takes;
  assign given = step && gives;

  assign pixel_last = (CF == 1) || beat_q == CF_WIDTH'(CF - 1);
  assign x_last = x_q == X_WIDTH'(LEFT + W - 1);
  assign y_last = y_q == Y_WIDTH'(TOP + H - 1);
  assign pixel_taken = stores && pixel_last;
  assign all_taken = pixel_taken && x_last && y_last;

  assign fold_last = (CF == 1) || fold_q == CF_WIDTH'(CF - 1);
  assign kw_last = (KW == 1) || kw_q == KW_WIDTH'(KW - 1);
  assign kh_last = (KH == 1) || kh_q == KH_WIDTH'(KH - 1);
  assign column_last = (OW == 1) || left_q == X_WIDTH'(LAST_COLUMN);
  assign row_last = (OH == 1) || top_q == Y_WIDTH'(LAST_ROW);
  assign window_given = given && fold_last && kw_last && kh_last;
  assign windows_given = window_given && column_last && row_last;
  assign frame_end = (full_q || all_taken) && (done_q || windows_given) && step;

  // Rounded down to whole strides, and nothing while a row of windows is followed by one of the same pixels.
  logic [31:0] top, left;
  logic [ROOM_WIDTH-1:0] freed;
  assign top = 32'(top_q);
  assign left = 32'(left_q);
  assign frees = top >= FIRST_ROW && top < END_ROW;
  assign frees_column = left >= FIRST_COLUMN && left < END_COLUMN;
  always_comb begin
    freed = '0;
    if (window_given && frees) begin
      if (column_last) freed = ROOM_WIDTH'(SH * W - FREED);
      else if (frees_column) freed = ROOM_WIDTH'(SW);
    end
  end

  always_ff @(posedge clk) begin
    if (!rst_n || frame_end) begin
      write_q <= '0;
      beat_q <= '0;
      y_q <= Y_WIDTH'(TOP);
      x_q <= X_WIDTH'(LEFT);
      room_q <= ROOM_WIDTH'(DEPTH);
      full_q <= 1'b0;
    end else begin
      room_q <= room_q + freed - ROOM_WIDTH'(pixel_taken && !done_q);
      if (stores) begin
        write_q <= (write_q == ADDR_WIDTH'(WORDS - 1)) ? '0 : write_q + 1'b1;
        beat_q <= pixel_last ? '0 : beat_q + 1'b1;
      end
      if (pixel_taken) begin
        x_q <= x_last ? X_WIDTH'(LEFT) : x_q + 1'b1;
        if (x_last) y_q <= y_q + 1'b1;
      end
      if (all_taken) full_q <= 1'b1;
    end
  end

  logic [ADDR_WIDTH-1:0] move;
  localparam logic [ADDR_WIDTH:0] ROUND = (ADDR_WIDTH + 1)'(WORDS);
  logic [ADDR_WIDTH:0] moved;
  always_comb begin
    if (!fold_last) move = wrapped(1);
    else if (!kw_last) move = wrapped(TAP);
    else if (!kh_last) move = wrapped(TAP_ROW);
    else if (!column_last) move = wrapped(WINDOW);
    else move = wrapped(WINDOW_ROW);
  end
  assign moved = {1'b0, read_q} + {1'b0, move};

  logic [Y_WIDTH-1:0] top_d;
  logic [X_WIDTH-1:0] left_d;
  assign left_d = column_last ? '0 : left_q + X_WIDTH'(SW);
  assign top_d = column_last ? top_q + Y_WIDTH'(SH) : top_q;

  if (AHEAD != 0) begin : gen_ahead
    if (KH * KW * CF < 3) begin : gen_illegal
      $error("swu_serial: windows must be of at least 3 beats to be ahead");
    end

    swu_ready #(
        .H(H),
        .W(W),
        .TOP(TOP),
        .LEFT(LEFT),
        .EH(EH),
        .EW(EW),
        .Y_WIDTH(Y_WIDTH),
        .X_WIDTH(X_WIDTH)
    ) u_ready (
        .clk,
        .restart(!rst_n || frame_end),
        .pixel_taken,
        .window_given,
        .y(y_q),
        .x(x_q),
        .next_top(top_d),
        .next_left(left_d),
        .ready
    );

    // What is freed is more than what the step takes, which had room.
    logic roomy_q;
    always_ff @(posedge clk) begin
      if (!rst_n || frame_end || freed != '0) roomy_q <= 1'b1;
      else if (pixel_taken && !done_q) roomy_q <= room_q != ROOM_WIDTH'(1);
    end
    assign roomy = roomy_q;

    logic [ADDR_WIDTH:0] back;
    assign back = {1'b0, read_q} + ({1'b0, move} - ROUND);
    assign read_d = ADDR_WIDTH'(back[ADDR_WIDTH] ? moved : back);
  end else begin : gen_now
    // A window waits for its last pixel inside the image.
    logic [Y_WIDTH-1:0] bottom, last_y;
    logic [X_WIDTH-1:0] right;
    assign bottom = top_q + Y_WIDTH'(EH - 1);
    assign last_y = (bottom < Y_WIDTH'(TOP + H - 1)) ? bottom : Y_WIDTH'(TOP + H - 1);
    assign right = left_q + X_WIDTH'(EW - 1);
    assign ready = y_q > last_y || (y_q == last_y && x_q > right);
    assign roomy = room_q != '0;

    assign read_d = ADDR_WIDTH'((moved >= ROUND) ? moved - ROUND : moved);
  end

  always_ff @(posedge clk) begin
    if (!rst_n || frame_end) begin
      read_q <= wrapped(START);
      fold_q <= '0;
      kw_q <= '0;
      kh_q <= '0;
      tap_y_q <= '0;
      tap_x_q <= '0;
      top_q <= '0;
      left_q <= '0;
      done_q <= 1'b0;
    end else if (given) begin
      read_q <= read_d;
      fold_q <= fold_last ? '0 : fold_q + 1'b1;
      if (fold_last) begin
        kw_q <= kw_last ? '0 : kw_q + 1'b1;
        tap_x_q <= kw_last ? left_q : tap_x_q + X_WIDTH'(DW);
        if (kw_last) begin
          kh_q <= kh_last ? '0 : kh_q + 1'b1;
          tap_y_q <= tap_y_q + Y_WIDTH'(DH);
        end
      end
      if (window_given) begin
        top_q <= top_d;
        left_q <= left_d;
        tap_y_q <= top_d;
        tap_x_q <= left_d;
        done_q <= windows_given;
      end
    end
  end

  // The beat of a tap, one cycle after its step. A pixel is read after the cycle in which it is stored, and
  // overwritten after the last in which it is read.
  logic [BEAT_BITS-1:0] beat;
  logic valid_q, inside_q;
  logic [31:0] tap_y, tap_x;
  assign tap_y = 32'(tap_y_q);
  assign tap_x = 32'(tap_x_q);
  assign inside_y = tap_y >= TOP && tap_y < TOP + H;
  assign inside_x = tap_x >= LEFT && tap_x < LEFT + W;

  always_ff @(posedge clk) begin
    valid_q <= rst_n && given;
    inside_q <= PADDED == 0 || (inside_y && inside_x);
  end

  beat_memory #(
      .WIDTH(BEAT_BITS),
      .DEPTH(WORDS),
      .BLOCK(BLOCK)
  ) u_pixels (
      .clk,
      .write(stores),
      .write_address(write_q),
      .data(s_axis_tdata),
      .read_address(read_q),
      .beat(beat)
  );

  credit_fifo #(
      .WIDTH(BEAT_BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(given),
      .credit,
      .push(valid_q),
      .data(inside_q ? beat : FILL),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
