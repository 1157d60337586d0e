# @top@ on Xilinx 7 series and later, out of context.
create_clock -name clk -period @period@ [get_ports clk]
# The AXI neighbours are on the same clock; half of a period is theirs.
set_input_delay  -clock clk @half_period@ [get_ports -filter {DIRECTION == IN && NAME != clk}]
set_output_delay -clock clk @half_period@ [get_ports -filter {DIRECTION == OUT}]
