// One index of a crop: counts 0 ... SIZE-1 over and over, a count each `advance`; `last` in SIZE-1, and
// `kept`, from a register, while START <= count < STOP.
module crop_counter #(
    parameter int SIZE = 4,
    parameter int START = 1,
    parameter int STOP = 3
) (
    input  logic clk,
    input  logic rst_n,
    input  logic advance,
    output logic last,
    output logic kept
);

  localparam int COUNT_WIDTH = (SIZE > 1) ? $clog2(SIZE) : 1;

  logic [COUNT_WIDTH-1:0] count_q;
  assign last = (SIZE == 1) || count_q == COUNT_WIDTH'(SIZE - 1);

  always_ff @(posedge clk) begin
    if (!rst_n) count_q <= '0;
    else if (advance) count_q <= last ? '0 : count_q + 1'b1;
  end

  if (START == 0 && STOP == SIZE) begin : gen_all
    assign kept = 1'b1;
  end else begin : gen_some
    logic kept_q;
    assign kept = kept_q;
    always_ff @(posedge clk) begin
      if (!rst_n) kept_q <= START == 0;
      else if (advance) begin
        if (count_q == COUNT_WIDTH'((START + SIZE - 1) % SIZE)) kept_q <= 1'b1;
        else if (count_q == COUNT_WIDTH'(STOP - 1)) kept_q <= 1'b0;
      end
    end
  end

endmodule
