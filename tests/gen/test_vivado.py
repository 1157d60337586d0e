import re
from pathlib import Path

import pytest

from gen.emit import emit
from gen.errors import ThresherError
from gen.lint import lint
from hw.shell import Shell
from tests.gen.vivado import check_block_design, run_script, wrapper_ports
from tests.shell.loopback import Loopback, LoopbackParameters
from tests.shell.row_sum import RowSum, RowSumParameters

FILE = re.compile(r"/[\w./ -]+?\.(?:v|xdc|tcl)\b")


@pytest.fixture(scope="module", params=["loop", "row_sum"])
def emitted(request, tmp_path_factory):
    """A top without and one with fetch streams, of different widths: folder, manifest and ports of the wrapper."""
    engine = (Loopback(LoopbackParameters(bus_width=64)) if request.param == "loop"
              else RowSum(RowSumParameters(bus_width=128)))
    folder = tmp_path_factory.mktemp("vivado folder")
    manifest = emit(Shell(engine, request.param, "1.2.3"), request.param, folder, target="vivado", clock_mhz=125)
    return folder, manifest, wrapper_ports((folder / f"{request.param}_ip.v").read_text())


def run(folder, script, *arguments):
    (folder / "ip").mkdir(exist_ok=True)
    return run_script(folder / script, folder.parent / "calls", *arguments)


def test_files(emitted):
    folder, manifest, _ports = emitted
    name = manifest.name
    assert {f"{name}_ip.v", f"{name}.xdc", f"{name}.tcl", "package_ip.tcl", "block_design.tcl"} < set(manifest.files)
    assert all((folder / file).is_file() for file in manifest.files)


def test_wrapper_has_the_ports_of_the_top(emitted):
    folder, manifest, ports = emitted
    outer = {name: (direction, width) for name, (direction, width, _info, _parameters) in ports.items()}
    inner = {port["name"]: (port["direction"], port["width"]) for port in manifest.ports}
    added = {"aclk": ("input", 1), "aresetn": ("input", 1), "s_axis_tkeep": ("input", manifest.bus_width // 8)}
    if "m_axis_fetch_tdata" in inner:
        added |= {"m_axis_fetch_tlast": ("output", 1), "s_axis_fetch_tkeep": ("input", manifest.bus_width // 8)}
    assert outer == {name: port for name, port in inner.items() if name not in ("clk", "rst")} | added
    assert folder.joinpath(f"{manifest.name}_ip.v").read_text().count("X_INTERFACE_INFO") == len(ports)


def test_interfaces_of_the_wrapper(emitted):
    _folder, manifest, ports = emitted
    for name, (_direction, _width, (kind, bus, signal), _parameters) in ports.items():
        if ":interface:" in kind:
            assert name == f"{bus}_{signal.lower()}" and ("axis" in kind) == ("axis" in name)
    buses = list(dict.fromkeys(bus for _d, _w, (kind, bus, _s), _p in ports.values() if ":interface:" in kind))
    assert ports["aclk"][3] == {"XIL_INTERFACENAME": "aclk", "ASSOCIATED_BUSIF": ":".join(buses),
                                "ASSOCIATED_RESET": "aresetn"}
    assert ports["aresetn"][3]["POLARITY"] == "ACTIVE_LOW"
    assert ports["interrupt"][3]["SENSITIVITY"] == "LEVEL_HIGH"
    assert ports["s_axi_awaddr"][3] | {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32", "ADDR_WIDTH": "12"} == \
        ports["s_axi_awaddr"][3]
    assert ports["s_axis_tdata"][3]["TDATA_NUM_BYTES"] == str(manifest.bus_width // 8)


def test_wrapper_is_clean(emitted):
    folder, manifest, _ports = emitted
    assert lint(folder / f"{manifest.name}_ip.v", f"{manifest.name}_ip", folder / f"{manifest.name}.v") == []


@pytest.mark.parametrize("script", ["package_ip.tcl", "{name}.tcl", "block_design.tcl"])
def test_scripts_name_files_that_exist(emitted, script):
    folder, manifest, _ports = emitted
    calls, error = run(folder, script.format(name=manifest.name), "xc7z020clg400-1")
    assert error == "" and calls
    read = [word for command, *arguments in calls if command in ("add_files", "read_verilog", "read_xdc", "get_files")
            for word in FILE.findall("\n".join(arguments))]
    assert all(Path(word).is_file() for word in read), read
    assert {Path(word).name for word in read} == (
        set() if script == "block_design.tcl" else {f"{manifest.name}{end}" for end in (".v", "_ip.v", ".xdc")})
    parts = [part for call in calls for part in call if part.startswith("xc7")]
    assert parts and set(parts) == {"xc7z020clg400-1"}


def test_constraints(emitted):
    folder, manifest, _ports = emitted
    calls, error = run(folder, f"{manifest.name}.xdc")
    assert error == ""
    assert ["create_clock", "-name", "aclk", "-period", "8.000", "aclk"] in calls


def test_packaged_registers_are_those_of_the_manifest(emitted):
    folder, manifest, _ports = emitted
    calls, error = run(folder, "package_ip.tcl")
    assert error == "" and calls[-1] == ["close_project"]
    made, packaged, at = [], {}, None
    for command, *arguments in calls:
        if command == "ipx::add_register":
            at = arguments[0]
            packaged[at] = {"fields": {}}
        elif command == "ipx::add_field":
            assert arguments[1] == at
            made = packaged[at]["fields"].setdefault(arguments[0], {})
        elif command == "set_property" and at and arguments[0] == "address_offset":
            packaged[at]["address"] = int(arguments[1], 16)
        elif command == "set_property" and arguments[0] in ("bit_offset", "bit_width"):
            made[arguments[0]] = int(arguments[1])
    registers = manifest.registers["registers"]
    assert packaged == {register["name"]: {
        "address": register["address"],
        "fields": {field["name"]: {"bit_offset": field["offset"], "bit_width": field["width"]}
                   for field in register["fields"]}} for register in registers}
    assert ["set_property", "top", f"{manifest.name}_ip", "object"] in calls
    assert ["set_property", "range", "4096", "reg0"] in calls
    accesses = {arguments[1] for command, *arguments in calls if command == "set_property" and arguments[0] == "access"}
    assert accesses == {"read-only", "read-write"}


def test_block_design(emitted):
    folder, manifest, ports = emitted
    calls, error = run(folder, "block_design.tcl")
    assert error == "" and check_block_design(calls, ports, manifest.name) == []
    # Of two versions of an IP the later is taken: 1.10, not 1.9.
    assert all(call[call.index("-vlnv") + 1].endswith(":1.10") for call in calls if call[0] == "create_bd_cell")
    streams = {port.rpartition("_")[0] for port in ports if port.endswith("_tdata")}
    connected = {path for command, *ends in calls if command == "connect_bd_intf_net" for path in ends}
    assert {f"accelerator/{stream}" for stream in (*streams, "s_axi")} == {
        path for path in connected if path.startswith("accelerator/")}


@pytest.mark.parametrize("old, new, problem", [
    ("accelerator/m_axis]", "accelerator/m_axes]", "there is no accelerator/m_axes"),
    ("accelerator/interrupt", "accelerator/irq", "there is no accelerator/irq"),
    ("dma/mm2s_introut", "dma/mm2s_interrupt", "there is no dma/mm2s_interrupt"),
    ("CONFIG.c_m_axis_mm2s_tdata_width 64", "CONFIG.c_m_axis_mm2s_tdata_width 32",
     "dma/M_AXIS_MM2S ('stream master', 32) does not fit accelerator/s_axis ('stream slave', 64)"),
    ("CONFIG.c_include_sg 0", "CONFIG.c_include_sg 1", "dma/M_AXI_SG has 0 connections"),
    ("set resets {accelerator/aresetn ", "set resets {", "accelerator/aresetn has 0 connections"),
    ("thresher:accelerator:loop_ip", "thresher:accelerator:loop",
     "cell accelerator is no IP that is known: thresher loop"),
])
def test_wrong_names_are_found(old, new, problem, tmp_path):
    shell = Shell(Loopback(LoopbackParameters(bus_width=64)), "loop", "1.2.3")
    emit(shell, "loop", tmp_path / "e", target="vivado")
    script = tmp_path / "e" / "block_design.tcl"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new))
    calls, error = run(tmp_path / "e", "block_design.tcl")
    ports = wrapper_ports((tmp_path / "e" / "loop_ip.v").read_text())
    assert error == "" and problem in check_block_design(calls, ports, "loop")


def test_a_command_that_vivado_does_not_have_is_found(tmp_path):
    (tmp_path / "s.tcl").write_text("create_bd_design d\ncreate_bd_celll x\n")
    calls, error = run_script(tmp_path / "s.tcl", tmp_path / "calls")
    assert calls == [["create_bd_design", "d"]] and 'invalid command name "create_bd_celll"' in error


def test_block_design_wants_the_packaged_ip(tmp_path):
    emit(Shell(Loopback(), "loop", "1.2.3"), "loop", tmp_path, target="vivado")
    _calls, error = run_script(tmp_path / "block_design.tcl", tmp_path / "calls")
    assert "run package_ip.tcl first" in error


def test_a_width_that_no_dma_has(tmp_path):
    shell = Shell(Loopback(LoopbackParameters(bus_width=48)), "loop", "1.2.3")
    message = "^Target vivado needs streams of 32, .*, 1024 bits, which an AXI DMA can have, not 48\\.$"
    with pytest.raises(ThresherError, match=message):
        emit(shell, "loop", tmp_path, target="vivado")
    assert list(tmp_path.iterdir()) == []
