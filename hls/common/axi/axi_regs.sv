// Turns the accesses of an AXI3, AXI4 or AXI4-Lite port of 32 bits into those of a register file.
//
// A burst is taken word by word, its addresses one behind the other; the IDs come back. With AXI4-Lite tie the
// IDs and lengths to 0 and WLAST to 1. The lowest two bits of an address only choose among bytes, which WSTRB
// does. One write and one read are under way at a time. Register `read_index` must be on `read_data` one cycle
// later. Every access is answered with OKAY, those of registers that do not exist included: an error would end the
// program that made it with a bus error and no word of why.
module axi_regs #(
    parameter int ID_BITS = 1,
    parameter int ADDRESS_BITS = 12
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic [     ID_BITS-1:0] s_axi_awid,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [ADDRESS_BITS-1:0] s_axi_awaddr,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                    s_axi_awvalid,
    output logic                    s_axi_awready,
    input  logic [            31:0] s_axi_wdata,
    input  logic [             3:0] s_axi_wstrb,
    input  logic                    s_axi_wlast,
    input  logic                    s_axi_wvalid,
    output logic                    s_axi_wready,
    output logic [     ID_BITS-1:0] s_axi_bid,
    output logic [             1:0] s_axi_bresp,
    output logic                    s_axi_bvalid,
    input  logic                    s_axi_bready,
    input  logic [     ID_BITS-1:0] s_axi_arid,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [ADDRESS_BITS-1:0] s_axi_araddr,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [             7:0] s_axi_arlen,
    input  logic                    s_axi_arvalid,
    output logic                    s_axi_arready,
    output logic [     ID_BITS-1:0] s_axi_rid,
    output logic [            31:0] s_axi_rdata,
    output logic [             1:0] s_axi_rresp,
    output logic                    s_axi_rlast,
    output logic                    s_axi_rvalid,
    input  logic                    s_axi_rready,
    output logic                    write,
    output logic [ADDRESS_BITS-3:0] write_index,
    output logic [             3:0] write_strobe,
    output logic [            31:0] write_data,
    output logic [ADDRESS_BITS-3:0] read_index,
    input  logic [            31:0] read_data
);

  typedef enum logic [1:0] {
    ADDRESS,
    DATA,
    ANSWER
  } phase_e;

  phase_e writing_q, reading_q;

  assign s_axi_awready = writing_q == ADDRESS;
  assign s_axi_wready = writing_q == DATA;
  assign s_axi_bvalid = writing_q == ANSWER;
  assign s_axi_bresp = 2'b00;
  assign write = s_axi_wvalid && s_axi_wready;
  assign write_strobe = s_axi_wstrb;
  assign write_data = s_axi_wdata;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      writing_q <= ADDRESS;
    end else begin
      case (writing_q)
        ADDRESS: if (s_axi_awvalid) writing_q <= DATA;
        DATA: if (s_axi_wvalid && s_axi_wlast) writing_q <= ANSWER;
        default: if (s_axi_bready) writing_q <= ADDRESS;
      endcase
    end
    if (writing_q == ADDRESS && s_axi_awvalid) begin
      write_index <= s_axi_awaddr[ADDRESS_BITS-1:2];
      s_axi_bid <= s_axi_awid;
    end else if (write) begin
      write_index <= write_index + 1'b1;
    end
  end

  // A read's phases: its address, the register's own cycle (DATA), the answer; the latter two for each word.
  logic [7:0] words_left_q;

  assign s_axi_arready = reading_q == ADDRESS;
  assign s_axi_rvalid = reading_q == ANSWER;
  assign s_axi_rresp = 2'b00;
  assign s_axi_rlast = words_left_q == '0;
  assign s_axi_rdata = read_data;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      reading_q <= ADDRESS;
    end else begin
      case (reading_q)
        ADDRESS: if (s_axi_arvalid) reading_q <= DATA;
        DATA: reading_q <= ANSWER;
        default: if (s_axi_rready) reading_q <= s_axi_rlast ? ADDRESS : DATA;
      endcase
    end
    if (reading_q == ADDRESS && s_axi_arvalid) begin
      read_index <= s_axi_araddr[ADDRESS_BITS-1:2];
      s_axi_rid <= s_axi_arid;
      words_left_q <= s_axi_arlen;
    end else if (reading_q == ANSWER && s_axi_rready) begin
      read_index <= read_index + 1'b1;
      words_left_q <= words_left_q - 1'b1;
    end
  end

endmodule
