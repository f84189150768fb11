// Partial results of a reduction: DEPTH of them, of which a term goes into one a cycle.
//
// One cycle before a term, `next_first` says that it begins a result, at `next_start`; else it goes on with
// the one at `next_address`. In the cycle of the term `partial` is what it meets, and with `valid` the
// caller's `result` of both takes that place; `merged` holds it from the next cycle on.
//
// The memory is read while the term before is being merged. Where that is the same result, `next_chained`
// takes it from there instead; CHAINED = 0 where this never happens. With DEPTH = 1 every term but a first
// one is chained, and there is no memory. Some forms need not all ports.
module partials #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 4,
    parameter int CHAINED = 1,
    parameter int BLOCK = 0,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input  logic                  clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic                  next_first,
    input  logic                  next_chained,
    input  logic [ADDR_WIDTH-1:0] next_address,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [     WIDTH-1:0] next_start,
    input  logic                  valid,
    input  logic [     WIDTH-1:0] result,
    output logic [     WIDTH-1:0] partial,
    output logic [     WIDTH-1:0] merged
);

  logic [WIDTH-1:0] fetched, merged_q;
  assign merged = merged_q;
  always_ff @(posedge clk) if (valid) merged_q <= result;

  if (DEPTH == 1) begin : gen_none
    logic [WIDTH-1:0] start_q;
    always_ff @(posedge clk) start_q <= next_start;
    assign fetched = start_q;
  end else begin : gen_memory
    logic [ADDR_WIDTH-1:0] address_q;
    always_ff @(posedge clk) address_q <= next_address;
    if (BLOCK != 0) begin : gen_block
      logic [WIDTH-1:0] start_q, kept;
      logic first_q;
      always_ff @(posedge clk) begin
        start_q <= next_start;
        first_q <= next_first;
      end
      beat_memory #(
          .WIDTH(WIDTH),
          .DEPTH(DEPTH),
          .BLOCK(1)
      ) u_memory (
          .clk,
          .write(valid),
          .write_address(address_q),
          .data(result),
          .read_address(next_address),
          .beat(kept)
      );
      assign fetched = first_q ? start_q : kept;
    end else begin : gen_lut
      // The start is chosen before the read register, which takes one of zero as its reset: no logic.
      (* ram_style = "distributed" *) logic [WIDTH-1:0] results[0:DEPTH-1];
      logic [WIDTH-1:0] fetched_q;
      always_ff @(posedge clk) begin
        if (valid) results[address_q] <= result;
        fetched_q <= next_first ? next_start : results[next_address];
      end
      assign fetched = fetched_q;
    end
  end

  if (CHAINED != 0) begin : gen_chained
    logic chained_q;
    always_ff @(posedge clk) chained_q <= next_chained;
    assign partial = chained_q ? merged_q : fetched;
  end else begin : gen_apart
    assign partial = fetched;
  end

endmodule
