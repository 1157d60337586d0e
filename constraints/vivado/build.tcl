# Synthesis, place and route of @top@_ip in Vivado's non-project mode, out of context:
#   vivado -mode batch -source @top@.tcl -tclargs @part@
set part [expr {$argc > 0 ? [lindex $argv 0] : "@part@"}]
set folder [file dirname [file normalize [info script]]]

read_verilog [list [file join $folder @top@.v] [file join $folder @top@_ip.v]]
read_xdc -mode out_of_context [file join $folder @top@.xdc]
synth_design -top @top@_ip -part $part -mode out_of_context
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -file [file join $folder @top@_ip.utilization.txt]
report_timing_summary -file [file join $folder @top@_ip.timing.txt]
write_checkpoint -force [file join $folder @top@_ip.dcp]
