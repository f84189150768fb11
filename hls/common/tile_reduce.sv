// Sum or maximum over each tile of an image, the tiles side by side without gaps or overlap.
//
// The image is a stream h, w, c. A step takes PE channels of TAPS*TILES pixels: a part of one tile's row
// (TILES = 1), or the whole of it for TILES tiles, pixel by pixel. The CF folds of the channels come first,
// then the KF parts of a tile's row, then the WF places along the image's row, then the KH rows of a tile; only
// steps of a tile's last part give results. Running results wait in a memory of WF*CF words. Where a tile is
// one row high nothing needs to be told apart along the row, and WF is 1.
//
// SUM adds, X_SIGNED or not, in Y_BITS; else unsigned terms are compared. Term r of tile t and lane p is at
// bits [((t*TAPS + r)*PE + p)*X_BITS +: X_BITS], result [(t*PE + p)*Y_BITS +: Y_BITS]. A result is valid
// clog2(TAPS) + 2 cycles after its step, which claims a place for it: the caller holds the fifo.
module tile_reduce #(
    parameter int SUM = 1,
    parameter int PE = 2,
    parameter int CF = 1,
    parameter int TAPS = 2,
    parameter int TILES = 1,
    parameter int KF = 2,
    parameter int WF = 3,
    parameter int KH = 2,
    parameter int X_BITS = 4,
    parameter int X_SIGNED = 0,
    parameter int Y_BITS = 8,
    parameter int BLOCK = 0
) (
    input  logic                            clk,
    input  logic                            rst_n,
    input  logic [TILES*TAPS*PE*X_BITS-1:0] x,
    input  logic                            x_valid,
    output logic                            x_ready,
    output logic                            claim,
    input  logic                            credit,
    output logic [     TILES*PE*Y_BITS-1:0] y,
    output logic                            y_valid
);

  localparam int TREE = $clog2(TAPS);
  localparam int LANES = TILES * PE;
  // A tile of one part is never kept.
  localparam int DEPTH = (KF * KH == 1) ? 1 : WF * CF;
  localparam int CF_WIDTH = (CF > 1) ? $clog2(CF) : 1;
  localparam int KF_WIDTH = (KF > 1) ? $clog2(KF) : 1;
  localparam int WF_WIDTH = (WF > 1) ? $clog2(WF) : 1;
  localparam int KH_WIDTH = (KH > 1) ? $clog2(KH) : 1;
  localparam int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1;

  // Steps.
  logic [CF_WIDTH-1:0] cf_q;
  logic [KF_WIDTH-1:0] kf_q;
  logic [WF_WIDTH-1:0] wf_q;
  logic [KH_WIDTH-1:0] kh_q;
  logic [ADDR_WIDTH-1:0] address_q;
  logic last_cf, last_kf, last_wf, last_kh, first_kf, first, last, step;

  assign last_cf = (CF == 1) || cf_q == CF_WIDTH'(CF - 1);
  assign last_kf = (KF == 1) || kf_q == KF_WIDTH'(KF - 1);
  assign last_wf = (WF == 1) || wf_q == WF_WIDTH'(WF - 1);
  assign last_kh = (KH == 1) || kh_q == KH_WIDTH'(KH - 1);
  assign first_kf = (KF == 1) || kf_q == '0;
  assign first = first_kf && ((KH == 1) || kh_q == '0);
  assign last = last_kf && last_kh;
  assign step = x_valid && (credit || !last);
  assign x_ready = credit || !last;
  assign claim = step && last;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      cf_q <= '0;
      kf_q <= '0;
      wf_q <= '0;
      kh_q <= '0;
      address_q <= '0;
    end else if (step) begin
      cf_q <= last_cf ? '0 : cf_q + 1'b1;
      if (last_cf) kf_q <= last_kf ? '0 : kf_q + 1'b1;
      if (last_cf && last_kf) wf_q <= last_wf ? '0 : wf_q + 1'b1;
      if (last_cf && last_kf && last_wf) kh_q <= last_kh ? '0 : kh_q + 1'b1;
      if (last_cf && last_kf && last_wf) address_q <= '0;
      else if (last_cf && !last_kf) address_q <= address_q - ADDR_WIDTH'(CF - 1);
      else address_q <= address_q + 1'b1;
    end
  end

  // Where the steps are: stage TREE comes one cycle before their terms leave the trees.
  logic [ADDR_WIDTH-1:0] addresses[0:TREE];
  logic [TREE:0] firsts, chaineds;
  assign addresses[0] = address_q;
  assign firsts[0] = first;
  assign chaineds[0] = !first && (!first_kf || WF == 1);

  for (genvar t = 0; t < TREE; t = t + 1) begin : gen_stage
    logic [ADDR_WIDTH-1:0] address_qq;
    logic first_q, chained_q;
    always_ff @(posedge clk) begin
      address_qq <= addresses[t];
      first_q <= firsts[t];
      chained_q <= chaineds[t];
    end
    assign addresses[t+1] = address_qq;
    assign firsts[t+1] = first_q;
    assign chaineds[t+1] = chained_q;
  end

  // One reduction tree a lane, over the registered pixels.
  logic [TILES*TAPS*PE*X_BITS-1:0] x_q;
  logic [LANES*Y_BITS-1:0] partial, result;
  logic [TREE:0] valid_q, last_q;
  logic y_valid_q;

  always_ff @(posedge clk) begin
    x_q <= x;
    last_q <= (TREE + 1)'({last_q, last});
    if (!rst_n) begin
      valid_q <= '0;
      y_valid_q <= 1'b0;
    end else begin
      valid_q <= (TREE + 1)'({valid_q, step});
      y_valid_q <= valid_q[TREE] && last_q[TREE];
    end
  end

  for (genvar l = 0; l < LANES; l = l + 1) begin : gen_lane
    logic [TAPS*X_BITS-1:0] terms;
    logic [Y_BITS-1:0] term, so_far;
    for (genvar r = 0; r < TAPS; r = r + 1) begin : gen_tap
      assign terms[r*X_BITS+:X_BITS] = x_q[((l/PE*TAPS+r)*PE+l%PE)*X_BITS+:X_BITS];
    end
    assign so_far = partial[l*Y_BITS+:Y_BITS];
    if (SUM != 0) begin : gen_sum
      logic [X_BITS+TREE-1:0] sum;
      adder_tree #(
          .N(TAPS),
          .WIDTH(X_BITS),
          .SIGNED(X_SIGNED)
      ) u_tree (
          .clk,
          .terms,
          .sum
      );
      if (X_SIGNED != 0) begin : gen_signed
        assign term = Y_BITS'($signed(sum));
      end else begin : gen_unsigned
        assign term = Y_BITS'(sum);
      end
      assign result[l*Y_BITS+:Y_BITS] = so_far + term;
    end else begin : gen_max
      max_tree #(
          .N(TAPS),
          .WIDTH(X_BITS)
      ) u_tree (
          .clk,
          .terms,
          .largest(term)
      );
      assign result[l*Y_BITS+:Y_BITS] = (so_far > term) ? so_far : term;
    end
  end

  partials #(
      .WIDTH(LANES * Y_BITS),
      .DEPTH(DEPTH),
      .CHAINED((CF == 1 && (KF > 1 || (WF == 1 && KH > 1))) ? 1 : 0),
      .BLOCK(BLOCK)
  ) u_partials (
      .clk,
      .next_first(firsts[TREE]),
      .next_chained(chaineds[TREE]),
      .next_address(addresses[TREE]),
      .next_start('0),
      .valid(valid_q[TREE]),
      .result,
      .partial,
      .merged(y)
  );
  assign y_valid = y_valid_q;

endmodule
