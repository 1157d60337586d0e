# @top@_ip out of context: of the package, and of the script @top@.tcl.
create_clock -name aclk -period @period@ [get_ports aclk]
# The AXI neighbours are on the same clock; half of a period is theirs.
set_input_delay  -clock aclk @half_period@ [get_ports -filter {DIRECTION == IN && NAME != aclk}]
set_output_delay -clock aclk @half_period@ [get_ports -filter {DIRECTION == OUT}]
