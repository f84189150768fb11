"""Everything that renders text: generated SystemVerilog, C++ and scripts. Deterministic, no timestamps."""
