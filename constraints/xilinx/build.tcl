# Synthesis, place and route of @top@ in Vivado's non-project mode, out of context:
#   vivado -mode batch -source @top@.tcl -tclargs xc7k325tffg900-2
set part [expr {$argc > 0 ? [lindex $argv 0] : "xc7k325tffg900-2"}]
set folder [file dirname [file normalize [info script]]]

read_verilog [file join $folder @top@.v]
read_xdc -mode out_of_context [file join $folder @top@.xdc]
synth_design -top @top@ -part $part -mode out_of_context
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -file [file join $folder @top@.utilization.txt]
report_timing_summary -file [file join $folder @top@.timing.txt]
write_checkpoint -force [file join $folder @top@.dcp]
