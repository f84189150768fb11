// Counts the thresholds that x reaches where those of a fold lie close to a line, by division.
//
//   code(t + 2*LEVELS) = OFFSET + |{ k in 1...COUNT : x(t) >= T[k] of fold(t) }|   (mod 2^LEVELS)
//   T[k] = line[k] + late[k],   line[k] = ceil((SLOPE*k + START) / 2^FRACTION),   late[k] in 0, 1
//
// Whether x reaches line[k] is the sign of d = x*2^FRACTION - SLOPE*k - START, of BITS bits. A level tests one k,
// as in threshold_search, and the next one adds or takes off half as much: a division that does not restore.
// The remainder behind the last level tells whether x is the last line[k] that it reaches; only there `late`
// matters, one bit for each k. TABLE holds for each fold SLOPE, unsigned, in BITS - LEVELS bits; then for each
// fold START + SLOPE*2^(LEVELS-1) in BITS bits; then for each fold late[0] ... late[2^LEVELS-1]. That the
// lines suit and d does not overflow is checked by levada/lines.py. LEVELS must be at least 4. Free-running: one
// result a cycle, no reset.
module threshold_line #(
    parameter int LEVELS = 8,
    parameter int FOLDS = 1,
    parameter int WIDTH = 16,
    parameter int BITS = 24,
    parameter int FRACTION = 8,
    parameter int COUNT = 255,
    parameter int FOLD_WIDTH = (FOLDS > 1) ? $clog2(FOLDS) : 1,
    parameter logic [LEVELS-1:0] OFFSET = '0,
    parameter logic [threshold_pkg::lane_bits(FOLDS, LEVELS, WIDTH, BITS)-1:0] TABLE = '0
) (
    input  logic                  clk,
    input  logic [FOLD_WIDTH-1:0] fold,
    input  logic [     WIDTH-1:0] x,
    output logic [    LEVELS-1:0] code
);

  if (LEVELS < 4) begin : gen_illegal
    $error("threshold_line: LEVELS must be at least 4");
  end

  localparam int SLOPE_BITS = BITS - LEVELS;
  localparam int STARTS = FOLDS * SLOPE_BITS;
  localparam int LATES = STARTS + FOLDS * BITS;
  localparam int LATE_WIDTH = LEVELS + ((FOLDS > 1) ? $clog2(FOLDS) : 0);
  // Cycles that a division of so many levels takes less than a search of as many.
  localparam int SPARE = LEVELS - 4;

  logic [SLOPE_BITS-1:0] slopes[0:LEVELS-1];
  logic [BITS-1:0] start_q;
  logic [WIDTH-1:0] x_q;
  logic signed [BITS-1:0] ds[0:LEVELS-1];
  logic [LEVELS-1:0] found[0:LEVELS-1];

  packed_rom #(
      .WIDTH(SLOPE_BITS),
      .DEPTH(FOLDS),
      .ROWS(TABLE[0+:STARTS])
  ) u_slopes (
      .clk,
      .address(fold),
      .row(slopes[0])
  );
  packed_rom #(
      .WIDTH(BITS),
      .DEPTH(FOLDS),
      .ROWS(TABLE[STARTS+:FOLDS*BITS])
  ) u_starts (
      .clk,
      .address(fold),
      .row(start_q)
  );

  always_ff @(posedge clk) begin
    x_q <= x;
    ds[0] <= (BITS'($signed(x_q)) <<< FRACTION) - start_q;
    slopes[1] <= slopes[0];
  end
  assign found[0] = '0;

  for (genvar l = 1; l < LEVELS; l = l + 1) begin : gen_level
    // One adder for both, its lowest bit the carry: d - half = d + ~half + 1.
    localparam int SHIFT = LEVELS - 1 - l;
    logic reached;
    logic [BITS-SHIFT-1:0] half;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [BITS-SHIFT:0] sum;  // without its lowest bit
    /* verilator lint_on UNUSEDSIGNAL */
    assign reached = !ds[l-1][BITS-1];
    assign half = (BITS - SHIFT)'(slopes[l]) ^ {(BITS - SHIFT) {reached}};
    assign sum = {ds[l-1][BITS-1:SHIFT], 1'b1} + {half, reached};
    always_ff @(posedge clk) begin
      ds[l] <= ds[l-1];
      ds[l][BITS-1:SHIFT] <= sum[BITS-SHIFT:1];
      found[l] <= (LEVELS)'({found[l-1], reached});
    end
    if (l < LEVELS - 1) begin : gen_slope
      always_ff @(posedge clk) slopes[l+1] <= slopes[l];
    end
  end

  // The remainder belongs to the last k that is reached.
  logic signed [BITS-1:0] rest_q;
  logic [SLOPE_BITS-1:0] slope_q;
  logic [LEVELS-1:0] reached_q, reached_qq, code_q;
  logic [FOLD_WIDTH-1:0] fold_late;
  logic late_q, met_q, beyond;

  if (COUNT < (1 << LEVELS) - 1) begin : gen_beyond
    assign beyond = reached_qq > LEVELS'(COUNT);
  end else begin : gen_all
    assign beyond = 1'b0;
  end

  delay #(
      .WIDTH(FOLD_WIDTH),
      .CYCLES(LEVELS + 2)
  ) u_fold (
      .clk,
      .data(fold),
      .delayed(fold_late)
  );
  packed_rom #(
      .WIDTH(1),
      .DEPTH(FOLDS << LEVELS),
      .ADDR_WIDTH(LATE_WIDTH),
      .ROWS(TABLE[LATES+:FOLDS<<LEVELS])
  ) u_late (
      .clk,
      .address(LATE_WIDTH'({fold_late, reached_q})),
      .row(late_q)
  );

  always_ff @(posedge clk) begin
    slope_q <= slopes[LEVELS-1];
    rest_q <= ds[LEVELS-1] + (BITS'(slope_q) & {BITS{ds[LEVELS-1] < 0}});
    reached_q <= (LEVELS)'({found[LEVELS-1], ds[LEVELS-1] >= 0});
    met_q <= (rest_q >>> FRACTION) == 0;
    reached_qq <= reached_q;
    code_q <= OFFSET + (beyond ? LEVELS'(COUNT) : reached_qq - LEVELS'(late_q && met_q));
  end

  delay #(
      .WIDTH(LEVELS),
      .CYCLES(SPARE)
  ) u_spare (
      .clk,
      .data(code_q),
      .delayed(code)
  );

endmodule
