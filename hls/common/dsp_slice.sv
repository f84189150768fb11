// One link of a chain of DSP slices: a product behind a subtraction, added to the sum of the links before.
//
//   sum(t) = (d - a) * b (t - L) + (FIRST ? START : sum_in(t - P_REG)),   L = IN_REG + 2 + P_REG
//
// d and a have D_BITS, b has 18, all two's complement; d - a must fit D_BITS. D_BITS = 25 is a DSP48E1, 27 a
// DSP48E2 (AMD UG479, UG579). With P_REG = 0 the sum goes on within the cycle. sum and sum_in are the wires of
// the cascade, except that the sum of the LAST link comes out.
//
// Synthesis sees the primitive with every parameter given, as place-and-route tools differ in their defaults;
// simulation sees what it computes. CARRYCASCIN and MULTSIGNIN stay open: they are wired in silicon, and no
// constant can be routed to them.
module dsp_slice #(
    parameter int D_BITS = 25,
    parameter int IN_REG = 1,
    parameter int P_REG = 1,
    parameter int FIRST = 1,
    parameter int LAST = 1,
    parameter logic [47:0] START = '0
) (
    input  logic              clk,
    input  logic [D_BITS-1:0] d,
    input  logic [D_BITS-1:0] a,
    input  logic [      17:0] b,
    input  logic [      47:0] sum_in,
    output logic [      47:0] sum
);

`ifdef SYNTHESIS
  logic [47:0] p, pcout;
  assign sum = (LAST != 0) ? p : pcout;

  if (D_BITS == 25) begin : gen_dsp48e1
    DSP48E1 #(
        .A_INPUT("DIRECT"),
        .B_INPUT("DIRECT"),
        .USE_DPORT("TRUE"),
        .USE_MULT("MULTIPLY"),
        .USE_SIMD("ONE48"),
        .USE_PATTERN_DETECT("NO_PATDET"),
        .AUTORESET_PATDET("NO_RESET"),
        .SEL_MASK("MASK"),
        .SEL_PATTERN("PATTERN"),
        .MASK(48'h3FFF_FFFF_FFFF),
        .PATTERN(48'h0),
        .AREG(IN_REG),
        .ACASCREG(IN_REG),
        .DREG(IN_REG),
        .ADREG(1),
        .BREG(1 + IN_REG),
        .BCASCREG(1 + IN_REG),
        .CREG(0),
        .MREG(1),
        .PREG(P_REG),
        .INMODEREG(0),
        .OPMODEREG(0),
        .ALUMODEREG(0),
        .CARRYINREG(0),
        .CARRYINSELREG(0)
    ) u_dsp (
        .CLK(clk),
        .A({{5{a[24]}}, a}),
        .B(b),
        .C((FIRST != 0) ? START : 48'h0),
        .D(d),
        .PCIN((FIRST != 0) ? 48'h0 : sum_in),
        .P(p),
        .PCOUT(pcout),
        .INMODE(5'b01100),  // D - A2, B2
        .OPMODE((FIRST != 0) ? 7'b0110101 : 7'b0010101),  // M + C or M + PCIN
        .ALUMODE(4'b0000),
        .CARRYIN(1'b0),
        .CARRYINSEL(3'b000),
        .ACIN(30'h0),
        .BCIN(18'h0),
        .CEA1(1'b0),
        .CEA2(1'b1),
        .CEAD(1'b1),
        .CEALUMODE(1'b0),
        .CEB1(1'b1),
        .CEB2(1'b1),
        .CEC(1'b0),
        .CECARRYIN(1'b0),
        .CECTRL(1'b0),
        .CED(1'b1),
        .CEINMODE(1'b0),
        .CEM(1'b1),
        .CEP(1'b1),
        .RSTA(1'b0),
        .RSTALLCARRYIN(1'b0),
        .RSTALUMODE(1'b0),
        .RSTB(1'b0),
        .RSTC(1'b0),
        .RSTCTRL(1'b0),
        .RSTD(1'b0),
        .RSTINMODE(1'b0),
        .RSTM(1'b0),
        .RSTP(1'b0)
    );
  end else if (D_BITS == 27) begin : gen_dsp48e2
    DSP48E2 #(
        .A_INPUT("DIRECT"),
        .B_INPUT("DIRECT"),
        .AMULTSEL("AD"),
        .BMULTSEL("B"),
        .PREADDINSEL("A"),
        .USE_MULT("MULTIPLY"),
        .USE_SIMD("ONE48"),
        .USE_WIDEXOR("FALSE"),
        .USE_PATTERN_DETECT("NO_PATDET"),
        .AUTORESET_PATDET("NO_RESET"),
        .SEL_MASK("MASK"),
        .SEL_PATTERN("PATTERN"),
        .MASK(48'h3FFF_FFFF_FFFF),
        .PATTERN(48'h0),
        .AREG(IN_REG),
        .ACASCREG(IN_REG),
        .DREG(IN_REG),
        .ADREG(1),
        .BREG(1 + IN_REG),
        .BCASCREG(1 + IN_REG),
        .CREG(0),
        .MREG(1),
        .PREG(P_REG),
        .INMODEREG(0),
        .OPMODEREG(0),
        .ALUMODEREG(0),
        .CARRYINREG(0),
        .CARRYINSELREG(0)
    ) u_dsp (
        .CLK(clk),
        .A({{3{a[26]}}, a}),
        .B(b),
        .C((FIRST != 0) ? START : 48'h0),
        .D(d),
        .PCIN((FIRST != 0) ? 48'h0 : sum_in),
        .P(p),
        .PCOUT(pcout),
        .INMODE(5'b01100),  // D - A2, B2
        .OPMODE((FIRST != 0) ? 9'b000110101 : 9'b000010101),  // M + C or M + PCIN
        .ALUMODE(4'b0000),
        .CARRYIN(1'b0),
        .CARRYINSEL(3'b000),
        .ACIN(30'h0),
        .BCIN(18'h0),
        .CEA1(1'b0),
        .CEA2(1'b1),
        .CEAD(1'b1),
        .CEALUMODE(1'b0),
        .CEB1(1'b1),
        .CEB2(1'b1),
        .CEC(1'b0),
        .CECARRYIN(1'b0),
        .CECTRL(1'b0),
        .CED(1'b1),
        .CEINMODE(1'b0),
        .CEM(1'b1),
        .CEP(1'b1),
        .RSTA(1'b0),
        .RSTALLCARRYIN(1'b0),
        .RSTALUMODE(1'b0),
        .RSTB(1'b0),
        .RSTC(1'b0),
        .RSTCTRL(1'b0),
        .RSTD(1'b0),
        .RSTINMODE(1'b0),
        .RSTM(1'b0),
        .RSTP(1'b0)
    );
  end else begin : gen_illegal
    $error("dsp_slice: D_BITS must be 25 or 27");
  end
`else
  logic [D_BITS-1:0] d_in, a_in;
  logic [17:0] b_in;
  logic signed [D_BITS-1:0] difference_q;
  logic signed [17:0] factor_q;
  logic signed [D_BITS+17:0] product_q;
  logic [47:0] total;

  if (IN_REG != 0) begin : gen_registered
    always_ff @(posedge clk) begin
      d_in <= d;
      a_in <= a;
      b_in <= b;
    end
  end else begin : gen_direct
    assign d_in = d;
    assign a_in = a;
    assign b_in = b;
  end

  always_ff @(posedge clk) begin
    difference_q <= d_in - a_in;
    factor_q <= b_in;
    product_q <= difference_q * factor_q;
  end

  assign total = ((FIRST != 0) ? START : sum_in) + 48'(product_q);

  if (P_REG != 0) begin : gen_sum_registered
    always_ff @(posedge clk) sum <= total;
  end else begin : gen_sum_direct
    assign sum = total;
  end
`endif

endmodule
