// A memory of DEPTH beats of WIDTH bits, in block RAM if BLOCK, else in LUTs: `beat` is the one at
// read_address in the cycle before. What is read while it is being written is undefined.
module beat_memory #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 12,
    parameter int BLOCK = 0,
    parameter int ADDR_WIDTH = (DEPTH > 1) ? $clog2(DEPTH) : 1
) (
    input  logic                  clk,
    input  logic                  write,
    input  logic [ADDR_WIDTH-1:0] write_address,
    input  logic [     WIDTH-1:0] data,
    input  logic [ADDR_WIDTH-1:0] read_address,
    output logic [     WIDTH-1:0] beat
);

  logic [WIDTH-1:0] beat_q;
  assign beat = beat_q;

  if (BLOCK != 0) begin : gen_block
    (* ram_style = "block", no_rw_check *) logic [WIDTH-1:0] beats[0:DEPTH-1];
    always_ff @(posedge clk) begin
      if (write) beats[write_address] <= data;
      beat_q <= beats[read_address];
    end
  end else begin : gen_lut
    (* ram_style = "distributed" *) logic [WIDTH-1:0] beats[0:DEPTH-1];
    always_ff @(posedge clk) begin
      if (write) beats[write_address] <= data;
      beat_q <= beats[read_address];
    end
  end

endmodule
