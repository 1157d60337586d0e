# @top@ as an ASIC block; times in nanoseconds.
create_clock -name clk -period @period@ [get_ports clk]
# A fifth of the period at each side belongs to the neighbours.
set_input_delay @fifth_period@ -clock clk [all_inputs]
set_output_delay @fifth_period@ -clock clk [all_outputs]
# The layout builds a tree for the reset; in the netlist it is one wire to every flip-flop.
set_false_path -from [get_ports rst]
set_input_transition 0.1 [all_inputs]
