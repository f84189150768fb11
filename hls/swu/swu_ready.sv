// Whether a window's last pixel inside the image was taken, out of a register: (y, x) is the next pixel to take,
// (next_top, next_left) where the window after the present one begins, all counted with the padding; a window
// reaches EH rows and EW columns.
//
//   ready = (y, x) > (min(top + EH - 1, TOP + H - 1), left + EW - 1), by row, then by column
//
// The pixels that may come next are compared while the present one moves, with the present window and with the
// next. What the next one waits for is known 2 cycles after it is, so windows take at least 3. `restart` begins a
// frame: pixel (TOP, LEFT), window (0, 0).
module swu_ready #(
    parameter int H = 4,
    parameter int W = 4,
    parameter int TOP = 1,
    parameter int LEFT = 1,
    parameter int EH = 3,
    parameter int EW = 3,
    parameter int Y_WIDTH = 3,
    parameter int X_WIDTH = 3
) (
    input  logic               clk,
    input  logic               restart,
    input  logic               pixel_taken,
    input  logic               window_given,
    input  logic [Y_WIDTH-1:0] y,
    input  logic [X_WIDTH-1:0] x,
    input  logic [Y_WIDTH-1:0] next_top,
    input  logic [X_WIDTH-1:0] next_left,
    output logic               ready
);

  localparam logic [Y_WIDTH-1:0] BOTTOM = Y_WIDTH'(TOP + H - 1);
  localparam logic [Y_WIDTH-1:0] LAST = (EH - 1 < TOP + H - 1) ? Y_WIDTH'(EH - 1) : BOTTOM;
  localparam int AT_ONCE = (TOP > EH - 1 || (TOP == EH - 1 && LEFT > EW - 1)) ? 1 : 0;

  // The pixel behind the next one; the last row and column of this window and of the next.
  logic [Y_WIDTH-1:0] then_y_q, last_q, next_top_q, next_bottom, next_last_q;
  logic [X_WIDTH-1:0] then_x_q, right_q, next_left_q, next_right_q;
  logic ready_q, then_this, now_next, then_next;

  assign ready = ready_q;
  assign next_bottom = next_top_q + Y_WIDTH'(EH - 1);
  assign then_this = then_y_q > last_q || (then_y_q == last_q && then_x_q > right_q);
  assign now_next = y > next_last_q || (y == next_last_q && x > next_right_q);
  assign then_next = then_y_q > next_last_q || (then_y_q == next_last_q && then_x_q > next_right_q);

  always_ff @(posedge clk) begin
    next_top_q <= next_top;
    next_left_q <= next_left;
    next_last_q <= (next_bottom < BOTTOM) ? next_bottom : BOTTOM;
    next_right_q <= next_left_q + X_WIDTH'(EW - 1);
    if (restart) begin
      then_y_q <= (W == 1) ? Y_WIDTH'(TOP + 1) : Y_WIDTH'(TOP);
      then_x_q <= (W == 1) ? X_WIDTH'(LEFT) : X_WIDTH'(LEFT + 1);
      last_q <= LAST;
      right_q <= X_WIDTH'(EW - 1);
      ready_q <= AT_ONCE != 0;
    end else begin
      if (pixel_taken) begin
        then_x_q <= (then_x_q == X_WIDTH'(LEFT + W - 1)) ? X_WIDTH'(LEFT) : then_x_q + 1'b1;
        if (then_x_q == X_WIDTH'(LEFT + W - 1)) then_y_q <= then_y_q + 1'b1;
      end
      if (window_given) begin
        last_q <= next_last_q;
        right_q <= next_right_q;
        ready_q <= pixel_taken ? then_next : now_next;
      end else if (pixel_taken) begin
        ready_q <= then_this;
      end
    end
  end

endmodule
