// Watches one of the streams between the stages of a pipeline:
//
//   0  SELECT   the stream; a write makes the counts zero
//   1  BUSY     cycles in which a beat moved
//   2  STARVED  cycles in which its reader waited for one
//   3  STALLED  cycles in which a beat waited for its reader
//   4  NOW      bit 0 valid, bit 1 ready: where a pipeline stands still, the streams say why
//
// Cycles count while `run` is high. Counters for all streams at once would take more than many a stage; a host that
// wants them all runs a batch for each.
module stream_counter #(
    parameter int STREAMS = 1
) (
    input  logic               clk,
    input  logic               rst_n,
    input  logic               clear,
    input  logic               run,
    input  logic               write,
    input  logic [        2:0] write_index,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [       31:0] write_data,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [        2:0] read_index,
    output logic [       31:0] read_data,
    input  logic [STREAMS-1:0] valid,
    input  logic [STREAMS-1:0] ready
);

  localparam int SELECT_WIDTH = (STREAMS > 1) ? $clog2(STREAMS) : 1;

  logic [SELECT_WIDTH-1:0] select_q;
  logic select, valid_q, ready_q, run_q;
  logic [31:0] busy_q, starved_q, stalled_q;

  assign select = write && write_index == 3'd0;

  always_ff @(posedge clk) begin
    valid_q <= valid[select_q];
    ready_q <= ready[select_q];
    if (!rst_n) begin
      select_q <= '0;
      run_q <= 1'b0;
    end else begin
      if (select) select_q <= SELECT_WIDTH'(write_data);
      run_q <= run;
    end
    if (!rst_n || clear || select) begin
      busy_q <= '0;
      starved_q <= '0;
      stalled_q <= '0;
    end else if (run_q) begin
      if (valid_q && ready_q) busy_q <= busy_q + 1'b1;
      if (!valid_q && ready_q) starved_q <= starved_q + 1'b1;
      if (valid_q && !ready_q) stalled_q <= stalled_q + 1'b1;
    end
  end

  always_comb begin
    case (read_index)
      3'd0: read_data = 32'(select_q);
      3'd1: read_data = busy_q;
      3'd2: read_data = starved_q;
      3'd3: read_data = stalled_q;
      3'd4: read_data = {30'b0, ready_q, valid_q};
      default: read_data = '0;
    endcase
  end

endmodule
