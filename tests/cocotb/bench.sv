// The chip with two ports to read by and one to write by, as cocotbext-axi wants to see it.
//
// Its masters and memories want the signals of AXI4 in full: what the chip leaves out is constant here, bursts of
// words of 8 bytes (3) one behind the other (INCR, 1), all of them with ID 0. The shells of boards/shells/ state the
// same towards a processing system.
module bench #(
    parameter int ID_BITS = 12
) (
    input  logic               clk,
    input  logic               rst_n,
    input  logic [ID_BITS-1:0] s_axi_awid,
    input  logic [       11:0] s_axi_awaddr,
    input  logic [        7:0] s_axi_awlen,
    input  logic [        2:0] s_axi_awsize,
    input  logic [        1:0] s_axi_awburst,
    input  logic               s_axi_awvalid,
    output logic               s_axi_awready,
    input  logic [       31:0] s_axi_wdata,
    input  logic [        3:0] s_axi_wstrb,
    input  logic               s_axi_wlast,
    input  logic               s_axi_wvalid,
    output logic               s_axi_wready,
    output logic [ID_BITS-1:0] s_axi_bid,
    output logic [        1:0] s_axi_bresp,
    output logic               s_axi_bvalid,
    input  logic               s_axi_bready,
    input  logic [ID_BITS-1:0] s_axi_arid,
    input  logic [       11:0] s_axi_araddr,
    input  logic [        7:0] s_axi_arlen,
    input  logic [        2:0] s_axi_arsize,
    input  logic [        1:0] s_axi_arburst,
    input  logic               s_axi_arvalid,
    output logic               s_axi_arready,
    output logic [ID_BITS-1:0] s_axi_rid,
    output logic [       31:0] s_axi_rdata,
    output logic [        1:0] s_axi_rresp,
    output logic               s_axi_rlast,
    output logic               s_axi_rvalid,
    input  logic               s_axi_rready,
    output logic               m_axi0_arid,
    output logic [       31:0] m_axi0_araddr,
    output logic [        7:0] m_axi0_arlen,
    output logic [        2:0] m_axi0_arsize,
    output logic [        1:0] m_axi0_arburst,
    output logic               m_axi0_arvalid,
    input  logic               m_axi0_arready,
    input  logic               m_axi0_rid,
    input  logic [       63:0] m_axi0_rdata,
    input  logic [        1:0] m_axi0_rresp,
    input  logic               m_axi0_rlast,
    input  logic               m_axi0_rvalid,
    output logic               m_axi0_rready,
    output logic               m_axi1_arid,
    output logic [       31:0] m_axi1_araddr,
    output logic [        7:0] m_axi1_arlen,
    output logic [        2:0] m_axi1_arsize,
    output logic [        1:0] m_axi1_arburst,
    output logic               m_axi1_arvalid,
    input  logic               m_axi1_arready,
    input  logic               m_axi1_rid,
    input  logic [       63:0] m_axi1_rdata,
    input  logic [        1:0] m_axi1_rresp,
    input  logic               m_axi1_rlast,
    input  logic               m_axi1_rvalid,
    output logic               m_axi1_rready,
    output logic               m_axi0_awid,
    output logic [       31:0] m_axi0_awaddr,
    output logic [        7:0] m_axi0_awlen,
    output logic [        2:0] m_axi0_awsize,
    output logic [        1:0] m_axi0_awburst,
    output logic               m_axi0_awvalid,
    input  logic               m_axi0_awready,
    output logic [       63:0] m_axi0_wdata,
    output logic [        7:0] m_axi0_wstrb,
    output logic               m_axi0_wlast,
    output logic               m_axi0_wvalid,
    input  logic               m_axi0_wready,
    input  logic               m_axi0_bid,
    input  logic [        1:0] m_axi0_bresp,
    input  logic               m_axi0_bvalid,
    output logic               m_axi0_bready,
    output logic               irq
);

  assign {m_axi0_arid, m_axi1_arid, m_axi0_awid} = '0;
  assign {m_axi0_arlen[7:4], m_axi1_arlen[7:4], m_axi0_awlen[7:4]} = '0;
  assign {m_axi0_arsize, m_axi1_arsize, m_axi0_awsize} = {3{3'd3}};
  assign {m_axi0_arburst, m_axi1_arburst, m_axi0_awburst} = {3{2'd1}};

  chip #(
      .ID_BITS(ID_BITS)
  ) u_chip (
      .m_axi0_arlen(m_axi0_arlen[3:0]),
      .m_axi1_arlen(m_axi1_arlen[3:0]),
      .m_axi0_awlen(m_axi0_awlen[3:0]),
      .resetting(),
      .*
  );

endmodule
