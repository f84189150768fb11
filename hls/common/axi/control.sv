// The registers of an accelerator behind an `axi_regs`: what it is, and how its batches are started and end.
//
//   0x000 MAGIC      "LVDA" as bytes in memory
//   0x004 MAP        version of this map: 1
//   0x008 DIGEST     64 bits that tell one design from another
//   0x010 SHAPE      engines that read [7:0] and write [15:8], streams that can be watched [31:16]
//   0x014 CONTROL    write only: bit 0 starts a batch, bit 1 resets
//   0x018 STATUS     bit 0 a batch is under way, 1 one more would be taken, 2 a reset is under way, 3 an error
//   0x01c INTERRUPT  bit 0: the interrupt is high while BATCHES differs from SEEN, or there is an error
//   0x020 BATCHES    batches since reset whose results all lie in memory
//   0x024 SEEN       the number of them that the host knows of
//   0x028 ERRORS     two bits an engine, its AXI response: 2 slave error, 3 decode error
//   0x030 CYCLES     64 bits: cycles with a batch under way, since the last start of an idle accelerator
//   0x040            what one of the streams between the stages does (`stream_counter`)
//   0x060            parameters that can be written (`param_regs`), and the setting, where a design has any
//   0x100 + 32*e     the registers of engine e, readers first (`engine_regs`)
//
// A start hands the engines what their registers say. Those of another batch may be written, and it may be started,
// while one is under way. A reset ends all transfers in order (see axi_read, axi_write) with `core_rst_n` low and
// leaves all as it was at first but for the registers that were written.
module control #(
    parameter int READERS = 1,
    parameter int WRITERS = 1,
    parameter int STREAMS = 1,
    parameter logic [63:0] DIGEST = '0,
    parameter int ENGINES = READERS + WRITERS
) (
    input  logic                  clk,
    input  logic                  rst_n,
    input  logic                  write,
    input  logic [           9:0] write_index,
    input  logic [           3:0] write_strobe,
    input  logic [          31:0] write_data,
    input  logic [           9:0] read_index,
    output logic [          31:0] read_data,
    output logic                  irq,
    output logic                  core_rst_n,
    output logic                  flush,
    output logic                  start,
    output logic                  running,
    output logic                  fresh,
    output logic                  counter_write,
    input  logic [          31:0] counter_data,
    output logic                  param_write,
    input  logic [          31:0] param_data,
    output logic [   ENGINES-1:0] engine_write,
    input  logic [32*ENGINES-1:0] engine_data,
    input  logic [   ENGINES-1:0] free,
    input  logic [   ENGINES-1:0] busy,
    input  logic [ 2*ENGINES-1:0] errors,
    input  logic [   WRITERS-1:0] finished
);

  localparam logic [31:0] MAGIC = 32'h4144564c;
  localparam logic [31:0] MAP = 32'd1;
  // Blocks of eight registers.
  localparam logic [6:0] COUNTER = 7'd2;
  localparam logic [6:0] PARAMS = 7'd3;
  localparam logic [6:0] FIRST_ENGINE = 7'd8;
  // Cycles that a reset lasts at least.
  localparam int RESET_CYCLES = 8;

  logic whole, to_control, takes_more, enable_q, irq_q;
  logic [3:0] reset_left_q;
  logic [31:0] batches_q, seen_q;
  logic [63:0] cycles_q;

  assign whole = write && (&write_strobe);
  assign to_control = whole && write_index == 10'h005;
  assign flush = reset_left_q != '0;
  assign running = |busy;
  assign takes_more = (&free) && !flush && !(|errors);
  assign start = to_control && write_data[0] && takes_more;
  assign fresh = start && !running;
  assign counter_write = whole && write_index[9:3] == COUNTER;
  assign param_write = whole && write_index[9:3] == PARAMS;
  assign irq = irq_q;

  for (genvar e = 0; e < ENGINES; e = e + 1) begin : gen_engine_write
    assign engine_write[e] = whole && write_index[9:3] == FIRST_ENGINE + 7'(e);
  end

  always_ff @(posedge clk) begin
    core_rst_n <= rst_n && !flush;
    if (!rst_n) begin
      reset_left_q <= 4'(RESET_CYCLES);
      enable_q <= 1'b0;
      seen_q <= '0;
      irq_q <= 1'b0;
    end else begin
      if (to_control && write_data[1]) reset_left_q <= 4'(RESET_CYCLES);
      else if (flush && !(reset_left_q == 4'd1 && running)) reset_left_q <= reset_left_q - 1'b1;
      if (whole && write_index == 10'h007) enable_q <= write_data[0];
      if (flush) seen_q <= '0;
      else if (whole && write_index == 10'h009) seen_q <= write_data;
      irq_q <= enable_q && (batches_q != seen_q || (|errors));
    end
  end

  // A batch is done when every writer has finished one that was not counted yet; a writer is at most two ahead.
  logic [1:0] ahead_q[0:WRITERS-1];
  logic [WRITERS-1:0] done;
  for (genvar w = 0; w < WRITERS; w = w + 1) begin : gen_done
    assign done[w] = ahead_q[w] != '0;
    always_ff @(posedge clk) begin
      if (!core_rst_n) ahead_q[w] <= '0;
      else ahead_q[w] <= ahead_q[w] + 2'(finished[w]) - 2'(&done);
    end
  end

  always_ff @(posedge clk) begin
    if (!core_rst_n) batches_q <= '0;
    else if (&done) batches_q <= batches_q + 1'b1;
    if (!core_rst_n || fresh) cycles_q <= '0;
    else if (running) cycles_q <= cycles_q + 1'b1;
  end

  logic [31:0] found;

  always_comb begin
    found = '0;
    if (read_index[9:3] == COUNTER) found = counter_data;
    if (read_index[9:3] == PARAMS) found = param_data;
    for (int e = 0; e < ENGINES; e = e + 1) begin
      if (read_index[9:3] == FIRST_ENGINE + 7'(e)) found = engine_data[32*e+:32];
    end
    case (read_index)
      10'h000: found = MAGIC;
      10'h001: found = MAP;
      10'h002: found = DIGEST[31:0];
      10'h003: found = DIGEST[63:32];
      10'h004: found = {16'(STREAMS), 8'(WRITERS), 8'(READERS)};
      10'h006: found = {28'b0, |errors, flush, takes_more, running};
      10'h007: found = {31'b0, enable_q};
      10'h008: found = batches_q;
      10'h009: found = seen_q;
      10'h00a: found = 32'(errors);
      10'h00c: found = cycles_q[31:0];
      10'h00d: found = cycles_q[63:32];
      default: ;
    endcase
  end

  always_ff @(posedge clk) read_data <= found;

endmodule
