// Number of ones among N bits, N = 1 ... 6: one LUT for each bit of the result.
(* keep_hierarchy *)
module count_ones #(
    parameter int N = 6
) (
    input  logic [N-1:0] bits,
    output logic [  2:0] ones
);

  function automatic logic [(1<<N)-1:0] truth_table(input int bit_index);
    int count;
    truth_table = '0;
    for (int i = 0; i < (1 << N); i = i + 1) begin
      count = 0;
      for (int j = 0; j < N; j = j + 1) count = count + ((i >> j) & 1);
      truth_table[i] = 1'((count >> bit_index) & 1);
    end
  endfunction

  localparam logic [(1<<N)-1:0] TABLE0 = truth_table(0);
  localparam logic [(1<<N)-1:0] TABLE1 = truth_table(1);
  localparam logic [(1<<N)-1:0] TABLE2 = truth_table(2);

  assign ones = {TABLE2[bits], TABLE1[bits], TABLE0[bits]};

endmodule
