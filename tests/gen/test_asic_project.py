"""The emitted Makefile of an ASIC, followed by hand."""

import os
import re
import shutil
import subprocess

import pytest

from gen.emit import emit_verilog
from gen.emit.project import project_files
from gen.synth.synth import DEFAULT_LIBERTY
from tests.gen.designs import Accelerator

TOOLS = ("yosys", "sta", "make")
pytestmark = pytest.mark.skipif(
    not DEFAULT_LIBERTY.is_file() or not all(map(shutil.which, TOOLS)),
    reason=f"needs {', '.join(TOOLS)} and Debian's qflow-tech-osu018")


def make(folder, *arguments):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=False,
                          env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"})


def test_makefile(tmp_path):
    for name, text in project_files({"name": "dut", "version": "0"}, "asic", 100).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "dut.v").write_text(emit_verilog(Accelerator(2, depth=64), "dut")[0])
    done = make(tmp_path, f"LIBERTY={DEFAULT_LIBERTY}")
    assert done.returncode == 0, done.stderr
    area = float(re.search(r"Chip area for (?:top )?module '\\dut': ([\d.]+)", done.stdout)[1])
    flip_flops = int(re.search(r"DFFPOSX1\s+(\d+)", done.stdout)[1])
    # The memory of 64 words is a black box, not a thousand flip-flops of 96 square micrometres.
    assert 90 < flip_flops < 500 and 96 * flip_flops < area < 1e6
    assert re.search(r"-?[\d.]+\s+slack \((MET|VIOLATED)\)", done.stdout)
    total = [float(number) for number in re.search(r"^Total\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)", done.stdout,
                                                   re.MULTILINE).groups()]
    assert all(number > 0 for number in total) and sum(total[:3]) == pytest.approx(total[3], rel=0.01)
    assert "Error" not in done.stdout + done.stderr
    assert make(tmp_path, "LIBERTY=/none.lib", "clean", "area").returncode != 0
