import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from gen.cli import main
from gen.errors import ThresherError
from gen.estimate import WorkloadOptions
from sim.runner.errors import SimulationHang

COMMANDS = ("list", "describe", "doctor", "emit", "sim", "run", "synth", "pnr", "power", "workload", "demo", "lint",
            "claims", "report")
SHELL = SimpleNamespace(registers=SimpleNamespace(to_dict=lambda: {"registers": [
    {"name": "identity", "address": 0, "access": "read-only", "doc": "Says [what] this is."}]}))


@dataclass(frozen=True)
class Parameters:
    lanes: int = field(default=4, metadata={"doc": "Multipliers [each].", "range": "1..64"})


@pytest.fixture
def calls(monkeypatch):
    """A registry of one top, and emission and synthesis that only note how they were called."""
    made = SimpleNamespace(options=None, resolved=None, bit_exact=True, noted=[])

    def simulate(parameters, options):
        made.options = options
        return {"top": "fake", "bit_exact": made.bit_exact, "cycles": np.int64(12),
                "counters": {"stalled": np.arange(2)}, "accuracy": [{"head": 0, "error": 0.25}]}

    def predict(parameters, options):
        made.options = options
        return {"workload": options.sizes, "cycles": 99, "bound": "loading"}

    def resolve(*arguments):
        made.resolved = arguments
        if "lanes=0" in arguments[3]:
            raise ValueError("lanes must be in 1..64, not 0")
        return Parameters()

    top = SimpleNamespace(name="fake", summary="Does [nothing].", presets=lambda: {"tiny": {}, "ecp5": {}},
                          parameters_class=Parameters, build=lambda parameters, target="generic": SHELL,
                          simulate=simulate,
                          describe=lambda parameters: {"cycles": 10, "area": {"luts": 7}}, predict=predict)

    def emit(shell, name, directory, target=None):
        assert shell is SHELL
        Path(directory).mkdir(parents=True, exist_ok=True)
        verilog = f"module {name}(input a, output b);\n  assign b = a;\nendmodule\n"
        (Path(directory) / f"{name}.v").write_text(verilog)
        made.noted.append(("emit", name, target))

    def synth(verilog, name, target, **options):
        made.noted.append(("synth", verilog.name, name, target, options))
        return {"target": target, "luts": 5}

    def pnr(verilog, name, device, seeds):
        made.noted.append(("pnr", verilog.name, name, device, seeds))
        return {"fmax_mhz": 100.0, "fmax_all": [99.0, 100.0, 101.0], "device": device}

    for name, content in (("gen.tops", {}),
                          ("gen.tops.registry", {"tops": lambda: {"fake": top}, "resolve": resolve}),
                          ("gen.emit", {"emit": emit}), ("gen.synth", {"MACRO_WORDS": 64, "synth": synth, "pnr": pnr,
                                         "FAMILIES": {"xc7": "", "xcup": ""}}),
                          ("gen.estimate", {"WorkloadOptions": WorkloadOptions,
                                            "estimate_cached": lambda top, parameters: {"luts": 123456}}),
                          ("gen.demo", {"demo": lambda path, update: {"output": path, "bit_exact": True}})):
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr("gen.tops", sys.modules["gen.tops"], raising=False)
    return made


def report(path):
    return json.loads(path.read_text())


def test_help_and_version_in_a_process():
    done = subprocess.run([sys.executable, "-m", "gen.cli", "--help"], capture_output=True, text=True,
                          cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and done.stderr == ""
    for name in COMMANDS:
        assert f" {name} " in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name, capsys):
    assert main([name, "--help"]) == 0
    assert "Usage: thresher " + name in capsys.readouterr().out


def test_list(calls, capsys, tmp_path):
    assert main(["list", "--report", str(tmp_path / "r.json")]) == 0
    assert "Does [nothing]." in capsys.readouterr().out
    assert report(tmp_path / "r.json") == {"tops": [{"top": "fake", "summary": "Does [nothing].",
                                                     "presets": ["tiny", "ecp5"]}]}


def test_describe(calls, capsys, tmp_path):
    assert main(["describe", "fake", "--report", str(tmp_path / "r.json")]) == 0
    text = capsys.readouterr().out
    for expected in ("lanes", "1..64", "Multipliers [each].", "luts", "0x000", "identity"):
        assert expected in text
    made = report(tmp_path / "r.json")
    assert made["parameters"] == {"lanes": 4} and made["estimates"]["area"] == {"luts": 7}
    assert made["area"] == {"target": "ecp5", "luts": 123456} and "123456" in text
    assert made["cycles"] == {"workload": {}, "cycles": 99, "bound": "loading"} and "loading" in text


def test_describe_a_workload(calls, tmp_path):
    assert main(["describe", "fake", "--no-area", "--keys", "12", "--heads", "2", "--keep", "0.5", "--causal",
                 "--report", str(tmp_path / "r.json")]) == 0
    assert calls.options.sizes == {"keys": 12, "heads": 2}
    assert (calls.options.keep, calls.options.causal, calls.options.input) == (0.5, True, None)
    made = report(tmp_path / "r.json")
    assert made["area"] is None and made["cycles"]["workload"] == {"keys": 12, "heads": 2}


def test_common_options_reach_the_registry(calls, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("lanes = 2\n")
    assert main(["describe", "fake", "--preset", "ecp5", "--config", str(config), "--set", "lanes=3", "--set",
                 "x=1"]) == 0
    assert calls.resolved == ("fake", "ecp5", config, ["lanes=3", "x=1"])


def test_emit(calls, capsys, tmp_path):
    assert main(["emit", "fake", "-o", str(tmp_path / "a" / "b"), "--target", "ecp5", "--report",
                 str(tmp_path / "new" / "r.json")]) == 0
    assert calls.noted == [("emit", "fake", "ecp5")]
    assert report(tmp_path / "new" / "r.json")["files"][0]["file"] == "fake.v"


def test_sim(calls, capsys, tmp_path):
    np.savez(tmp_path / "in.npz", q=np.zeros(3))
    arguments = ["sim", "fake", "--simulator", "icarus", "--input", str(tmp_path / "in.npz"), "--output",
                 str(tmp_path / "out.npz"), "--seed", "5", "--stall", "0.25", "--keep", "0.5", "--causal",
                 "--policy", "merge", "--compare-dense", "--waves", "w.fst", "--report",
                 str(tmp_path / "r.json")]
    assert main(arguments) == 0
    options = calls.options
    assert (options.simulator, options.seed, options.stall, options.keep) == ("icarus", 5, 0.25, 0.5)
    assert (options.causal, options.policy, options.compare_dense) == (True, "merge", True)
    assert (options.input, options.output) == (tmp_path / "in.npz", tmp_path / "out.npz")
    assert options.waves == Path("w.fst")
    made = report(tmp_path / "r.json")
    assert made["cycles"] == 12 and made["counters"] == {"stalled": [0, 1]} and made["preset"] == "tiny"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npz", "r.json"]
    calls.bit_exact = False
    assert main(arguments) == 1
    assert report(tmp_path / "r.json")["bit_exact"] is False


def test_synth_and_pnr(calls, capsys, tmp_path):
    assert main(["synth", "fake"]) == 0
    assert main(["pnr", "fake", "--device", "45k", "--seeds", "5", "--report", str(tmp_path / "r.json")]) == 0
    assert main(["synth", "fake", "--target", "asic", "--hierarchy", "--macro-words", "1"]) == 0
    assert main(["synth", "fake", "--target", "xilinx", "--family", "xcup"]) == 0
    usual = {"liberty": None, "flatten": True, "macro_words": 64, "family": None, "sram": None}
    assert calls.noted == [("emit", "fake", "ecp5"), ("synth", "fake.v", "fake", "ecp5", usual),
                           ("emit", "fake", "ecp5"), ("pnr", "fake.v", "fake", "45k", 5),
                           ("emit", "fake", "asic"),
                           ("synth", "fake.v", "fake", "asic", usual | {"flatten": False, "macro_words": 1}),
                           ("emit", "fake", "xilinx"),
                           ("synth", "fake.v", "fake", "xilinx", usual | {"family": "xcup"})]
    assert main(["synth", "fake", "--macro-words", "1"]) == 2
    assert "--macro-words N is for --target asic only" in capsys.readouterr().err
    assert report(tmp_path / "r.json")["fmax_mhz"] == 100


def test_demo(calls, tmp_path):
    assert main(["demo", "--output", str(tmp_path), "--report", str(tmp_path / "r.json")]) == 0
    assert report(tmp_path / "r.json") == {"output": str(tmp_path), "bit_exact": True}


def test_lint(calls, capsys, monkeypatch):
    assert main(["lint"]) == 0
    monkeypatch.setattr("gen.lint.lint", lambda verilog, name: ["a latch"])
    assert main(["lint", "fake"]) == 1
    assert "a latch" in capsys.readouterr().out


def test_workloads(capsys, tmp_path):
    assert main(["workload", "shipped", "local", "-o", str(tmp_path / "x" / "a.npz")]) == 0
    with np.load(tmp_path / "x" / "a.npz") as arrays:
        assert arrays["q"].shape == (256, 32)
    assert main(["workload", "synthetic", "--queries", "3", "--heads", "2", "-o",
                 str(tmp_path / "b.npz")]) == 0
    with np.load(tmp_path / "b.npz") as arrays:
        assert arrays["q"].shape == (2, 3, 16) and arrays["v"].shape == (2, 64, 16)


def test_workloads_of_sparse_tensors(capsys, tmp_path):
    path = tmp_path / "a.npz"
    assert main(["workload", "sparse", "--a-shape", "3,4,20", "--b-shape", "5,20", "--density", "0.3", "-o",
                 str(path)]) == 0
    assert 'contract them with --einsum "abz,hz->abh"' in capsys.readouterr().out
    with np.load(path) as arrays:
        assert tuple(arrays["a_shape"]) == (3, 4, 20) and len(arrays["b_values"]) == 30
        assert arrays["a_values"].dtype == np.int8
    pytest.importorskip("tokenizers")
    for name, einsum in ((["pruned", "--tokens", "4"], "hcf,tf->htc"), (["words", "--reach", "2"], "uvd,vf->udf")):
        assert main(["workload", *name, "-o", str(path)]) == 0
        assert f'--einsum "{einsum}"' in capsys.readouterr().out
        with np.load(path) as arrays:
            assert len(arrays["a_shape"]) == 3 and arrays["b_values"].dtype == np.int16


def test_workload_of_a_text(tmp_path, capsys):
    pytest.importorskip("tokenizers")
    text = tmp_path / "t.txt"
    text.write_text("Caches work because programs show locality.")
    assert main(["workload", "minilm", "--text", str(text), "--layer", "1", "--head", "all", "-o",
                 str(tmp_path / "a.npz")]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["q"].shape == (12, 10, 32)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["nonsense"], "No such command 'nonsense'. (see `thresher --help`)"),
    (["sim"], "Missing argument 'TOP'. (see `thresher --help`)"),
    (["describe", "none"], "There is no top 'none'; the tops are fake"),
    (["describe", "fake", "--set", "lanes=0"], "lanes must be in 1..64, not 0"),
    (["describe", "fake", "--config", "/no/file.toml"],
     "The configuration file /no/file.toml does not exist"),
    (["list", "--report", "/"], "The report / is a directory"),
    (["list", "--report", "/dev/null/x/r.json"],
     "The folder of the report /dev/null/x/r.json cannot be made: Not a directory"),
    (["sim", "fake", "--simulator", "x"], "--simulator must be one of verilator, icarus, not 'x'"),
    (["sim", "fake", "--sample", "0"], "--sample must be at least 1 cycle, not 0"),
    (["sim", "fake", "--stall", "1"], "--stall must be a probability from 0 to under 1, not 1.0"),
    (["sim", "fake", "--keep", "nan"], "--keep must be over 0 and at most 1, not nan"),
    (["sim", "fake", "--policy", "x"], "--policy must be one of quota, merge, not 'x'"),
    (["sim", "fake", "--input", "/no/in.npz"], "The input file /no/in.npz does not exist"),
    (["synth", "fake", "--target", "ecp5", "--family", "xc7"], "--family NAME is for --target xilinx only"),
    (["synth", "fake", "--target", "xilinx", "--family", "xc6s"], "--family must be one of xc7, xcup, not 'xc6s'"),
    (["synth", "fake", "--target", "ecp5", "--liberty", "a.lib"], "--liberty FILE is for --target asic only"),
    (["synth", "fake", "--sram", "a.toml"], "--sram FILE is for --target asic only"),
    (["power", "fake"], "The top fake has no workload for power yet"),
    (["power", "fake", "--keep", "2"], "--keep must be over 0 and at most 1, not 2.0"),
    (["power", "fake", "--input", "none.npz"], "The input file none.npz does not exist"),
    (["pnr", "fake", "--seeds", "0"], "--seeds must be at least 1, not 0"),
    (["workload", "shipped", "x", "-o", "a.npz"],
     "The shipped case must be one of local, diffuse, tokens, butterfly, flaash, not 'x'"),
    (["workload", "sparse", "--a-shape", "7x7", "-o", "a.npz"], "A shape must be lengths such as 7,7,512, not '7x7'"),
    (["workload", "sparse", "--density", "2", "-o", "a.npz"], "The density must be a number in 0..1, not 2.0"),
    (["workload", "shipped", "local", "-o", "a.csv"], "The output file must end in .npz, not 'a.csv'"),
    (["workload", "minilm", "--head", "x", "-o", "a.npz"],
     "--head must be an integer in 0..11 or all, not 'x'"),
])
def test_wrong_requests_are_one_sentence(calls, capsys, arguments, sentence):
    assert main(arguments) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"thresher: error: {sentence}"


def test_doctor_fails_when_something_is_missing(monkeypatch, capsys, tmp_path):
    assert main(["doctor", "--report", str(tmp_path / "r.json")]) in (0, 1)
    assert isinstance(report(tmp_path / "r.json")["healthy"], bool)
    monkeypatch.setattr("gen.doctor.tools", lambda: ())
    assert main(["doctor"]) == 0
    monkeypatch.setattr("gen.doctor.examine", lambda: {"healthy": False, "tools": []})
    assert main(["doctor"]) == 1


def test_internal_errors_have_no_traceback(calls, monkeypatch, capsys):
    def broken():
        raise KeyError("x")

    monkeypatch.setattr(sys.modules["gen.tops.registry"], "tops", broken)
    monkeypatch.delenv("THRESHER_DEBUG", raising=False)
    assert main(["list"]) == 1
    sentence = "thresher: error: internal error, KeyError: 'x'; THRESHER_DEBUG=1 shows where\n"
    assert capsys.readouterr().err == sentence
    monkeypatch.setenv("THRESHER_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["list"])


def test_a_failed_simulation_shows_the_tools_words(calls, monkeypatch, capsys):
    def hang():
        raise SimulationHang("nothing moved for 10 cycles\n  the output waits")

    monkeypatch.setattr(sys.modules["gen.tops.registry"], "tops", hang)
    assert main(["list"]) == 1
    assert capsys.readouterr().err == "thresher: error: nothing moved for 10 cycles\n  the output waits\n"


def test_interruption(calls, monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["gen.tops.registry"], "tops", interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err.strip() == "thresher: error: interrupted"


def test_options_a_top_does_not_know():
    from gen.simulation import SimulationOptions

    options = SimulationOptions(keep=0.5, seed=3)
    options.refuse_others("sofa", {"keep"})
    with pytest.raises(ThresherError, match=r"^The top flaash has no option --keep$"):
        options.refuse_others("flaash", {"einsum"})


def test_report_replaces_the_old_one_or_leaves_it(tmp_path):
    from gen.cli.output import write_report

    path = tmp_path / "r.json"
    write_report(path, {"a": np.float32(0.5), "b": {3, 1}, "c": tmp_path})
    assert report(path) == {"a": 0.5, "b": [1, 3], "c": str(tmp_path)}
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    with pytest.raises(TypeError, match="object has no JSON form"):
        write_report(path, {"a": object()})
    assert report(path)["a"] == 0.5 and list(tmp_path.iterdir()) == [path]
