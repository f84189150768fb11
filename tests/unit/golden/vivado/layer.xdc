# levada: the clock of a layer of mlp that is synthesized by itself.
create_clock -name clk -period 7.000 [get_ports clk]
