// A serial_link whose other side shows what was executed, how often and in which order.
//
// Words pushed to reader 0 come back from writer 0, those of reader 1 from writer 1, DEPTH at most being inside; now and
// then reader 1 has no room for a cycle. Every write to a register leaves a word for writer 2: address << 32 | value. A
// read gives its address << 16 and the number of reads before. The answers to accesses take some random cycles.
module link_bench #(
    parameter int DIVISOR = 4,
    parameter int DEPTH = 20
) (
    input  logic clk,
    input  logic rst_n,
    input  logic receive,
    output logic transmit
);

  logic [11:0] m_axi_awaddr, m_axi_araddr;
  logic [31:0] m_axi_wdata, m_axi_rdata;
  logic m_axi_awvalid, m_axi_awready, m_axi_wvalid, m_axi_wready, m_axi_bvalid, m_axi_bready;
  logic m_axi_arvalid, m_axi_arready, m_axi_rvalid, m_axi_rready;
  logic [63:0] push_data;
  logic [1:0] push_valid, push_ready, open, room;
  logic [191:0] pull_data;
  logic [2:0] pull_valid, pull_ready;

  serial_link #(
      .DIVISOR(DIVISOR),
      .READERS(2),
      .WRITERS(3)
  ) u_link (
      .*
  );

  logic [7:0] random_q;
  assign open = {|random_q[7:5], 1'b1};
  assign push_ready = room & open;

  for (genvar k = 0; k < 2; k = k + 1) begin : gen_loops
    fifo #(
        .WIDTH(64),
        .DEPTH(DEPTH),
        .BLOCK(1)
    ) u_loop (
        .clk,
        .rst_n,
        .s_axis_tdata(push_data),
        .s_axis_tvalid(push_valid[k] && open[k]),
        .s_axis_tready(room[k]),
        .m_axis_tdata(pull_data[64*k+:64]),
        .m_axis_tvalid(pull_valid[k]),
        .m_axis_tready(pull_ready[k])
    );
  end

  logic addressed_q, written_q, answers_q, reads_q, writes_room;
  logic [11:0] awaddr_q;
  logic [31:0] wdata_q;
  logic [15:0] reads_before_q;
  assign m_axi_awready = random_q[0] && !addressed_q;
  assign m_axi_wready = random_q[1] && !written_q;
  assign m_axi_bvalid = answers_q && random_q[2];
  assign m_axi_arready = random_q[3] && !reads_q;
  assign m_axi_rvalid = reads_q && random_q[4];

  always_ff @(posedge clk) begin
    if (!rst_n) random_q <= '1;
    else random_q <= {random_q[6:0], random_q[7] ^ random_q[5] ^ random_q[4] ^ random_q[3]};
    if (m_axi_awvalid && m_axi_awready) awaddr_q <= m_axi_awaddr;
    if (m_axi_wvalid && m_axi_wready) wdata_q <= m_axi_wdata;
    if (m_axi_arvalid && m_axi_arready) m_axi_rdata <= {4'b0, m_axi_araddr, reads_before_q};
    if (!rst_n) begin
      {addressed_q, written_q, answers_q, reads_q} <= '0;
      reads_before_q <= '0;
    end else begin
      if (m_axi_awvalid && m_axi_awready) addressed_q <= 1'b1;
      if (m_axi_wvalid && m_axi_wready) written_q <= 1'b1;
      if (addressed_q && written_q && writes_room) begin
        {addressed_q, written_q} <= '0;
        answers_q <= 1'b1;
      end
      if (m_axi_bvalid && m_axi_bready) answers_q <= 1'b0;
      if (m_axi_arvalid && m_axi_arready) reads_q <= 1'b1;
      if (m_axi_rvalid && m_axi_rready) begin
        reads_q <= 1'b0;
        reads_before_q <= reads_before_q + 1'b1;
      end
    end
  end

  fifo #(
      .WIDTH(64),
      .DEPTH(2048),
      .BLOCK(1)
  ) u_writes (
      .clk,
      .rst_n,
      .s_axis_tdata({20'b0, awaddr_q, wdata_q}),
      .s_axis_tvalid(addressed_q && written_q),
      .s_axis_tready(writes_room),
      .m_axis_tdata(pull_data[128+:64]),
      .m_axis_tvalid(pull_valid[2]),
      .m_axis_tready(pull_ready[2])
  );

endmodule
