# OpenSTA: slowest path and power of the netlist of @top@.
read_liberty $::env(LIBERTY)
read_verilog @top@.gates.v
# Memories have no cell in the library: they become black boxes.
link_design @top@
read_sdc @top@.sdc
report_checks -path_delay max
# Without the switching of real data (`thresher power @top@` has it): every net changes once in ten cycles.
set_power_activity -global -activity 0.1 -duty 0.5
report_power
