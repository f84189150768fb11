// What is common to dot products in DSP slices: how chains of slices are cut into pipeline stages.
package dsp_pkg;

  // Slices whose sums pass each other within one clock cycle. A hop from PCIN to PCOUT takes 1.3 ns at the
  // fastest speed grade, so that two slices still reach the slice's own limit at a moderate clock, and each
  // further stage costs registers for the operands of all slices in it.
  localparam int STAGE = 2;

  function automatic int stages(input int slices);
    stages = (slices + STAGE - 1) / STAGE;
  endfunction

  // Chains of `cascade` slices for a dot product of `simd` elements; the last one may be shorter.
  function automatic int chains(input int simd, input int cascade);
    chains = (simd + cascade - 1) / cascade;
  endfunction

  // Bits of a MULT18X18D, which adds nothing to its product.
  localparam int MULT_BITS = 18;

  // Cycles from operands to result: pre-adder and multiplier, or the two registers of a multiplier alone; the
  // stages of a chain, or the tree over its products and its start; the tree over the chains.
  function automatic int latency(input int simd, input int cascade, input int d_bits);
    latency = 2 + $clog2(chains(simd, cascade)) +
        ((d_bits == MULT_BITS) ? $clog2(cascade + 1) : stages(cascade));
  endfunction

endpackage
