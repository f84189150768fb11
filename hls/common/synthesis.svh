// Wishes to synthesis, in the words of each tool.
//
// `LEVADA_LUT_ROM(DECLARATION) declares a memory that is only read: LUTs instead of block RAM (in Yosys LUT
// RAM has a write port, so a read-only memory is logic).
// `LEVADA_MAP_APART before an instance: map it by itself. Of equal twins only one is mapped then, and a large
// memory in LUTs does not lose its shape among the logic around it, which can cost four times its LUTs. Other
// tools do not need the hint.
`ifndef LEVADA_SYNTHESIS_SVH
`define LEVADA_SYNTHESIS_SVH

`ifdef YOSYS
`define LEVADA_LUT_ROM(DECLARATION) (* logic_block *) DECLARATION;
`define LEVADA_MAP_APART (* keep_hierarchy *)
`else
`define LEVADA_LUT_ROM(DECLARATION) (* rom_style = "distributed" *) DECLARATION;
`define LEVADA_MAP_APART
`endif

`endif
