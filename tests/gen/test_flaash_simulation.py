"""`flaash` as emitted: contractions through both simulators, of every format, and as many cycles as predicted."""

import json

import numpy as np
import pytest

from gen.cli import main
from gen.emit import emit_cached
from gen.errors import ThresherError
from gen.estimate import WorkloadOptions
from gen.simulation import SimulationOptions
from gen.tops.flaash_cycles import predict_task, predict_tasks
from gen.tops.flaash_simulation import run_contraction
from gen.tops.registry import resolve, tops
from sim.golden.flaash import FiberTensor, find_value_format
from tests.sim.golden.flaash.draw import draw_pair
from tests.streams import generator


def run(p, a_free, b_free, length, density, **options):
    """A random contraction, bit for bit; its run and its tensors."""
    emitted, rng = emit_cached(tops()["flaash"], p), generator()
    a, b = draw_pair(rng.getrandbits(32), a_free, b_free, length, density, find_value_format(p.values, p.accumulator))
    result = run_contraction(emitted.verilog, emitted.registers, a, b, p, seed=rng.getrandbits(16), **options)
    assert result.c.tobytes() == result.golden.tobytes()
    return result, a, b


TINY = resolve("flaash", "tiny", None, [])


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("stall", [0, 0.4])
@pytest.mark.parametrize("portions, drop_zeros", [(1, False), (3, True)])
def test_both_simulators(simulator, stall, portions, drop_zeros):
    run(TINY, (2, 3), (7,), 37, 0.3, simulator=simulator, stall=stall, portions=portions, drop_zeros=drop_zeros)


@pytest.mark.parametrize("values, accumulator, bus_width, window", [
    ("int8", 48, 128, 1), ("int16", 32, 64, 4), ("fp32", 32, 64, 2)])
def test_every_format(values, accumulator, bus_width, window):
    """Tensors that take several tasks; empty and full ones."""
    p = resolve("flaash", "tiny", None, [f"values={values}", f"accumulator={accumulator}", f"bus_width={bus_width}",
                                         f"window={window}"])
    result, _, _ = run(p, (4, 5), (3, 7), 60, 0.5)
    assert len(result.tasks) > 2
    for density in (0, 0.02, 1):
        run(p, (2,), (3, 2), 19, density)
    run(p, (2, 3), (4,), 31, 0.4, portions=4, stall=0.3)
    run(p, (), (), 12, 0.7)


@pytest.mark.parametrize("a_free, b_free, length, density, portions", [
    ((7, 7), (7, 7), 512, 0.02, 1), ((5,), (6,), 20, 0.5, 1), ((3,), (30,), 40, 0.3, 1), ((3,), (3,), 400, 0.3, 4),
    ((20,), (33,), 60, 0.7, 1)])
def test_as_many_cycles_as_predicted(a_free, b_free, length, density, portions):
    result, a, b = run(TINY, a_free, b_free, length, density, portions=portions)
    predicted = sum(task.cycles for task in predict_tasks(a, b, TINY, portions))
    assert abs(result.simulation.cycles - predicted) <= max(60, 0.06 * predicted)


def test_counters():
    result, a, b = run(TINY, (9,), (8,), 50, 0.2)
    counters = {name.removeprefix("counter_"): value for name, value in result.simulation.registers.items()}
    busy = np.outer(np.diff(a.pointers) > 0, np.diff(b.pointers) > 0).sum()
    assert counters["macs"] == result.macs and counters["jobs"] == counters["results"] == busy
    task = predict_task(a, b, TINY)
    assert abs(counters["loading"] - task.loading) <= 6
    assert abs(counters["working"] - task.working) <= max(40, 0.05 * task.working)
    assert counters["compares"] >= task.bounds["comparing"]


def test_command(tmp_path, capsys):
    draw = np.random.default_rng(7)
    dense = {name: draw.integers(-9, 10, shape) * (draw.random(shape) < 0.4)
             for name, shape in (("a", (3, 4, 11)), ("b", (5, 11)))}
    arrays = {}
    for name, tensor in dense.items():
        coords, values = FiberTensor.from_dense(tensor).to_coo()
        arrays |= {f"{name}_coords": coords, f"{name}_values": values, f"{name}_shape": np.array(tensor.shape)}
    np.savez(tmp_path / "in.npz", **arrays)
    files = {name: str(tmp_path / name) for name in ("in.npz", "out.npz", "r.json")}
    assert main(["sim", "flaash", "--einsum", "ijk,lk->ijl", "--input", files["in.npz"], "--output", files["out.npz"],
                 "--portions", "2", "--drop-zeros", "--report", files["r.json"]]) == 0
    with np.load(files["out.npz"]) as out:
        assert (out["c"] == np.einsum("ijk,lk->ijl", dense["a"], dense["b"])).all()
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["bit_exact"] and report["preset"] == "tiny" and report["accuracy"]["relative_error"] == 0
    assert report["counters"]["macs"] == report["macs"]


def test_without_counters():
    p = resolve("flaash", "tiny", None, ["counters=false"])
    report = tops()["flaash"].simulate(p, SimulationOptions())
    assert report["bit_exact"] and report["counters"] == {} and "utilisation_while_working" not in report


def test_predictions():
    top = tops()["flaash"]
    tiny, report = top.predict(TINY, WorkloadOptions()), top.simulate(TINY, SimulationOptions())
    assert tiny["cycles"] == pytest.approx(report["cycles"], rel=0.06) and tiny["tasks"] == report["tasks"] > 10
    assert max(tiny["bounds"], key=tiny["bounds"].get) == "comparing"
    engines = [top.predict(resolve("flaash", "ecp5", None, [f"engines={count}"]), WorkloadOptions())["working"]
               for count in (1, 8, 32)]
    assert engines[0] > 7.8 * engines[1] and engines[1] > 3.5 * engines[2]
    assert top.predict(TINY, WorkloadOptions(portions=2))["tasks"] > tiny["tasks"]
    with pytest.raises(ThresherError, match="the contracted mode has 384 indices, which cannot be cut into 400"):
        top.predict(TINY, WorkloadOptions(portions=400))


def test_a_part_of_the_fibers_stands_for_all(monkeypatch):
    a, b = draw_pair(5, (50,), (40,), 200, 0.2, find_value_format("int16"))
    p = resolve("flaash", "ecp5", None, [])
    whole = predict_task(a, b, p).working
    monkeypatch.setattr("gen.tops.flaash_cycles._MOST_JOBS", 400)
    assert predict_task(a, b, p).working == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize("text, sentence", [
    ("window=8", "flaash: window must be one of 1, 2, 4, not 8"),
    ("fibers=100", "flaash: fibers must be a power of two, not 100"),
    ("accumulator=48", "flaash: bus_width must be at least 128, which a result takes, not 64"),
    ("row_entries=1", "flaash: row_entries must be at least window = 2, not 1"),
])
def test_refused_parameters(text, sentence):
    with pytest.raises(ThresherError) as failure:
        resolve("flaash", "tiny", None, [text])
    assert sentence in str(failure.value)
