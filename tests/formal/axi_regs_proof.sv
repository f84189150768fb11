// Accesses through axi_regs: each is answered once, none is answered that was not made, registers see all.
//
// Every register holds its own index, so that data tells where it came from. Nothing is assumed of the bus but
// that reset comes first. Both ways:
// `*_answers_due`: an answer comes for an access that waits for one, with its ID, and a write's after its last word.
// `*_stays`: an answer is offered, unchanged, until it is taken.
// `*_alone`: no address is taken while an access is under way.
// `*_in_time`: whatever an access waits for on this side comes within two cycles.
// `writes_words`: the registers see each word of a write, once, at its address; `reads_words`: a read gives the
// words of its addresses one behind the other, the last one marked.
module axi_regs_proof #(
    parameter int ID_BITS = 2,
    parameter int ADDRESS_BITS = 5,
    parameter int INDEX_BITS = ADDRESS_BITS - 2
) (
    input logic                    clk,
    input logic [     ID_BITS-1:0] s_axi_awid,
    input logic [ADDRESS_BITS-1:0] s_axi_awaddr,
    input logic                    s_axi_awvalid,
    input logic [            31:0] s_axi_wdata,
    input logic [             3:0] s_axi_wstrb,
    input logic                    s_axi_wlast,
    input logic                    s_axi_wvalid,
    input logic                    s_axi_bready,
    input logic [     ID_BITS-1:0] s_axi_arid,
    input logic [ADDRESS_BITS-1:0] s_axi_araddr,
    input logic [             7:0] s_axi_arlen,
    input logic                    s_axi_arvalid,
    input logic                    s_axi_rready
);

  logic rst_n = 1'b0;
  always_ff @(posedge clk) rst_n <= 1'b1;

  logic [ID_BITS-1:0] s_axi_bid, s_axi_rid;
  logic [1:0] s_axi_bresp, s_axi_rresp;
  logic [31:0] s_axi_rdata, write_data, read_data;
  logic [3:0] write_strobe;
  logic [INDEX_BITS-1:0] write_index, read_index;
  logic s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rlast, s_axi_rvalid, write;

  axi_regs #(
      .ID_BITS(ID_BITS),
      .ADDRESS_BITS(ADDRESS_BITS)
  ) u_dut (
      .*
  );

  always_ff @(posedge clk) read_data <= 32'(read_index);

  // The write that is under way: words may come (`writing`), or its answer is due (`written`).
  logic [ID_BITS-1:0] write_id_q, bid_q;
  logic [INDEX_BITS-1:0] write_place_q;
  logic writing_q, written_q, answered_q;
  logic write_answers_due, write_stays, write_alone, write_in_time, writes_words;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      writing_q <= 1'b0;
      written_q <= 1'b0;
      answered_q <= 1'b0;
    end else begin
      if (s_axi_awvalid && s_axi_awready) writing_q <= 1'b1;
      else if (s_axi_wvalid && s_axi_wready && s_axi_wlast) writing_q <= 1'b0;
      if (s_axi_wvalid && s_axi_wready && s_axi_wlast) written_q <= 1'b1;
      else if (s_axi_bvalid && s_axi_bready) written_q <= 1'b0;
      answered_q <= s_axi_bvalid && !s_axi_bready;
    end
    bid_q <= s_axi_bid;
    if (s_axi_awvalid && s_axi_awready) begin
      write_id_q <= s_axi_awid;
      write_place_q <= s_axi_awaddr[ADDRESS_BITS-1:2];
    end else if (s_axi_wvalid && s_axi_wready) begin
      write_place_q <= write_place_q + 1'b1;
    end
  end

  assign write_answers_due = !s_axi_bvalid || (written_q && s_axi_bid == write_id_q && s_axi_bresp == '0);
  assign write_stays = !answered_q || (s_axi_bvalid && s_axi_bid == bid_q);
  assign write_alone = !s_axi_awready || !(writing_q || written_q);
  assign write_in_time = writing_q ? s_axi_wready : written_q ? s_axi_bvalid : s_axi_awready;
  assign writes_words = write == (s_axi_wvalid && s_axi_wready) && (!write || (writing_q
      && write_index == write_place_q && write_data == s_axi_wdata && write_strobe == s_axi_wstrb));

  // The read that is under way, by the words that are still due.
  logic [ID_BITS-1:0] read_id_q;
  logic [INDEX_BITS-1:0] read_place_q;
  logic [8:0] due_q;
  logic [1:0] still_q;
  logic [31:0] rdata_q;
  logic offered_q, rlast_q;
  logic read_answers_due, read_stays, read_alone, read_in_time, reads_words;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      due_q <= '0;
      still_q <= '0;
      offered_q <= 1'b0;
    end else begin
      if (s_axi_arvalid && s_axi_arready) due_q <= 9'(s_axi_arlen) + 1'b1;
      else if (s_axi_rvalid && s_axi_rready) due_q <= due_q - 1'b1;
      still_q <= (s_axi_arready || s_axi_rvalid) ? '0 : still_q + 1'b1;
      offered_q <= s_axi_rvalid && !s_axi_rready;
    end
    rdata_q <= s_axi_rdata;
    rlast_q <= s_axi_rlast;
    if (s_axi_arvalid && s_axi_arready) begin
      read_id_q <= s_axi_arid;
      read_place_q <= s_axi_araddr[ADDRESS_BITS-1:2];
    end else if (s_axi_rvalid && s_axi_rready) begin
      read_place_q <= read_place_q + 1'b1;
    end
  end

  assign read_answers_due = !s_axi_rvalid || (due_q != '0 && s_axi_rid == read_id_q && s_axi_rresp == '0);
  assign read_stays = !offered_q || (s_axi_rvalid && s_axi_rdata == rdata_q && s_axi_rlast == rlast_q);
  assign read_alone = !s_axi_arready || due_q == '0;
  assign read_in_time = still_q < 2'd2;
  assign reads_words = !s_axi_rvalid || (s_axi_rdata == 32'(read_place_q) && s_axi_rlast == (due_q == 9'd1));

  always_ff @(posedge clk) begin
    if (rst_n) begin
      assert (write_answers_due);
      assert (write_stays);
      assert (write_alone);
      assert (write_in_time);
      assert (writes_words);
      assert (read_answers_due);
      assert (read_stays);
      assert (read_alone);
      assert (read_in_time);
      assert (reads_words);
    end
  end

endmodule
