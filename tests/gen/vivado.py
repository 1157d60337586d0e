"""What an emitted script would do in Vivado: it is run by Tcl with stubs, and what it builds is checked."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STUBS = Path(__file__).with_name("vivado_stubs.tcl")
PYTHON_TCL = ("import sys, tkinter; tcl = tkinter.Tcl(); tcl.setvar('argv', tcl.call('list', *sys.argv[2:])); "
              "tcl.call('source', sys.argv[1])")
PORT = re.compile(r'\(\* X_INTERFACE_INFO = "([^"]*)" \*\)\s*(?:\(\* X_INTERFACE_PARAMETER = "([^"]*)" \*\)\s*)?'
                  r"(input|output) wire (?:\[(\d+):0\] )?(\w+)")


def run_script(script, log, *arguments):
    """Calls of Vivado's commands by a script: lists of the name and the arguments."""
    try:
        import tkinter  # noqa: F401
        command = [sys.executable, "-c", PYTHON_TCL]
    except ImportError:
        if shutil.which("tclsh") is None:
            pytest.skip("needs Tcl: python3-tk or tclsh")
        command = ["tclsh"]
    done = subprocess.run([*command, STUBS, script, log, *arguments], capture_output=True, text=True, check=False)
    calls = [line.split("\x1f") for line in Path(log).read_text().splitlines()]
    return calls, "" if done.returncode == 0 else done.stderr


def wrapper_ports(verilog):
    """Ports of a packaged top: name -> (direction, width, interface description, parameters as a dict)."""
    return {name: (direction, int(high or 0) + 1, info.split(), dict(item.split() for item in parameters.split(", "))
                   if parameters else {})
            for info, parameters, direction, high, name in PORT.findall(verilog)}


class Cell:
    """Pins (name -> direction) and interfaces (name -> role, width in bits or None) of a cell of a block design."""

    def __init__(self, pins, buses):
        self.pins, self.buses = pins, buses


def accelerator(ports):
    pins, buses = {}, {}
    for name, (direction, width, (kind, bus, signal), _parameters) in ports.items():
        if ":interface:" not in kind:
            pins[name] = direction
        elif signal in ("TDATA", "WDATA"):
            role = ("stream " if "axis" in kind else "axi ") + ("slave" if direction == "input" else "master")
            buses[bus] = (role, width if "axis" in kind else None)
    return Cell(pins, buses)


def known_cell(ip, config):
    """A cell of an IP of Xilinx, as its product guide describes it for a configuration."""
    def on(name, default="1"):
        return config.get(f"CONFIG.{name}", default) == "1"

    if ip == "processing_system7":
        pins = {"FCLK_CLK0": "output", "FCLK_RESET0_N": "output"}
        buses = {}
        if on("PCW_USE_M_AXI_GP0", "0"):
            buses["M_AXI_GP0"], pins["M_AXI_GP0_ACLK"] = ("axi master", None), "input"
        if on("PCW_USE_S_AXI_HP0", "0"):
            buses["S_AXI_HP0"], pins["S_AXI_HP0_ACLK"] = ("axi slave", None), "input"
        if on("PCW_USE_FABRIC_INTERRUPT", "0") and on("PCW_IRQ_F2P_INTR", "0"):
            pins["IRQ_F2P"] = "input"
        return Cell(pins, buses)
    if ip == "proc_sys_reset":
        return Cell({"slowest_sync_clk": "input", "ext_reset_in": "input", "peripheral_aresetn": "output"}, {})
    if ip == "smartconnect":
        buses = {f"S{n:02}_AXI": ("axi slave", None) for n in range(int(config.get("CONFIG.NUM_SI", "2")))}
        buses |= {f"M{n:02}_AXI": ("axi master", None) for n in range(int(config.get("CONFIG.NUM_MI", "1")))}
        return Cell({"aclk": "input", "aresetn": "input"}, buses)
    if ip == "xlconcat":
        ports = int(config.get("CONFIG.NUM_PORTS", "2"))
        return Cell({f"In{n}": "input" for n in range(ports)} | {"dout": "output"}, {})
    if ip == "axi_dma":
        pins, buses = {"s_axi_lite_aclk": "input", "axi_resetn": "input"}, {"S_AXI_LITE": ("axi slave", None)}
        if on("c_include_sg"):
            buses["M_AXI_SG"], pins["m_axi_sg_aclk"] = ("axi master", None), "input"
        if on("c_include_mm2s"):
            pins |= {"m_axi_mm2s_aclk": "input", "mm2s_introut": "output"}
            buses["M_AXI_MM2S"] = ("axi master", None)
            buses["M_AXIS_MM2S"] = ("stream master", int(config.get("CONFIG.c_m_axis_mm2s_tdata_width", "32")))
            assert int(config["CONFIG.c_m_axi_mm2s_data_width"]) >= buses["M_AXIS_MM2S"][1]
        if on("c_include_s2mm"):
            pins |= {"m_axi_s2mm_aclk": "input", "s2mm_introut": "output"}
            buses["M_AXI_S2MM"] = ("axi master", None)
            buses["S_AXIS_S2MM"] = ("stream slave", int(config.get("CONFIG.c_m_axi_s2mm_data_width", "32")))
        return Cell(pins, buses)
    if ip == "axi_fifo_mm_s":
        buses = {"S_AXI": ("axi slave", None)}
        if on("C_USE_RX_DATA"):
            buses["AXI_STR_RXD"] = ("stream slave", 32)
        if on("C_USE_TX_DATA"):
            buses["AXI_STR_TXD"] = ("stream master", 32)
        return Cell({"s_axi_aclk": "input", "s_axi_aresetn": "input", "interrupt": "output"}, buses)
    raise AssertionError(f"unknown IP {ip}")


def check_block_design(calls, ports, name):
    """Problems of a block design: names that do not exist, wrong connections, and what is left open."""
    problems, kinds, config = [], {}, {}
    for command, *arguments in calls:
        if command == "create_bd_cell":
            kinds[arguments[-1]] = arguments[arguments.index("-vlnv") + 1].split(":")
        elif command == "set_property" and arguments[0] == "-dict":
            words = arguments[1].split()
            config.setdefault(arguments[2], {}).update(zip(words[::2], words[1::2], strict=True))
    cells = {}
    for cell, (vendor, _library, ip, _version) in kinds.items():
        if vendor == "xilinx.com":
            cells[cell] = known_cell(ip, config.get(cell, {}))
        elif (vendor, ip) == ("thresher", f"{name}_ip"):
            cells[cell] = accelerator(ports)
        else:
            problems.append(f"cell {cell} is no IP that is known: {vendor} {ip}")
    used = {}

    def find(path, kind):
        cell, _, pin = path.partition("/")
        found = getattr(cells[cell], kind).get(pin) if cell in cells else None
        if found is None:
            problems.append(f"there is no {path}")
        else:
            used[path] = used.get(path, 0) + 1
        return found

    for command, *arguments in calls:
        if command == "connect_bd_intf_net":
            ends = [find(path, "buses") for path in arguments]
            if None not in ends and ({role.split()[1] for role, _ in ends} != {"master", "slave"}
                                     or len({role.split()[0] for role, _ in ends}) != 1 or ends[0][1] != ends[1][1]):
                problems.append(f"{arguments[0]} {ends[0]} does not fit {arguments[1]} {ends[1]}")
        elif command == "connect_bd_net":
            ends = [find(path, "pins") for path in arguments]
            if None not in ends and ends != ["output", "input"]:
                problems.append(f"{' '.join(arguments)} is not from an output to an input")
    for cell, found in cells.items():
        paths = {f"{cell}/{pin}": direction == "input" for pin, direction in found.pins.items()}
        paths |= {f"{cell}/{bus}": True for bus in found.buses}
        for path, single in paths.items():
            if single and used.get(path, 0) != 1:
                problems.append(f"{path} has {used.get(path, 0)} connections")
    return problems
