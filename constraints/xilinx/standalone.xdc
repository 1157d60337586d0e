# @top@_standalone on Xilinx 7 series and later: the pins mean nothing, only the clock is constrained.
create_clock -name clk -period @period@ [get_ports clk]
set_false_path -from [get_ports {rst serial_i}]
set_false_path -to [get_ports serial_o]
