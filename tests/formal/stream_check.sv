// What holds for a stream from one port to another, of beats of IN elements to beats of OUT elements.
//
// `kept`: any element that enters may be picked, at any time (`pick`, `place`: free inputs); as many elements as
// are inside before it leave first, and then it leaves itself. So none is lost, repeated or exchanged.
// `was_there`: no beat is offered before all its elements entered.
// `fits`: no more than CAPACITY elements are inside.
// `stays`: an offered beat is offered, unchanged, until it is taken.
// `moves`: while every sink is `open` and a beat waits inside or at the entry, one moves within PATIENCE cycles.
module stream_check #(
    parameter int BITS = 1,
    parameter int IN = 1,
    parameter int OUT = 1,
    parameter int CAPACITY = 2,
    parameter int PATIENCE = 2,
    parameter int COUNT_WIDTH = $clog2(CAPACITY + IN + OUT + 1)
) (
    input logic                   clk,
    input logic                   rst_n,
    input logic                   pick,
    input logic [COUNT_WIDTH-1:0] place,
    input logic                   open,
    input logic [    IN*BITS-1:0] in_data,
    input logic                   in_valid,
    input logic                   in_ready,
    input logic [   OUT*BITS-1:0] out_data,
    input logic                   out_valid,
    input logic                   out_ready
);

  localparam int WAIT_WIDTH = $clog2(PATIENCE + 1);

  logic enters, leaves, takes_pick;
  assign enters = in_valid && in_ready;
  assign leaves = out_valid && out_ready;
  assign takes_pick = pick && enters && !picked_q && place < COUNT_WIDTH'(IN);

  // How many elements are inside, and how many of them leave before the picked one.
  logic [COUNT_WIDTH-1:0] inside_q, ahead_q;
  logic [BITS-1:0] element_q;
  logic picked_q;
  logic is_next;
  assign is_next = picked_q && ahead_q < COUNT_WIDTH'(OUT);

  // The beat of the last cycle, if it was not taken; and for how long nothing moved.
  logic [OUT*BITS-1:0] data_q;
  logic offered_q;
  logic [WAIT_WIDTH-1:0] still_q;
  logic waits;
  assign waits = open && (in_valid || inside_q >= COUNT_WIDTH'(OUT)) && !enters && !leaves;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      inside_q <= '0;
      picked_q <= 1'b0;
      offered_q <= 1'b0;
      still_q <= '0;
    end else begin
      inside_q <= inside_q + (enters ? COUNT_WIDTH'(IN) : '0) - (leaves ? COUNT_WIDTH'(OUT) : '0);
      if (takes_pick) picked_q <= 1'b1;
      else if (leaves && is_next) picked_q <= 1'b0;
      offered_q <= out_valid && !out_ready;
      still_q <= waits ? still_q + 1'b1 : '0;
    end
    if (takes_pick) begin
      element_q <= BITS'(in_data >> (32'(place) * BITS));
      ahead_q <= inside_q + place - (leaves ? COUNT_WIDTH'(OUT) : '0);
    end else if (leaves && !is_next) begin
      ahead_q <= ahead_q - COUNT_WIDTH'(OUT);
    end
    data_q <= out_data;
  end

  logic kept, was_there, fits, stays, moves;
  assign kept = !(out_valid && is_next) || BITS'(out_data >> (32'(ahead_q) * BITS)) == element_q;
  assign was_there = !out_valid || inside_q >= COUNT_WIDTH'(OUT);
  assign fits = inside_q <= COUNT_WIDTH'(CAPACITY);
  assign stays = !offered_q || (out_valid && out_data == data_q);
  assign moves = still_q < WAIT_WIDTH'(PATIENCE);

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (kept);
      assert (was_there);
      assert (fits);
      assert (stays);
      assert (moves);
    end
  end

endmodule
