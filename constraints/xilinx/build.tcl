# Synthesis, place and route of @top@ in Vivado's non-project mode, out of context, or of the top with four pins:
#   vivado -mode batch -source @top@.tcl -tclargs xc7k325tffg900-2
#   vivado -mode batch -source @top@.tcl -tclargs xc7k325tffg900-2 standalone
set part [expr {$argc > 0 ? [lindex $argv 0] : "xc7k325tffg900-2"}]
set folder [file dirname [file normalize [info script]]]

read_verilog [file join $folder @top@.v]
if {$argc > 1 && [lindex $argv 1] eq "standalone"} {
  set top @top@_standalone
  read_verilog [file join $folder @top@_standalone.v]
  read_xdc [file join $folder @top@_standalone.xdc]
  synth_design -top $top -part $part
} else {
  set top @top@
  read_xdc -mode out_of_context [file join $folder @top@.xdc]
  synth_design -top $top -part $part -mode out_of_context
}
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -file [file join $folder $top.utilization.txt]
report_timing_summary -file [file join $folder $top.timing.txt]
write_checkpoint -force [file join $folder $top.dcp]
