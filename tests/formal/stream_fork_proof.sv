// Each output of a fork is the stream at its input (stream_check), however the other one stalls.
//
// That a beat moves is only asked of it while both outputs are taken: a fork must wait for the slower one.
module stream_fork_proof #(
    parameter int WIDTH = 1
) (
    input logic             clk,
    input logic             pick,
    input logic [WIDTH-1:0] s_axis_tdata,
    input logic             s_axis_tvalid,
    input logic             m_axis_tready,
    input logic             m_axis1_tready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [WIDTH-1:0] m_axis_tdata, m_axis1_tdata;
  logic s_axis_tready, m_axis_tvalid, m_axis1_tvalid;

  stream_fork #(.WIDTH(WIDTH)) u_dut (.*);

  stream_check #(
      .BITS(WIDTH)
  ) u_check (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(m_axis_tready && m_axis1_tready),
      .in_data(s_axis_tdata),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(m_axis_tdata),
      .out_valid(m_axis_tvalid),
      .out_ready(m_axis_tready)
  );

  stream_check #(
      .BITS(WIDTH)
  ) u_check1 (
      .clk,
      .rst_n,
      .pick,
      .place('0),
      .open(m_axis_tready && m_axis1_tready),
      .in_data(s_axis_tdata),
      .in_valid(s_axis_tvalid),
      .in_ready(s_axis_tready),
      .out_data(m_axis1_tdata),
      .out_valid(m_axis1_tvalid),
      .out_ready(m_axis1_tready)
  );

endmodule
