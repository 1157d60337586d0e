# Vivado's commands as stubs that only write down how they were called, a line each, to be read by tests/gen/vivado.py:
#   tclsh vivado_stubs.tcl SCRIPT LOG ARGUMENTS...
set script [lindex $argv 0]
set log [open [lindex $argv 1] w]
set argv [lrange $argv 2 end]
set argc [llength $argv]

# What is no command of Tcl and no stub below is an error, and never a program of the system.
proc unknown {name args} { error "invalid command name \"$name\"" }

proc note {arguments} {
  puts $::log [string map {"\n" " "} [join $arguments "\x1f"]]
  flush $::log
}

proc stub {names {result {return ""}}} {
  foreach name $names {
    proc $name args "note \[list $name {*}\$args\]\n$result"
  }
}

namespace eval ipx {}
stub {create_project close_project add_files set_property update_compile_order update_ip_catalog read_verilog read_xdc
  synth_design opt_design place_design phys_opt_design route_design report_utilization report_timing_summary
  write_checkpoint create_bd_design apply_bd_automation connect_bd_net connect_bd_intf_net assign_bd_address
  validate_bd_design save_bd_design make_wrapper get_bd_addr_segs get_bd_addr_spaces create_clock set_input_delay
  set_output_delay set_false_path ipx::package_project ipx::create_xgui_files ipx::update_checksums ipx::check_integrity
  ipx::save_core ipx::get_memory_maps ipx::get_address_blocks}
# Objects are the names that they were asked for by.
stub {current_project current_fileset ipx::current_core} {return object}
stub {get_files get_bd_cells get_bd_pins get_bd_intf_pins get_ports ipx::get_bus_interfaces ipx::add_memory_map
  ipx::add_address_block ipx::add_register ipx::add_field ipx::add_register_parameter} {return [lindex $args 0]}
stub create_bd_cell {return [lindex $args end]}
stub get_ipdefs {return [list [string map {* 1.9} [lindex $args 0]] [string map {* 1.10} [lindex $args 0]]]}

source $script
