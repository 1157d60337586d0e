import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from gen import doctor, toolchain
from gen.errors import ThresherError
from gen.toolchain import Found, Tool, first_version, program
from sim.runner.errors import SimulatorMissing


def tool(found, *, required=True, wanted=">=2"):
    return Tool("gadget", "a test", required, wanted, "pip install gadget", lambda: found)


@pytest.mark.parametrize(("text", "version"), [
    ("Icarus Verilog version 11.0 (stable) ()", "11.0"), ("Verilator 5.006 2023-01-22", "5.6"),
    ("GNU Make 4.3\nBuilt for x86_64", "4.3"), (" rev vUNKNOWN-built20260516", None), ("", None),
])
def test_first_version(text, version):
    assert first_version(text) == version


@pytest.mark.parametrize(("found", "required", "status", "healthy"), [
    (Found("/bin/gadget", "2.1"), True, "ok", True),
    (Found("/bin/gadget", None), True, "ok", True),
    (Found("/bin/gadget", "1.9"), True, "old", False),
    (None, True, "missing", False),
    (None, False, "missing", True),
])
def test_examine(monkeypatch, found, required, status, healthy):
    monkeypatch.setattr(doctor, "tools", lambda: (tool(found, required=required),))
    report = doctor.examine()
    assert report["healthy"] is healthy
    entry, = report["tools"]
    assert entry["status"] == status and entry["version"] == (found and found.version)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(doctor.table(report))
    assert ("pip install gadget" in console.export_text()) is (status != "ok")


def test_this_machine():
    entries = {entry["name"]: entry for entry in doctor.examine()["tools"]}
    assert entries["python"]["status"] == "ok"
    assert entries["amaranth"]["wanted"] and entries["amaranth"]["status"] == "ok"
    assert entries["pyosys"]["wanted"].startswith("==")
    assert {"verilator", "iverilog", "g++", "make", "perl", "opensta", "cell library", "libpython"} <= entries.keys()


def test_program_that_hangs_or_is_absent(monkeypatch, tmp_path):
    assert program("no-such-program-anywhere")() is None
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nsleep 5\n")
    slow.chmod(0o755)
    monkeypatch.setattr(toolchain, "SECONDS_TO_ANSWER", 0.1)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert program("slow")() == Found(str(slow), None)


def test_verilator_starts():
    done = subprocess.run(["verilator", "--version"], env={**os.environ, **toolchain.verilator_environment()},
                          capture_output=True, text=True)
    assert done.returncode == 0


def test_verilator_of_the_system(monkeypatch, tmp_path):
    fake = tmp_path / "verilator"
    fake.write_text('#!/bin/sh\necho "Verilator 5.040 2025-08-30"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(toolchain, "verilator_root", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert toolchain.find_verilator() == Found(str(fake), "5.40")


def test_missing_verilator_is_one_sentence(monkeypatch):
    def missing(simulator):
        raise SimulatorMissing(f"{simulator} is not installed")

    monkeypatch.setattr(toolchain, "require", missing)
    with pytest.raises(ThresherError, match=r"^verilator is not installed$"):
        toolchain.verilator_environment()


def test_versions_without_installation(monkeypatch):
    def absent(name):
        raise toolchain.importlib.metadata.PackageNotFoundError(name)

    toolchain.declared_versions.cache_clear()
    monkeypatch.setattr(toolchain.importlib.metadata, "requires", absent)
    assert "0.6" in toolchain.declared_versions()["amaranth"]
    toolchain.declared_versions.cache_clear()


def test_python_is_the_running_one():
    assert next(iter(toolchain.tools())).locate().path == sys.executable
