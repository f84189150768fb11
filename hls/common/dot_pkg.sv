// What dot products have in common: how one is coded, and how long it takes.
package dot_pkg;

  // 1-bit weights and inputs: XNOR and popcount.
  localparam int POPCOUNT = 0;
  // A bipolar operand selects: x or ~x for weights, w or 0 for inputs.
  localparam int SELECT = 1;
  // Products of up to 6 bits of operands: one LUT a product bit.
  localparam int TABLE = 2;
  // Wider ones: a tree for each weight bit, then a tree over the shifted sums.
  localparam int PLANES = 3;
  // Inputs of 3 or 4 bits: products with each two bits of a weight as in TABLE, a tree for each such digit, then a
  // tree over the shifted sums.
  localparam int DIGITS = 4;

  function automatic int coding(input int w_bits, input int w_bipolar, input int a_bits, input int a_bipolar);
    if (w_bipolar != 0 && a_bipolar != 0) coding = POPCOUNT;
    else if (w_bipolar != 0 || a_bipolar != 0) coding = SELECT;
    else if (w_bits + a_bits <= 6) coding = TABLE;
    else if (w_bits % 2 == 0 && (a_bits == 3 || a_bits == 4)) coding = DIGITS;
    else coding = PLANES;
  endfunction

  // Cycles from operands to result.
  function automatic int latency(input int style, input int simd, input int w_bits);
    int tree;
    tree = $clog2(simd);
    case (style)
      POPCOUNT: latency = 3 + $clog2((simd + 17) / 18);
      SELECT: latency = (tree > 0) ? tree : 1;
      TABLE: latency = 1 + tree;
      DIGITS: latency = 1 + tree + $clog2(w_bits / 2);
      default: latency = ((tree > 0) ? tree : 1) + $clog2(w_bits);
    endcase
  endfunction

  // Bits of the signed result.
  function automatic int bits(input int style, input int simd, input int w_bits, input int w_bipolar,
                              input int a_bits, input int a_signed);
    case (style)
      POPCOUNT: bits = $clog2(simd + 1) + 1;
      // Unsigned terms need a sign bit on top.
      SELECT: bits = $clog2(simd) + ((w_bipolar == 0) ? w_bits : (a_signed != 0) ? a_bits : a_bits + 1);
      default: bits = w_bits + a_bits + $clog2(simd);
    endcase
  endfunction

endpackage
