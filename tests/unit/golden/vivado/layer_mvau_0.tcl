# levada: mvau_0 of mlp by itself, for xc7z020clg400-1.
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
  weight_rom.sv \
  mvau.sv \
  mvau_0.sv \
]
read_xdc -mode out_of_context layer.xdc
synth_design -top mvau_0 -part xc7z020clg400-1 -include_dirs . -mode out_of_context
cd ..
write_checkpoint -force layer_mvau_0.dcp
