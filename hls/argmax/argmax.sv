// Indices of the K largest of CHANNELS values, largest first, ties to the lower index; PE values a beat.
//
// A chain of PE stages inserts the elements of a beat one by one into a list sorted within the beat; the
// last stage merges that list into the one of the frame so far. The result is one beat of K indices, index
// j at bits [j*INDEX_BITS +: INDEX_BITS]. One input beat a cycle.
module argmax #(
    parameter int CHANNELS = 10,
    parameter int PE = 2,
    parameter int K = 1,
    parameter int X_BITS = 8,
    parameter int X_SIGNED = 1,
    parameter int INDEX_BITS = $clog2(CHANNELS) > 0 ? $clog2(CHANNELS) : 1,
    parameter int SLOTS = 2
) (
    input  logic                    clk,
    input  logic                    rst_n,
    input  logic [   PE*X_BITS-1:0] s_axis_tdata,
    input  logic                    s_axis_tvalid,
    output logic                    s_axis_tready,
    output logic [K*INDEX_BITS-1:0] m_axis_tdata,
    output logic                    m_axis_tvalid,
    input  logic                    m_axis_tready
);

  localparam int BEATS = CHANNELS / PE;
  localparam int KEY = X_BITS + 1;  // {present, value in offset binary}: an absent entry loses to all
  localparam int ENTRY = KEY + INDEX_BITS;
  localparam logic [X_BITS-1:0] SIGN = (X_SIGNED != 0) ? X_BITS'(1) << (X_BITS - 1) : '0;
  localparam int BEAT_WIDTH = (BEATS > 1) ? $clog2(BEATS) : 1;

  if (CHANNELS % PE != 0) begin : gen_illegal
    $error("argmax: PE must divide CHANNELS");
  end

  logic [BEAT_WIDTH-1:0] beat_q;
  logic [INDEX_BITS-1:0] base_q;
  logic last_beat, step, credit;

  assign last_beat = (BEATS == 1) || beat_q == BEAT_WIDTH'(BEATS - 1);
  assign step = s_axis_tvalid && (credit || !last_beat);
  assign s_axis_tready = credit || !last_beat;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      beat_q <= '0;
      base_q <= '0;
    end else if (step) begin
      beat_q <= last_beat ? '0 : beat_q + 1'b1;
      base_q <= last_beat ? '0 : base_q + INDEX_BITS'(PE);
    end
  end

  // Stage p holds the sorted list of elements 0..p-1 of the beat, and the beat itself.
  logic [K*ENTRY-1:0] lists[0:PE];
  logic [PE*X_BITS-1:0] beats[0:PE];
  logic [INDEX_BITS-1:0] bases[0:PE];
  logic [PE:0] valids, firsts, lasts;

  assign lists[0] = '0;
  assign beats[0] = s_axis_tdata;
  assign bases[0] = base_q;
  assign valids[0] = step;
  assign firsts[0] = (BEATS == 1) || beat_q == '0;
  assign lasts[0] = last_beat;

  for (genvar p = 0; p < PE; p = p + 1) begin : gen_insert
    logic [X_BITS-1:0] x;
    logic [KEY-1:0] key;
    logic [K*ENTRY-1:0] list_q, list_d;
    logic [PE*X_BITS-1:0] beat_qq;
    logic [INDEX_BITS-1:0] base_qq;
    logic valid_q, first_q, last_q;
    assign x = beats[p][p*X_BITS+:X_BITS];
    assign key = {1'b1, x ^ SIGN};
    sorted_merge #(
        .K(K),
        .N(1),
        .KEY(KEY),
        .INDEX_BITS(INDEX_BITS)
    ) u_merge (
        .earlier(lists[p]),
        .later({bases[p] + INDEX_BITS'(p), key}),
        .merged(list_d)
    );
    always_ff @(posedge clk) begin
      if (!rst_n) valid_q <= 1'b0;
      else valid_q <= valids[p];
      list_q <= list_d;
      beat_qq <= beats[p];
      base_qq <= bases[p];
      first_q <= firsts[p];
      last_q <= lasts[p];
    end
    assign lists[p+1] = list_q;
    assign beats[p+1] = beat_qq;
    assign bases[p+1] = base_qq;
    assign valids[p+1] = valid_q;
    assign firsts[p+1] = first_q;
    assign lasts[p+1] = last_q;
  end

  logic [K*ENTRY-1:0] best_q, best_d;
  logic [K*INDEX_BITS-1:0] indices;
  logic done_q;

  sorted_merge #(
      .K(K),
      .N(K),
      .KEY(KEY),
      .INDEX_BITS(INDEX_BITS)
  ) u_merge (
      .earlier(firsts[PE] ? '0 : best_q),
      .later(lists[PE]),
      .merged(best_d)
  );

  always_ff @(posedge clk) begin
    if (!rst_n) done_q <= 1'b0;
    else done_q <= valids[PE] && lasts[PE];
    if (valids[PE]) best_q <= best_d;
  end

  for (genvar k = 0; k < K; k = k + 1) begin : gen_index
    assign indices[k*INDEX_BITS+:INDEX_BITS] = best_q[k*ENTRY+KEY+:INDEX_BITS];
  end

  credit_fifo #(
      .WIDTH(K * INDEX_BITS),
      .SLOTS(SLOTS)
  ) u_out (
      .clk,
      .rst_n,
      .claim(step && last_beat),
      .credit,
      .push(done_q),
      .data(indices),
      .m_axis_tdata,
      .m_axis_tvalid,
      .m_axis_tready
  );

endmodule
