// Which of SETTINGS settings a design is in: the word last written below 2^24 on the bus of param_pkg, 0 at first. It
// outlasts a reset, as all that is written there does.
module setting_register #(
    parameter int SETTINGS = 2,
    parameter int SETTING_WIDTH = $clog2(SETTINGS)
) (
    input  logic                       clk,
    input  logic [param_pkg::BITS-1:0] param,
    output logic [  SETTING_WIDTH-1:0] setting
);

  logic valid;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [31:0] address, data;  // the upper bits of the one, the lower ones of the other
  /* verilator lint_on UNUSEDSIGNAL */
  assign {valid, address, data} = param;

  initial setting = '0;
  always_ff @(posedge clk) if (valid && address[31:24] == '0) setting <= data[SETTING_WIDTH-1:0];

endmodule
