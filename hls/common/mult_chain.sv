// LENGTH multipliers without pre-adder or cascade: the packed products of dot_dsp, added up in LUTs.
//
//   sum(t + LATENCY) = START + sum over i of (sum over n of w[n][i] << n*PIXELS*PITCH)
//                                          * (sum over j of a[j][i] << j*PITCH)   mod 2^(LANES*PIXELS*PITCH),
//   LATENCY = 2 + clog2(CASCADE + 1)
//
// w and a are laid out as in dsp_chain. One adder adds the products of all lanes at once, since the sum over a
// chain keeps to its lanes. A chain shorter than CASCADE has a tree as deep.
module mult_chain #(
    parameter int LENGTH = 4,
    parameter int CASCADE = 4,
    parameter int LANES = 2,
    parameter int PIXELS = 1,
    parameter int PITCH = 14,
    parameter int W_BITS = 4,
    parameter int W_BIPOLAR = 0,
    parameter int A_BITS = 4,
    parameter int A_SIGNED = 0,
    parameter logic [47:0] START = '0
) (
    input  logic                            clk,
    input  logic [ LANES*LENGTH*W_BITS-1:0] w,
    input  logic [PIXELS*LENGTH*A_BITS-1:0] a,
    output logic [                    47:0] sum
);

  localparam int BITS = LANES * PIXELS * PITCH;
  localparam int TREE_BITS = BITS + $clog2(CASCADE + 1);
  // A packed weight: -1 and 1 take two bits, and every lane but the lowest one more for what the lanes below borrow.
  localparam int LANE_BITS = ((W_BIPOLAR != 0) ? 2 : W_BITS) + 1;

  logic [(CASCADE+1)*BITS-1:0] terms;
  logic [TREE_BITS-1:0] total;
  assign terms[CASCADE*BITS+:BITS] = BITS'(START);

  for (genvar k = 0; k < CASCADE; k = k + 1) begin : gen_term
    if (k < LENGTH) begin : gen_slice
      logic [LANES*LANE_BITS-1:0] digits;
      logic [17:0] x, factor;
      logic [35:0] product;
      logic [PIXELS*A_BITS-1:0] inputs;

      for (genvar n = 0; n < LANES; n = n + 1) begin : gen_lane
        localparam int AT = n * PIXELS * PITCH;
        localparam int SPAN = (n == LANES - 1) ? 18 - AT : PIXELS * PITCH;
        logic [LANE_BITS-1:0] weight, below;
        if (W_BIPOLAR != 0) begin : gen_bipolar  // 2w - 1
          assign weight = {{2{!w[n*LENGTH+k]}}, 1'b1};
        end else begin : gen_signed
          assign weight = LANE_BITS'($signed(w[(n*LENGTH+k)*W_BITS+:W_BITS]));
        end
        if (n > 0) begin : gen_upper
          assign below = {LANE_BITS{digits[n*LANE_BITS-1]}};  // -1 where the lanes below are negative
        end else begin : gen_lowest
          assign below = '0;
        end
        assign digits[n*LANE_BITS+:LANE_BITS] = weight + below;
        // Each lane's sign fills the bits up to the next lane.
        assign x[AT+:SPAN] = SPAN'($signed(digits[n*LANE_BITS+:LANE_BITS]));
      end
      for (genvar j = 0; j < PIXELS; j = j + 1) begin : gen_input
        assign inputs[j*A_BITS+:A_BITS] = a[(j*LENGTH+k)*A_BITS+:A_BITS];
      end

      packed_inputs #(
          .PIXELS(PIXELS),
          .PITCH(PITCH),
          .A_BITS(A_BITS),
          .A_SIGNED(A_SIGNED)
      ) u_factor (
          .a(inputs),
          .factor
      );
      mult_slice u_slice (
          .clk,
          .x,
          .b(factor),
          .product
      );
      assign terms[k*BITS+:BITS] = BITS'(product);
    end else begin : gen_none
      assign terms[k*BITS+:BITS] = '0;
    end
  end

  adder_tree #(
      .N(CASCADE + 1),
      .WIDTH(BITS)
  ) u_tree (
      .clk,
      .terms,
      .sum(total)
  );
  assign sum = 48'(BITS'(total));

endmodule
