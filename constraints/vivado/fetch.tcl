
# Requests for rows reach the software word by word; the rows go out by a DMA of their own, a packet each.
add_cell requests xilinx.com:ip:axi_fifo_mm_s {
  CONFIG.C_USE_TX_DATA 0
  CONFIG.C_USE_TX_CTRL 0
  CONFIG.C_USE_RX_DATA 1
  CONFIG.C_RX_FIFO_DEPTH 512
}
add_cell rows xilinx.com:ip:axi_dma {
  CONFIG.c_include_sg 0
  CONFIG.c_sg_length_width 26
  CONFIG.c_include_mm2s 1
  CONFIG.c_include_s2mm 0
  CONFIG.c_m_axi_mm2s_data_width @bus_width@
  CONFIG.c_m_axis_mm2s_tdata_width @bus_width@
  CONFIG.c_mm2s_burst_size 16
}
connect_bd_intf_net [get_bd_intf_pins accelerator/m_axis_fetch] [get_bd_intf_pins requests/AXI_STR_RXD]
connect_bd_intf_net [get_bd_intf_pins rows/M_AXIS_MM2S] [get_bd_intf_pins accelerator/s_axis_fetch]
lappend masters rows/M_AXI_MM2S
lappend slaves requests/S_AXI rows/S_AXI_LITE
lappend interrupts requests/interrupt rows/mm2s_introut
lappend clocks requests/s_axi_aclk rows/s_axi_lite_aclk rows/m_axi_mm2s_aclk
lappend resets requests/s_axi_aresetn rows/axi_resetn
