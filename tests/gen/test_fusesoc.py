import os
import shutil
import subprocess

import pytest
import yaml

from gen.emit import emit
from gen.toolchain import verilator_environment
from hw.shell import Shell
from tests.shell.loopback import Loopback

TARGETS = ("generic", "ecp5", "xilinx", "vivado")


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fusesoc")
    for target in TARGETS:
        emit(Shell(Loopback(), "loop", "1.2.3"), "loop", folder / target, target=target)
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_core(emitted, target):
    folder = emitted / target
    first, text = (folder / "loop.core").read_text().split("\n", 1)
    core = yaml.safe_load(text)
    assert first == "CAPI=2:" and core["name"] == "thresher:accelerator:loop:1.2.3"
    assert core["targets"].keys() == {"default", "lint"} | ({"synth"} if target != "generic" else set())
    for one in core["targets"].values():
        files = [name for used in one["filesets"] for file in core["filesets"][used]["files"]
                 for name in ([file] if isinstance(file, str) else file)]
        assert "loop.v" in files and all((folder / file).is_file() for file in files)
        if "toplevel" in one:
            sources = "".join((folder / file).read_text() for file in files if file.endswith(".v"))
            assert f"module {one['toplevel']}" in sources
    assert core["targets"]["lint"]["flow_options"]["tool"] == "verilator"
    if target != "generic":
        assert core["targets"]["synth"]["flow"] == ("trellis" if target == "ecp5" else "vivado")


@pytest.mark.skipif(shutil.which("fusesoc") is None, reason="needs FuseSoC: pip install fusesoc")
@pytest.mark.parametrize("target", TARGETS)
def test_fusesoc_takes_it(emitted, target, tmp_path):
    def run(name, *options):
        return subprocess.run(
            ["fusesoc", "--cores-root", emitted / target, "run", "--work-root", tmp_path / name, "--target", name,
             *options, "thresher:accelerator:loop"],
            cwd=tmp_path, env={**os.environ, **verilator_environment()}, capture_output=True, text=True, check=False)

    lint = run("lint")
    assert lint.returncode == 0 and "%Warning" not in lint.stdout + lint.stderr, lint.stdout + lint.stderr
    if target != "generic":
        assert run("synth", "--setup").returncode == 0
