# OpenSTA: slowest path and power of the netlist of @top@.
read_liberty $::env(LIBERTY)
read_verilog @top@.gates.v
link_design @top@
read_sdc @top@.sdc
report_checks -path_delay max
report_power
