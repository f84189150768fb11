// The ranges given to a burst_command come out as bursts, none lost, in order, and each legal on an AXI bus.
//
// Assumed of the engine: it gives a range only while there is room, and moves on only while words are left.
// Ranges have up to 2^WORD_BITS - 1 words, from any address on that is a multiple of 8.
// `legal`: a burst has 1 to BURST words and ends at the latest where the next BURST words begin: none crosses 4 KiB.
// `all_moved`: after a range was given, words are left in the next cycle but one, until as many as were given moved.
// `in_place`: any range may be picked (`pick`); its bursts cover its words one behind the other from its address on.
module burst_command_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int BURST = 4,
    parameter int WORD_BITS = 5
) (
    input logic                    clk,
    input logic                    pick,
    input logic                    start,
    input logic [ADDRESS_BITS-4:0] place,
    input logic [   WORD_BITS-1:0] count,
    input logic                    next
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [ADDRESS_BITS-1:0] at;
  logic [31:0] left;
  logic [4:0] length;
  logic free;

  burst_command #(
      .ADDRESS_BITS(ADDRESS_BITS),
      .BURST(BURST)
  ) u_dut (
      .clk,
      .rst_n,
      .flush(1'b0),
      .start,
      .address({place, 3'b000}),
      .words(32'(count)),
      .free,
      .next,
      .at,
      .left,
      .length
  );

  // Words that were given and did not move yet; of them those before the picked range, and its own.
  logic [WORD_BITS:0] due_q, ahead_q, own_q;
  logic [ADDRESS_BITS-1:0] address_q;
  logic [1:0] still_q;
  logic picked_q, ours;
  assign ours = picked_q && ahead_q == '0 && own_q != '0;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      due_q <= '0;
      picked_q <= 1'b0;
      still_q <= '0;
    end else begin
      due_q <= due_q + (start ? (WORD_BITS + 1)'(count) : '0) - (next ? (WORD_BITS + 1)'(length) : '0);
      still_q <= (left != '0 || due_q == '0) ? '0 : still_q + 1'b1;
      if (start && pick) picked_q <= 1'b1;
      assume (!start || free);
      assume (!next || left != '0);
    end
    if (start && pick && !picked_q) begin
      ahead_q <= due_q - (next ? (WORD_BITS + 1)'(length) : '0);
      own_q <= (WORD_BITS + 1)'(count);
      address_q <= {place, 3'b000};
    end else if (next && ours) begin
      own_q <= own_q - (WORD_BITS + 1)'(length);
      address_q <= address_q + (ADDRESS_BITS'(length) << 3);
    end else if (next && picked_q && own_q != '0) begin
      ahead_q <= ahead_q - (WORD_BITS + 1)'(length);
    end
  end

  logic legal, all_moved, in_place;
  logic [12:0] behind;
  assign behind = 13'(at[11:0]) + (13'(length) << 3);
  assign legal = left == '0 || (length != '0 && length <= 5'(BURST) && behind <= 13'd4096);
  assign all_moved = left <= 32'(due_q) && still_q < 2'd2;
  assign in_place = !ours || left == '0 || (at == address_q && left == 32'(own_q));

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (legal);
      assert (all_moved);
      assert (in_place);
    end
  end

endmodule
