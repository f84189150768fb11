// Named assertions, checked in simulation where LEVADA_ASSERTIONS is defined and absent elsewhere.
`ifndef LEVADA_ASSERT_SVH
`define LEVADA_ASSERT_SVH

`ifdef LEVADA_ASSERTIONS
`define LEVADA_ASSERT(NAME, CONDITION) \
  always_ff @(posedge clk) begin : NAME \
    if (rst_n) begin \
      assert (CONDITION); \
    end \
  end
`else
`define LEVADA_ASSERT(NAME, CONDITION)
`endif

`endif
