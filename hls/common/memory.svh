// Where a table of constants lives, in the words of each synthesis tool: `LEVADA_LUT_ROM before a memory
// that is only read asks for LUTs instead of block RAM. Yosys has no LUT RAM without a write port.
`ifndef LEVADA_MEMORY_SVH
`define LEVADA_MEMORY_SVH

`ifdef YOSYS
`define LEVADA_LUT_ROM (* logic_block *)
`else
`define LEVADA_LUT_ROM (* rom_style = "distributed" *)
`endif

`endif
