// A host at the other end of a serial line: registers by AXI4-Lite, words to the readers and from the writers.
//
// The line's bytes (uart_rx) become requests (frame_rx), these are executed (operations), and the responses (frame_tx)
// become bytes on the line (uart_tx). The next request may come while a response is being sent.
module serial_link #(
    parameter int DIVISOR = 4,
    parameter int READERS = 1,
    parameter int WRITERS = 1
) (
    input  logic                  clk,
    input  logic                  rst_n,
    input  logic                  receive,
    output logic                  transmit,
    output logic [          11:0] m_axi_awaddr,
    output logic                  m_axi_awvalid,
    input  logic                  m_axi_awready,
    output logic [          31:0] m_axi_wdata,
    output logic                  m_axi_wvalid,
    input  logic                  m_axi_wready,
    input  logic                  m_axi_bvalid,
    output logic                  m_axi_bready,
    output logic [          11:0] m_axi_araddr,
    output logic                  m_axi_arvalid,
    input  logic                  m_axi_arready,
    input  logic [          31:0] m_axi_rdata,
    input  logic                  m_axi_rvalid,
    output logic                  m_axi_rready,
    output logic [          63:0] push_data,
    output logic [   READERS-1:0] push_valid,
    input  logic [   READERS-1:0] push_ready,
    input  logic [64*WRITERS-1:0] pull_data,
    input  logic [   WRITERS-1:0] pull_valid,
    output logic [   WRITERS-1:0] pull_ready
);

  // A frame has fewer than 2^SIZE_BITS bytes: a block RAM for each direction.
  localparam int SIZE_BITS = 11;

  logic [7:0] received, sent, request_data, response_data;
  logic received_valid, sent_valid, sent_ready;
  logic request_valid, request_ended, request_taken, forget;
  logic put, first, last, mark, patch, overflow, send, sending;

  uart_rx #(
      .DIVISOR(DIVISOR)
  ) u_receive (
      .clk,
      .rst_n,
      .receive,
      .data(received),
      .valid(received_valid)
  );

  frame_rx #(
      .SIZE_BITS(SIZE_BITS)
  ) u_request (
      .clk,
      .rst_n,
      .line_data(received),
      .line_valid(received_valid),
      .data(request_data),
      .valid(request_valid),
      .ended(request_ended),
      .taken(request_taken),
      .forget
  );

  operations #(
      .READERS(READERS),
      .WRITERS(WRITERS),
      .SIZE_BITS(SIZE_BITS)
  ) u_operations (
      .*
  );

  frame_tx #(
      .SIZE_BITS(SIZE_BITS)
  ) u_response (
      .clk,
      .rst_n,
      .put,
      .first,
      .last,
      .mark,
      .patch,
      .data(response_data),
      .overflow,
      .send,
      .busy(sending),
      .line_data(sent),
      .line_valid(sent_valid),
      .line_ready(sent_ready)
  );

  uart_tx #(
      .DIVISOR(DIVISOR)
  ) u_transmit (
      .clk,
      .rst_n,
      .s_axis_tdata(sent),
      .s_axis_tvalid(sent_valid),
      .s_axis_tready(sent_ready),
      .transmit
  );

endmodule
