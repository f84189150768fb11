// Data width converter: beats of IN elements to beats of OUT elements, in order, for any IN and OUT.
//
// A step takes a beat if fewer than OUT elements are stored, and gives one if then at least OUT are. So a
// group of lcm(IN, OUT) elements takes lcm / min(IN, OUT) steps, without a bubble between groups. An output
// beat is valid one cycle after its step. Element 0 is in the least significant bits.
// s_axis_tready depends on m_axis_tready combinationally; both neighbours register theirs.
module dwc #(
    parameter int BITS = 8,
    parameter int IN = 2,
    parameter int OUT = 3
) (
    input  logic                clk,
    input  logic                rst_n,
    input  logic [ IN*BITS-1:0] s_axis_tdata,
    input  logic                s_axis_tvalid,
    output logic                s_axis_tready,
    output logic [OUT*BITS-1:0] m_axis_tdata,
    output logic                m_axis_tvalid,
    input  logic                m_axis_tready
);

  localparam int ALL = IN + OUT;  // bound on elements stored while a step runs
  localparam int COUNT_WIDTH = $clog2(ALL + 1);

  logic [COUNT_WIDTH-1:0] count_q, count_d;
  logic takes, gives, step;
  logic [OUT*BITS-1:0] out_q, out_d;
  logic valid_q;

  assign takes = count_q < COUNT_WIDTH'(OUT);
  assign gives = takes ? (count_q + COUNT_WIDTH'(IN) >= COUNT_WIDTH'(OUT)) : 1'b1;
  assign step = (s_axis_tvalid || !takes) && (m_axis_tready || !valid_q || !gives);
  assign s_axis_tready = takes && (m_axis_tready || !valid_q || !gives);
  assign count_d = count_q + (takes ? COUNT_WIDTH'(IN) : '0) - (gives ? COUNT_WIDTH'(OUT) : '0);
  assign m_axis_tdata = out_q;
  assign m_axis_tvalid = valid_q;

  always_ff @(posedge clk) begin
    if (!rst_n) begin
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (step) count_q <= count_d;
      if (step && gives) valid_q <= 1'b1;
      else if (m_axis_tready) valid_q <= 1'b0;
    end
    if (step && gives) out_q <= out_d;
  end

  if (IN == OUT) begin : gen_same
    assign out_d = s_axis_tdata;
  end else if (OUT % IN == 0) begin : gen_widen
    // The newest beat enters at the top, so that no beat needs a variable place.
    logic [(OUT-IN)*BITS-1:0] stored_q;
    assign out_d = {s_axis_tdata, stored_q};
    always_ff @(posedge clk) if (step) stored_q <= out_d[OUT*BITS-1:IN*BITS];
  end else if (IN % OUT == 0) begin : gen_narrow
    logic [(IN-OUT)*BITS-1:0] stored_q;
    assign out_d = takes ? s_axis_tdata[OUT*BITS-1:0] : stored_q[OUT*BITS-1:0];
    always_ff @(posedge clk)
      if (step)
        stored_q <= takes ? s_axis_tdata[IN*BITS-1:OUT*BITS] : stored_q >> (OUT * BITS);
  end else begin : gen_gearbox
    logic [ALL*BITS-1:0] stored_q, all, kept;
    assign all = takes ? stored_q | (ALL * BITS)'(s_axis_tdata) << (32'(count_q) * BITS) : stored_q;
    assign kept = gives ? all >> (OUT * BITS) : all;
    assign out_d = all[OUT*BITS-1:0];
    always_ff @(posedge clk) begin
      if (!rst_n) stored_q <= '0;
      else if (step) stored_q <= kept;
    end
  end

endmodule
