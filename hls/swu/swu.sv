// Sliding window unit: the OH x OW windows of an H x W x C image, one after the other.
//
//   y[oh][ow][i][k][c] = x[oh*SH - TOP + i*DH][ow*SW - LEFT + k*DW][c], or FILL outside the image
//
// Beats are row-major, channels last, element e at bits [e*BITS +: BITS]. PARALLEL = 0 takes and gives SIMD
// channels a cycle (swu_serial); PARALLEL = 1 takes MMV pixels a cycle and gives MMV windows of
// SIMD = KH*KW*C elements (swu_parallel). DEPTH and ROOM size the serial buffer, in pixels, and AHEAD = 1 is for
// fast clocks (swu_serial). BLOCK = 1 keeps pixels in block RAM, 0 in LUTs.
module swu #(
    parameter int H = 4,
    parameter int W = 4,
    parameter int C = 2,
    parameter int OH = 4,
    parameter int OW = 4,
    parameter int KH = 3,
    parameter int KW = 3,
    parameter int SH = 1,
    parameter int SW = 1,
    parameter int DH = 1,
    parameter int DW = 1,
    parameter int TOP = 1,
    parameter int LEFT = 1,
    parameter int BITS = 4,
    parameter int SIMD = 2,
    parameter int MMV = 1,
    parameter int PARALLEL = 0,
    parameter int DEPTH = 12,
    parameter int ROOM = DEPTH,
    parameter int BLOCK = 0,
    parameter int AHEAD = 0,
    parameter int SLOTS = 2,
    parameter logic [BITS-1:0] FILL = '0,
    parameter int IN_BITS = ((PARALLEL != 0) ? MMV * C : SIMD) * BITS,
    parameter int OUT_BITS = MMV * SIMD * BITS
) (
    input  logic                clk,
    input  logic                rst_n,
    input  logic [ IN_BITS-1:0] s_axis_tdata,
    input  logic                s_axis_tvalid,
    output logic                s_axis_tready,
    output logic [OUT_BITS-1:0] m_axis_tdata,
    output logic                m_axis_tvalid,
    input  logic                m_axis_tready
);

  if (PARALLEL != 0) begin : gen_parallel
    swu_parallel #(
        .H(H),
        .W(W),
        .OH(OH),
        .OW(OW),
        .KH(KH),
        .KW(KW),
        .SH(SH),
        .SW(SW),
        .DH(DH),
        .DW(DW),
        .TOP(TOP),
        .LEFT(LEFT),
        .PIXEL_BITS(C * BITS),
        .MMV(MMV),
        .BLOCK(BLOCK),
        .SLOTS(SLOTS),
        .FILL({C{FILL}})
    ) u_windows (
        .clk,
        .rst_n,
        .s_axis_tdata,
        .s_axis_tvalid,
        .s_axis_tready,
        .m_axis_tdata,
        .m_axis_tvalid,
        .m_axis_tready
    );
  end else begin : gen_serial
    swu_serial #(
        .H(H),
        .W(W),
        .CF(C / SIMD),
        .OH(OH),
        .OW(OW),
        .KH(KH),
        .KW(KW),
        .SH(SH),
        .SW(SW),
        .DH(DH),
        .DW(DW),
        .TOP(TOP),
        .LEFT(LEFT),
        .BEAT_BITS(SIMD * BITS),
        .DEPTH(DEPTH),
        .ROOM(ROOM),
        .BLOCK(BLOCK),
        .AHEAD(AHEAD),
        .SLOTS(SLOTS),
        .FILL({SIMD{FILL}})
    ) u_windows (
        .clk,
        .rst_n,
        .s_axis_tdata,
        .s_axis_tvalid,
        .s_axis_tready,
        .m_axis_tdata,
        .m_axis_tvalid,
        .m_axis_tready
    );
  end

endmodule
