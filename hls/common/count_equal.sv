// How many of N pairs of bits are equal, N = 1 ... 3: one LUT for each bit of the result.
(* keep_hierarchy *)
module count_equal #(
    parameter int N = 3
) (
    input  logic [N-1:0] w,
    input  logic [N-1:0] a,
    output logic [  1:0] equal
);

  function automatic logic [(1<<2*N)-1:0] truth_table(input int bit_index);
    int count;
    truth_table = '0;
    for (int i = 0; i < (1 << 2 * N); i = i + 1) begin
      count = 0;
      for (int j = 0; j < N; j = j + 1) count = count + 1 - (((i >> j) ^ (i >> (N + j))) & 1);
      truth_table[i] = 1'((count >> bit_index) & 1);
    end
  endfunction

  localparam logic [(1<<2*N)-1:0] TABLE0 = truth_table(0);
  localparam logic [(1<<2*N)-1:0] TABLE1 = truth_table(1);

  assign equal = {TABLE1[{w, a}], TABLE0[{w, a}]};

endmodule
