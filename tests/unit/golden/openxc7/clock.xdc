# levada: the clock of mlp.
create_clock -name clk -period 7.000 [get_nets clk]
