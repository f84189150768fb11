# levada: mvau_1 of mlp through Vitis HLS, for xc7z020clg400-1 at 100 MHz.
# Ends with an error where the C++ or the hardware made of it gives other integers than the golden ones.
set flags "-std=c++17 -I[file normalize ../include] -I[file normalize .]"
open_project -reset project
set_top mvau_1
add_files mvau_1.cpp -cflags $flags
add_files -tb ../bench.cpp -cflags $flags
add_files -tb golden.dat
open_solution -reset -flow_target vivado solution
set_part xc7z020clg400-1
create_clock -period 10.000 -name clk

csim_design
csynth_design
file copy -force project/solution/syn/report/mvau_1_csynth.xml csynth.xml
cosim_design -rtl verilog
file copy -force project/solution/sim/report/mvau_1_cosim.rpt cosim.rpt
export_design -rtl verilog -format ip_catalog -output [file normalize ip.zip]
exit
