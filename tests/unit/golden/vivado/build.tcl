# levada: the bitstream of mlp for xc7z020clg400-1 at 142.857 MHz.
#   vivado -mode batch -source build.tcl
# Ends with an error, and without a bitstream, where the design misses its clock.
if {![regexp {^\d+\.\d+} [version -short] release]
    || [package vcompare $release 2022.2] < 0 || [package vcompare $release 2026.1] >= 0} {
  puts "levada: Vivado [version -short] is not known to this script; use 2022.2 or later, before 2026.1"
  exit 3
}

# A memory image that is not found leaves its memory empty, which Vivado takes for a warning.
set_msg_config -id {Synth 8-4445} -new_severity ERROR

# Memory images are looked up where Vivado runs.
cd rtl
read_verilog -sv [list \
  fifo.sv \
  credit_fifo.sv \
  param_pkg.sv \
  setting_register.sv \
  delay.sv \
  rom_bank.sv \
  packed_rom.sv \
  threshold_pkg.sv \
  threshold_line.sv \
  param_memory.sv \
  threshold_search.sv \
  threshold_lane.sv \
  activation.sv \
  adder_tree.sv \
  sorted_merge.sv \
  argmax.sv \
  burst_command.sv \
  axi_read.sv \
  axi_regs.sv \
  axi_write.sv \
  control.sv \
  count_equal.sv \
  count_ones.sv \
  dsp_pkg.sv \
  dsp_slice.sv \
  packed_inputs.sv \
  dsp_chain.sv \
  mult_slice.sv \
  mult_chain.sv \
  dot_dsp.sv \
  dot_pkg.sv \
  dot_sum.sv \
  popcount.sv \
  product_table.sv \
  shifted_sum.sv \
  dot_lut.sv \
  dot_lanes.sv \
  dwc.sv \
  engine_regs.sv \
  extend.sv \
  frame_gearbox.sv \
  weight_rom.sv \
  mvau.sv \
  stream_counter.sv \
  thresholding.sv \
  unrolled.sv \
  argmax_0.sv \
  chip.sv \
  dwc_argmax_0.sv \
  dwc_mvau_1.sv \
  dwc_mvau_2.sv \
  dwc_thresholding_0.sv \
  mvau_0_stub.sv \
  mvau_1_stub.sv \
  mvau_2_stub.sv \
  mvau_2_sums.sv \
  shell.sv \
  thresholding_0.sv \
  accelerator.sv \
]
read_xdc shell.xdc
synth_design -top shell -part xc7z020clg400-1 -include_dirs .
cd ..
read_checkpoint -cell u_chip/u_accelerator/u_mvau_0 layer_mvau_0.dcp
read_checkpoint -cell u_chip/u_accelerator/u_mvau_1 layer_mvau_1.dcp
read_checkpoint -cell u_chip/u_accelerator/u_mvau_2 layer_mvau_2.dcp

opt_design
place_design
phys_opt_design
route_design

report_utilization -file utilization.rpt
report_utilization -hierarchical -file hierarchy.rpt
report_timing_summary -file timing.rpt
report_power -file power.rpt
write_checkpoint -force routed.dcp

# require KIND DELAY: ends the run where the worst path of this kind of delay is too slow (max) or too fast (min).
proc require {kind delay} {
  set path [lindex [get_timing_paths -delay_type $delay -max_paths 1 -nworst 1] 0]
  if {$path eq ""} {
    puts "levada: no path has a $kind time; the clock has no register"
    exit 1
  }
  set slack [get_property SLACK $path]
  if {$slack < 0} {
    report_timing -of_objects $path
    set from [get_property STARTPOINT_PIN $path]
    set to [get_property ENDPOINT_PIN $path]
    puts "levada: $kind slack $slack ns from $from to $to"
    exit 1
  }
}
require setup max
require hold min

write_bitstream -force accelerator.bit
