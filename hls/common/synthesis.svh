// Wishes to synthesis, in the words of each tool.
//
// `LEVADA_LUT_ROM(DECLARATION) declares a memory that is only read: LUTs instead of block RAM (in Yosys LUT
// RAM has a write port, so a read-only memory is logic).
// `LEVADA_MAP_ONCE before an instance that has many equal twins: map it once and use the result for all. Other
// tools do not need the hint.
`ifndef LEVADA_SYNTHESIS_SVH
`define LEVADA_SYNTHESIS_SVH

`ifdef YOSYS
`define LEVADA_LUT_ROM(DECLARATION) (* logic_block *) DECLARATION;
`define LEVADA_MAP_ONCE (* keep_hierarchy *)
`else
`define LEVADA_LUT_ROM(DECLARATION) (* rom_style = "distributed" *) DECLARATION;
`define LEVADA_MAP_ONCE
`endif

`endif
