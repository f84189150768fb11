// The registers through which parameters are written, a word of 32 bits after the other:
//
//   0  ADDRESS   of the next word on the bus of param_pkg; each word leaves it one higher
//   1  DATA      write only: a word, unless a batch is under way (`running`): then it is dropped
//   2  CHECKSUM  the sum over all words that went out of the sums up to them, each word the exclusive or of its data
//                and its address; writing it sets it to 0
//   3  SETTING   which of SETTINGS > 1 settings the design is in (setting_register); one that there is not, or one that
//                comes while a batch is under way, is dropped
module param_regs #(
    parameter int SETTINGS = 1
) (
    input  logic                       clk,
    input  logic                       rst_n,
    input  logic                       running,
    input  logic                       write,
    input  logic [                2:0] write_index,
    input  logic [               31:0] write_data,
    input  logic [                2:0] read_index,
    output logic [               31:0] read_data,
    output logic [param_pkg::BITS-1:0] param
);

  logic valid_q;
  logic [31:0] next_q, address_q, data_q, sum_q, checksum_q;
  logic to_setting;
  logic [31:0] setting;
  assign param = {valid_q, address_q, data_q};

  if (SETTINGS > 1) begin : gen_settings
    localparam int SETTING_WIDTH = $clog2(SETTINGS);
    logic [SETTING_WIDTH-1:0] found;
    assign to_setting = write && write_index == 3'd3 && write_data < 32'(SETTINGS);
    assign setting = 32'(found);
    setting_register #(
        .SETTINGS(SETTINGS)
    ) u_setting (
        .clk,
        .param,
        .setting(found)
    );
  end else begin : gen_one_setting
    assign to_setting = 1'b0;
    assign setting = '0;
  end

  always_ff @(posedge clk) begin
    address_q <= to_setting ? '0 : next_q;
    data_q <= write_data;
    if (!rst_n) begin
      valid_q <= 1'b0;
      next_q <= '0;
      sum_q <= '0;
      checksum_q <= '0;
    end else begin
      valid_q <= (to_setting || (write && write_index == 3'd1)) && !running;
      if (write && write_index == 3'd0) next_q <= write_data;
      else if (write && write_index == 3'd1) next_q <= next_q + 1'b1;
      if (write && write_index == 3'd2) begin
        sum_q <= '0;
        checksum_q <= '0;
      end else if (valid_q) begin
        sum_q <= sum_q + (data_q ^ address_q);
        checksum_q <= checksum_q + sum_q + (data_q ^ address_q);
      end
    end
  end

  always_comb begin
    case (read_index)
      3'd0: read_data = next_q;
      3'd2: read_data = checksum_q;
      3'd3: read_data = setting;
      default: read_data = '0;
    endcase
  end

endmodule
