# A design around the packaged @top@_ip: Zynq-7000 processing system, AXI DMA, SmartConnect. After package_ip.tcl:
#   vivado -mode batch -source block_design.tcl -tclargs @part@ ?BOARD_PART?
# A board part brings the clocks, the pins and the memory of the processing system; without, they stay at their defaults.
set part [expr {$argc > 0 ? [lindex $argv 0] : "@part@"}]
set board [expr {$argc > 1 ? [lindex $argv 1] : ""}]
set folder [file dirname [file normalize [info script]]]
set ip [file join $folder ip]
if {![file isdirectory $ip]} {
  error "There is no packaged IP in $ip: run package_ip.tcl first."
}

create_project -force @top@_design [file join $folder @top@_design] -part $part
if {$board ne ""} {
  set_property board_part $board [current_project]
}
set_property ip_repo_paths $ip [current_project]
update_ip_catalog

# A cell of whatever version of an IP this Vivado has.
proc add_cell {name ip {properties {}}} {
  set definitions [lsort -dictionary [get_ipdefs $ip:*]]
  if {![llength $definitions]} {
    error "This Vivado has no IP $ip."
  }
  set cell [create_bd_cell -type ip -vlnv [lindex $definitions end] $name]
  if {[llength $properties]} {
    set_property -dict $properties $cell
  }
}

create_bd_design @top@_design

add_cell ps xilinx.com:ip:processing_system7
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 \
  -config [list make_external "FIXED_IO, DDR" apply_board_preset [expr {$board ne ""}] Master Disable Slave Disable] \
  [get_bd_cells ps]
set_property -dict {
  CONFIG.PCW_USE_M_AXI_GP0 1
  CONFIG.PCW_USE_S_AXI_HP0 1
  CONFIG.PCW_USE_FABRIC_INTERRUPT 1
  CONFIG.PCW_IRQ_F2P_INTR 1
  CONFIG.PCW_EN_CLK0_PORT 1
  CONFIG.PCW_EN_RST0_PORT 1
  CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ @frequency@
} [get_bd_cells ps]
add_cell reset xilinx.com:ip:proc_sys_reset
add_cell accelerator thresher:accelerator:@top@_ip

# Tasks from memory to the accelerator, results back; packets end with TLAST, so a transfer is one packet.
add_cell dma xilinx.com:ip:axi_dma {
  CONFIG.c_include_sg 0
  CONFIG.c_sg_length_width 26
  CONFIG.c_include_mm2s 1
  CONFIG.c_include_s2mm 1
  CONFIG.c_m_axi_mm2s_data_width @bus_width@
  CONFIG.c_m_axis_mm2s_tdata_width @bus_width@
  CONFIG.c_m_axi_s2mm_data_width @bus_width@
  CONFIG.c_mm2s_burst_size 16
  CONFIG.c_s2mm_burst_size 16
}
connect_bd_intf_net [get_bd_intf_pins dma/M_AXIS_MM2S] [get_bd_intf_pins accelerator/s_axis]
connect_bd_intf_net [get_bd_intf_pins accelerator/m_axis] [get_bd_intf_pins dma/S_AXIS_S2MM]
set masters {dma/M_AXI_MM2S dma/M_AXI_S2MM}
set slaves {accelerator/s_axi dma/S_AXI_LITE}
set interrupts {accelerator/interrupt dma/mm2s_introut dma/s2mm_introut}
set clocks {ps/M_AXI_GP0_ACLK ps/S_AXI_HP0_ACLK reset/slowest_sync_clk accelerator/aclk
  dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk}
set resets {accelerator/aresetn dma/axi_resetn}
@fetch@
add_cell control xilinx.com:ip:smartconnect [list CONFIG.NUM_SI 1 CONFIG.NUM_MI [llength $slaves]]
add_cell memory xilinx.com:ip:smartconnect [list CONFIG.NUM_SI [llength $masters] CONFIG.NUM_MI 1]
lappend clocks control/aclk memory/aclk
lappend resets control/aresetn memory/aresetn
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins control/S00_AXI]
for {set n 0} {$n < [llength $slaves]} {incr n} {
  connect_bd_intf_net [get_bd_intf_pins control/[format M%02d_AXI $n]] [get_bd_intf_pins [lindex $slaves $n]]
}
for {set n 0} {$n < [llength $masters]} {incr n} {
  connect_bd_intf_net [get_bd_intf_pins [lindex $masters $n]] [get_bd_intf_pins memory/[format S%02d_AXI $n]]
}
connect_bd_intf_net [get_bd_intf_pins memory/M00_AXI] [get_bd_intf_pins ps/S_AXI_HP0]

add_cell interrupts xilinx.com:ip:xlconcat [list CONFIG.NUM_PORTS [llength $interrupts]]
for {set n 0} {$n < [llength $interrupts]} {incr n} {
  connect_bd_net [get_bd_pins [lindex $interrupts $n]] [get_bd_pins interrupts/In$n]
}
connect_bd_net [get_bd_pins interrupts/dout] [get_bd_pins ps/IRQ_F2P]

foreach clock $clocks {
  connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins $clock]
}
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
foreach reset $resets {
  connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $reset]
}

assign_bd_address
validate_bd_design
save_bd_design
make_wrapper -files [get_files @top@_design.bd] -top -import
puts "Addresses of the registers:"
foreach segment [get_bd_addr_segs -of_objects [get_bd_addr_spaces ps/Data]] {
  puts "  $segment [get_property OFFSET $segment]"
}
