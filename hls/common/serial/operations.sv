// Executes the requests of a host and writes the responses; docs/serial.md tells of the protocol.
//
// A request is a number, and operations behind each other: a code, operands, the lowest byte first. The response is the
// same number, the results in this order, and a status: 0, or 1 where an operation is not known, has too few operands,
// or its result found no room; it is the last one then.
//
//   code       operands                        result
//   1 GREET    nonce (4 bytes)                 nonce, VERSION, SIZE_BITS, READERS, WRITERS (a byte each)
//   2 WRITE    address (2 bytes), value (4)
//   3 READ     address (2 bytes)               value (4)
//   4 PUSH     reader, n (a byte each),        words that were taken: the first ones; from the first one on that
//              n words (8 each)                found no room, all are dropped
//   5 PULL     writer, n (a byte each)         words that follow, n at most; words (8 each)
//
// A request whose number is that of the last one is not executed again: its response is sent once more. Number 0
// always is, and is the number of no last one. So each operation of a host that counts its requests from 1 to 255 and
// repeats them until they are answered is executed once, whatever the line loses.
module operations #(
    parameter int READERS = 1,
    parameter int WRITERS = 1,
    parameter int SIZE_BITS = 11
) (
    input  logic                  clk,
    input  logic                  rst_n,
    input  logic [           7:0] request_data,
    input  logic                  request_valid,
    input  logic                  request_ended,
    output logic                  request_taken,
    output logic                  forget,
    output logic                  put,
    output logic                  first,
    output logic                  last,
    output logic                  mark,
    output logic                  patch,
    output logic [           7:0] response_data,
    input  logic                  overflow,
    output logic                  send,
    input  logic                  sending,
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

  localparam logic [7:0] VERSION = 8'd1;
  localparam logic [7:0] GREET = 8'd1;
  localparam logic [7:0] WRITE = 8'd2;
  localparam logic [7:0] READ = 8'd3;
  localparam logic [7:0] PUSH = 8'd4;
  localparam logic [7:0] PULL = 8'd5;

  typedef enum logic [3:0] {
    NUMBER,
    CODE,
    OPERANDS,
    EXECUTE,
    ACCESS,
    PUSHES,
    PUSH_WORD,
    PULLS,
    GIVE,
    STATUS,
    SEND
  } phase_e;

  phase_e phase_q, phase_d;
  // Operands and results pass through `word_q`, the next byte of a result lowest; `left_q` are still to come or to go.
  logic [63:0] word_q, pulled;
  logic [3:0] left_q, left_d;
  logic [7:0] number_q, select_q, count_q, moved_q;
  logic [2:0] code_q;
  logic open_q, failed_q, again, known, pushed, there, pulls, shift;
  // The last two operands.
  logic [7:0] operand, count;
  assign {count, operand} = word_q[63:48];

  assign pulls = phase_q == PULLS && count_q != '0 && there;
  assign again = request_data == number_q && request_data != '0;
  assign known = request_data >= GREET && request_data <= PULL;

  always_comb begin
    pushed = 1'b0;
    there = 1'b0;
    pulled = '0;
    for (int k = 0; k < READERS; k = k + 1) begin
      push_valid[k] = phase_q == PUSH_WORD && open_q && select_q == 8'(k);
      if (select_q == 8'(k)) pushed = push_ready[k] && open_q;
    end
    for (int k = 0; k < WRITERS; k = k + 1) begin
      if (select_q == 8'(k)) begin
        there = pull_valid[k];
        pulled = pull_data[64*k+:64];
      end
      pull_ready[k] = phase_q == PULLS && count_q != '0 && select_q == 8'(k);
    end
  end

  assign request_taken = request_valid && (phase_q == NUMBER ? !sending : phase_q == CODE
      || (phase_q == OPERANDS && left_q != '0));
  assign shift = (phase_q == OPERANDS && request_taken) || (phase_q == GIVE && left_q != '0);

  always_comb begin
    phase_d = phase_q;
    case (phase_q)
      NUMBER: if (request_taken) phase_d = again ? SEND : CODE;
      CODE: begin
        if (request_ended) phase_d = STATUS;
        else if (request_taken) phase_d = known ? OPERANDS : STATUS;
      end
      OPERANDS: begin
        if (left_q == '0) phase_d = (count_q != '0) ? PUSH_WORD : EXECUTE;
        else if (request_ended) phase_d = STATUS;
      end
      EXECUTE: begin
        case (code_q)
          GREET[2:0]: phase_d = GIVE;
          PUSH[2:0]: phase_d = PUSHES;
          PULL[2:0]: phase_d = PULLS;
          default: phase_d = ACCESS;
        endcase
      end
      ACCESS: begin
        if (m_axi_bvalid) phase_d = CODE;
        else if (m_axi_rvalid) phase_d = GIVE;
      end
      PUSHES: phase_d = (count_q == '0) ? CODE : OPERANDS;
      PUSH_WORD: phase_d = PUSHES;
      PULLS: phase_d = pulls ? GIVE : CODE;
      GIVE: if (left_q == '0) phase_d = (code_q == PULL[2:0]) ? PULLS : CODE;
      STATUS: phase_d = SEND;
      default: phase_d = NUMBER;
    endcase
  end

  always_comb begin
    left_d = left_q - 4'(shift);
    if (phase_q == CODE) begin
      case (request_data)
        GREET: left_d = 4'd4;
        WRITE: left_d = 4'd6;
        default: left_d = 4'd2;
      endcase
    end
    if (phase_q == ACCESS) left_d = 4'd4;
    if (phase_q == EXECUTE || phase_q == PUSHES || phase_q == PULLS) left_d = 4'd8;
  end

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      phase_q <= NUMBER;
      number_q <= '0;
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid <= 1'b0;
      m_axi_arvalid <= 1'b0;
    end else begin
      phase_q <= phase_d;
      if (phase_q == NUMBER && request_taken) number_q <= request_data;
      if (phase_q == EXECUTE && code_q == WRITE[2:0]) m_axi_awvalid <= 1'b1;
      else if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (phase_q == EXECUTE && code_q == WRITE[2:0]) m_axi_wvalid <= 1'b1;
      else if (m_axi_wready) m_axi_wvalid <= 1'b0;
      if (phase_q == EXECUTE && code_q == READ[2:0]) m_axi_arvalid <= 1'b1;
      else if (m_axi_arready) m_axi_arvalid <= 1'b0;
    end

    left_q <= left_d;
    if (phase_q == CODE) code_q <= request_data[2:0];
    if (phase_q == NUMBER) failed_q <= 1'b0;
    else if (phase_d == STATUS && !(phase_q == CODE && request_ended)) failed_q <= 1'b1;

    // A push or pull: which one, words that are left, words that moved; a push is open until a word finds no room.
    if (phase_q == EXECUTE) begin
      select_q <= operand;
      moved_q <= '0;
      open_q <= 1'b1;
    end else if (phase_q == PUSH_WORD) begin
      moved_q <= moved_q + 8'(pushed);
      open_q <= pushed;
    end else if (pulls) begin
      moved_q <= moved_q + 1'b1;
    end
    if (phase_q == EXECUTE && code_q[2]) count_q <= count;
    else if (phase_q == PUSH_WORD || pulls) count_q <= count_q - 1'b1;
    else if (phase_q == NUMBER || phase_q == CODE) count_q <= '0;

    if (phase_q == EXECUTE && code_q == GREET[2:0]) begin
      word_q <= {8'(WRITERS), 8'(READERS), 8'(SIZE_BITS), VERSION, word_q[63:32]};
    end else if (m_axi_rvalid) begin
      word_q[31:0] <= m_axi_rdata;
    end else if (pulls) begin
      word_q <= pulled;
    end else if (shift) begin
      word_q <= {request_data, word_q[63:8]};
    end
  end

  assign {m_axi_wdata, m_axi_awaddr} = {word_q[63:32], word_q[27:16]};
  assign m_axi_araddr = word_q[59:48];
  assign m_axi_bready = 1'b1;
  assign m_axi_rready = 1'b1;
  assign push_data = word_q;

  logic gives, counts;
  assign gives = phase_q == GIVE && left_q != '0;
  assign counts = phase_q == PUSHES && count_q == '0;
  assign first = phase_q == NUMBER;
  assign last = phase_q == STATUS;
  assign mark = phase_q == EXECUTE && code_q == PULL[2:0];
  assign patch = phase_q == PULLS && !pulls;
  assign put = (first && request_taken && !again) || last || mark || gives || counts;
  assign send = phase_q == SEND;
  assign forget = send;

  always_comb begin
    response_data = moved_q;
    if (first) response_data = request_data;
    if (gives) response_data = word_q[7:0];
    if (last) response_data = 8'(failed_q || overflow);
  end

endmodule
