// What came in CYCLES cycles ago: no logic for 0, else registers without reset, which become shift registers.
module delay #(
    parameter int WIDTH = 8,
    parameter int CYCLES = 2
) (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic             clk,     // not needed for 0 cycles
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [WIDTH-1:0] data,
    output logic [WIDTH-1:0] delayed
);

  if (CYCLES == 0) begin : gen_none
    assign delayed = data;
  end else begin : gen_registers
    logic [WIDTH-1:0] data_q[0:CYCLES-1];
    always_ff @(posedge clk) begin
      data_q[0] <= data;
      for (int c = 1; c < CYCLES; c = c + 1) data_q[c] <= data_q[c-1];
    end
    assign delayed = data_q[CYCLES-1];
  end

endmodule
