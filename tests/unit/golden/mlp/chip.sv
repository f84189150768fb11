// levada: mlp between registers and memory.
//
// Engine e has the registers `engine_regs` e; those that read come first. Reader k and writer k share memory port k.
// Word i of a frame comes from (or goes to) port i % P of its stream's P ports. While `resetting`, words that come from
// memory are dropped, and those that go there mean nothing.
module chip #(
    parameter int ID_BITS = 1,
    parameter int ADDRESS_BITS = 32
) (
    input  logic clk,
    input  logic rst_n,
    input  logic [ID_BITS-1:0] s_axi_awid,
    input  logic [11:0] s_axi_awaddr,
    input  logic s_axi_awvalid,
    output logic s_axi_awready,
    input  logic [31:0] s_axi_wdata,
    input  logic [3:0] s_axi_wstrb,
    input  logic s_axi_wlast,
    input  logic s_axi_wvalid,
    output logic s_axi_wready,
    output logic [ID_BITS-1:0] s_axi_bid,
    output logic [1:0] s_axi_bresp,
    output logic s_axi_bvalid,
    input  logic s_axi_bready,
    input  logic [ID_BITS-1:0] s_axi_arid,
    input  logic [11:0] s_axi_araddr,
    input  logic [7:0] s_axi_arlen,
    input  logic s_axi_arvalid,
    output logic s_axi_arready,
    output logic [ID_BITS-1:0] s_axi_rid,
    output logic [31:0] s_axi_rdata,
    output logic [1:0] s_axi_rresp,
    output logic s_axi_rlast,
    output logic s_axi_rvalid,
    input  logic s_axi_rready,
    output logic [ADDRESS_BITS-1:0] m_axi0_araddr,
    output logic [3:0] m_axi0_arlen,
    output logic m_axi0_arvalid,
    input  logic m_axi0_arready,
    input  logic [63:0] m_axi0_rdata,
    input  logic [1:0] m_axi0_rresp,
    input  logic m_axi0_rvalid,
    output logic m_axi0_rready,
    output logic [ADDRESS_BITS-1:0] m_axi1_araddr,
    output logic [3:0] m_axi1_arlen,
    output logic m_axi1_arvalid,
    input  logic m_axi1_arready,
    input  logic [63:0] m_axi1_rdata,
    input  logic [1:0] m_axi1_rresp,
    input  logic m_axi1_rvalid,
    output logic m_axi1_rready,
    output logic [ADDRESS_BITS-1:0] m_axi0_awaddr,
    output logic [3:0] m_axi0_awlen,
    output logic m_axi0_awvalid,
    input  logic m_axi0_awready,
    output logic [63:0] m_axi0_wdata,
    output logic [7:0] m_axi0_wstrb,
    output logic m_axi0_wlast,
    output logic m_axi0_wvalid,
    input  logic m_axi0_wready,
    input  logic [1:0] m_axi0_bresp,
    input  logic m_axi0_bvalid,
    output logic m_axi0_bready,
    output logic irq,
    output logic resetting
);

  localparam int READERS = 2;
  localparam int WRITERS = 1;
  localparam int ENGINES = READERS + WRITERS;
  localparam int STREAMS = 10;

  logic write;
  logic [9:0] write_index, read_index;
  logic [3:0] write_strobe;
  logic [31:0] write_data, read_data, counter_data;
  logic core_rst_n, start, running, fresh, counter_write;
  logic [ENGINES-1:0] engine_write, free, busy, moved;
  logic [2*ENGINES-1:0] errors;
  logic [WRITERS-1:0] finished;
  logic [32*ENGINES-1:0] engine_data, words;
  logic [64*ENGINES-1:0] data;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [64*ENGINES-1:0] addresses;  // a chip has fewer bits of them
  /* verilator lint_on UNUSEDSIGNAL */
  logic [STREAMS-1:0] probe_valid, probe_ready;

  axi_regs #(
      .ID_BITS(ID_BITS)
  ) u_regs (
      .clk,
      .rst_n,
      .s_axi_awid,
      .s_axi_awaddr,
      .s_axi_awvalid,
      .s_axi_awready,
      .s_axi_wdata,
      .s_axi_wstrb,
      .s_axi_wlast,
      .s_axi_wvalid,
      .s_axi_wready,
      .s_axi_bid,
      .s_axi_bresp,
      .s_axi_bvalid,
      .s_axi_bready,
      .s_axi_arid,
      .s_axi_araddr,
      .s_axi_arlen,
      .s_axi_arvalid,
      .s_axi_arready,
      .s_axi_rid,
      .s_axi_rdata,
      .s_axi_rresp,
      .s_axi_rlast,
      .s_axi_rvalid,
      .s_axi_rready,
      .write,
      .write_index,
      .write_strobe,
      .write_data,
      .read_index,
      .read_data
  );

  control #(
      .READERS(READERS),
      .WRITERS(WRITERS),
      .STREAMS(STREAMS),
      .DIGEST(64'h0123456789abcdef)
  ) u_control (
      .clk,
      .rst_n,
      .write,
      .write_index,
      .write_strobe,
      .write_data,
      .read_index,
      .read_data,
      .irq,
      .core_rst_n,
      .flush(resetting),
      .start,
      .running,
      .fresh,
      .counter_write,
      .counter_data,
      .param_write(),
      .param_data('0),
      .engine_write,
      .engine_data,
      .free,
      .busy,
      .errors,
      .finished
  );

  stream_counter #(
      .STREAMS(STREAMS)
  ) u_counter (
      .clk,
      .rst_n(core_rst_n),
      .clear(fresh),
      .run(running),
      .write(counter_write),
      .write_index(write_index[2:0]),
      .write_data,
      .read_index(read_index[2:0]),
      .read_data(counter_data),
      .valid(probe_valid),
      .ready(probe_ready)
  );

  engine_regs #(
      .FRAME_WORDS(1)
  ) u_engine0_regs (
      .clk,
      .rst_n(core_rst_n),
      .write(engine_write[0]),
      .write_index(write_index[2:0]),
      .write_data,
      .read_index(read_index[2:0]),
      .read_data(engine_data[0+:32]),
      .address(addresses[0+:64]),
      .words(words[0+:32]),
      .moved(moved[0]),
      .data(data[0+:64])
  );

  engine_regs #(
      .FRAME_WORDS(1)
  ) u_engine1_regs (
      .clk,
      .rst_n(core_rst_n),
      .write(engine_write[1]),
      .write_index(write_index[2:0]),
      .write_data,
      .read_index(read_index[2:0]),
      .read_data(engine_data[32+:32]),
      .address(addresses[64+:64]),
      .words(words[32+:32]),
      .moved(moved[1]),
      .data(data[64+:64])
  );

  engine_regs #(
      .FRAME_WORDS(1)
  ) u_engine2_regs (
      .clk,
      .rst_n(core_rst_n),
      .write(engine_write[2]),
      .write_index(write_index[2:0]),
      .write_data,
      .read_index(read_index[2:0]),
      .read_data(engine_data[64+:32]),
      .address(addresses[128+:64]),
      .words(words[64+:32]),
      .moved(moved[2]),
      .data(data[128+:64])
  );

  // s_axis: 3 x UINT4, 4 beats a frame, 1 words at each of 2 ports
  logic [15:0] s_axis_tdata;
  logic s_axis_tvalid, s_axis_tready;
  logic s_axis_word_valid, s_axis_word_ready, s_axis_word_moves;
  logic [1:0] s_axis_ports;
  assign s_axis_word_valid = &s_axis_ports;
  assign s_axis_word_moves = s_axis_word_valid && s_axis_word_ready;

  frame_gearbox #(
      .IN_BYTES(16),
      .OUT_BYTES(2),
      .FRAME_IN(1),
      .FRAME_OUT(4)
  ) u_s_axis_beats (
      .clk,
      .rst_n(core_rst_n),
      .s_axis_tdata(data[0+:128]),
      .s_axis_tvalid(s_axis_word_valid),
      .s_axis_tready(s_axis_word_ready),
      .m_axis_tdata(s_axis_tdata),
      .m_axis_tvalid(s_axis_tvalid),
      .m_axis_tready(s_axis_tready)
  );
  assign moved[0] = s_axis_word_moves;

  axi_read #(
      .ADDRESS_BITS(ADDRESS_BITS)
  ) u_read0 (
      .clk,
      .rst_n,
      .flush(resetting),
      .start,
      .address(addresses[0+:ADDRESS_BITS]),
      .words(words[0+:32]),
      .free(free[0]),
      .busy(busy[0]),
      .error(errors[0+:2]),
      .m_axi_araddr(m_axi0_araddr),
      .m_axi_arlen(m_axi0_arlen),
      .m_axi_arvalid(m_axi0_arvalid),
      .m_axi_arready(m_axi0_arready),
      .m_axi_rdata(m_axi0_rdata),
      .m_axi_rresp(m_axi0_rresp),
      .m_axi_rvalid(m_axi0_rvalid),
      .m_axi_rready(m_axi0_rready),
      .m_axis_tdata(data[0+:64]),
      .m_axis_tvalid(s_axis_ports[0]),
      .m_axis_tready(s_axis_word_moves)
  );
  assign moved[1] = s_axis_word_moves;

  axi_read #(
      .ADDRESS_BITS(ADDRESS_BITS)
  ) u_read1 (
      .clk,
      .rst_n,
      .flush(resetting),
      .start,
      .address(addresses[64+:ADDRESS_BITS]),
      .words(words[32+:32]),
      .free(free[1]),
      .busy(busy[1]),
      .error(errors[2+:2]),
      .m_axi_araddr(m_axi1_araddr),
      .m_axi_arlen(m_axi1_arlen),
      .m_axi_arvalid(m_axi1_arvalid),
      .m_axi_arready(m_axi1_arready),
      .m_axi_rdata(m_axi1_rdata),
      .m_axi_rresp(m_axi1_rresp),
      .m_axi_rvalid(m_axi1_rvalid),
      .m_axi_rready(m_axi1_rready),
      .m_axis_tdata(data[64+:64]),
      .m_axis_tvalid(s_axis_ports[1]),
      .m_axis_tready(s_axis_word_moves)
  );

  // m_axis: 1 x UINT3, 1 beats a frame, 1 words at a port
  logic [7:0] m_axis_tdata;
  logic m_axis_tvalid, m_axis_tready;
  logic m_axis_word_valid, m_axis_word_ready, m_axis_word_moves;
  logic [0:0] m_axis_ports;
  assign m_axis_word_ready = &m_axis_ports;
  assign m_axis_word_moves = m_axis_word_valid && m_axis_word_ready;

  frame_gearbox #(
      .IN_BYTES(1),
      .OUT_BYTES(8),
      .FRAME_IN(1),
      .FRAME_OUT(1)
  ) u_m_axis_words (
      .clk,
      .rst_n(core_rst_n),
      .s_axis_tdata(m_axis_tdata),
      .s_axis_tvalid(m_axis_tvalid),
      .s_axis_tready(m_axis_tready),
      .m_axis_tdata(data[128+:64]),
      .m_axis_tvalid(m_axis_word_valid),
      .m_axis_tready(m_axis_word_ready)
  );
  assign moved[2] = m_axis_word_moves;

  axi_write #(
      .ADDRESS_BITS(ADDRESS_BITS),
      .FRAME_WORDS(1),
      .LAST_STROBE(8'h01)
  ) u_write0 (
      .clk,
      .rst_n,
      .flush(resetting),
      .start,
      .address(addresses[128+:ADDRESS_BITS]),
      .words(words[64+:32]),
      .free(free[2]),
      .busy(busy[2]),
      .finished(finished[0]),
      .error(errors[4+:2]),
      .s_axis_tdata(data[128+:64]),
      .s_axis_tvalid(m_axis_word_moves),
      .s_axis_tready(m_axis_ports[0]),
      .m_axi_awaddr(m_axi0_awaddr),
      .m_axi_awlen(m_axi0_awlen),
      .m_axi_awvalid(m_axi0_awvalid),
      .m_axi_awready(m_axi0_awready),
      .m_axi_wdata(m_axi0_wdata),
      .m_axi_wstrb(m_axi0_wstrb),
      .m_axi_wlast(m_axi0_wlast),
      .m_axi_wvalid(m_axi0_wvalid),
      .m_axi_wready(m_axi0_wready),
      .m_axi_bresp(m_axi0_bresp),
      .m_axi_bvalid(m_axi0_bvalid),
      .m_axi_bready(m_axi0_bready)
  );

  accelerator u_accelerator (
      .clk,
      .rst_n(core_rst_n),
      .s_axis_tdata,
      .s_axis_tvalid,
      .s_axis_tready,
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready,
      .probe_valid,
      .probe_ready
  );

endmodule
