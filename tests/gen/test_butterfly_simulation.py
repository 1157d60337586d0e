"""`butterfly` as emitted: batches through both simulators, files in and out, and what is predicted."""

import numpy as np
import pytest

from gen.emit import emit_cached
from gen.errors import ThresherError
from gen.estimate import WorkloadOptions
from gen.simulation import SimulationOptions
from gen.tops.butterfly_cycles import predict_cycles, predict_passes
from gen.tops.butterfly_simulation import run_vectors
from gen.tops.registry import resolve, tops
from sim.golden.butterfly import bpmm
from tests.butterfly.machines import batch
from tests.streams import generator

#: One accelerator for all tests of fixed point, for each is compiled.
FIXED = ("arithmetic=fixed16", "max_points=1024", "resident_points=1024")


def run(p, points, count, mode, **options):
    emitted, rng = emit_cached(tops()["butterfly"], p), generator()
    x, w = batch(rng, p, points, count, mode)
    result = run_vectors(emitted.verilog, emitted.registers, x, w, p, seed=rng.getrandbits(16), **options)
    assert not result.mismatches
    return result


@pytest.mark.parametrize("mode", ["fft", "bpmm"])
@pytest.mark.parametrize("points", [2, 16, 128, 1024, 4096])
def test_every_size_bit_for_bit_and_as_many_cycles_as_predicted(mode, points):
    p = resolve("butterfly", "ecp5", None, ["rows=2", "bus_width=128", "max_points=4096", "resident_points=4096"])
    result = run(p, points, 19 if points < 1024 else 5, mode)
    predicted = predict_cycles(result.plans[0], p)
    assert abs(result.cycles - predicted) <= max(8, 0.05 * predicted)
    assert result.counters["groups"] == result.plans[0].groups


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_stalls(mode, simulator):
    p = resolve("butterfly", "tiny", None, [])
    run(p, 64, 9, mode, stall=0.4, simulator=simulator)


@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_a_batch_keeps_the_units_busy(mode):
    """Every group after the first one takes as many cycles as its butterflies."""
    p = resolve("butterfly", "tiny", None, [])
    few, many = (run(p, 64, count, mode) for count in (64, 128))
    extra = many.cycles - few.cycles
    assert extra / 64 <= 1.02 * 64 // 2 * 6 / p.lanes


@pytest.mark.parametrize("points", [64, 4])
@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_columns_share_the_stages(mode, points):
    p = resolve("butterfly", "tiny", None, ["columns=3", "bus_width=128"])
    result = run(p, points, 41, mode)
    predicted = predict_cycles(result.plans[0], p)
    assert abs(result.cycles - predicted) <= max(8, 0.05 * predicted)


@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_columns_are_kept_busy(mode):
    """With two stages or more a column, each group takes as many cycles as its butterflies, divided by the columns."""
    p = resolve("butterfly", "tiny", None, ["columns=3", "bus_width=128"])
    few, many = (run(p, 64, count, mode) for count in (64, 160))
    assert (many.cycles - few.cycles) / 96 <= 1.02 * 64 // 2 * 6 / p.units


@pytest.mark.parametrize("changes, points, passes, tasks", [
    (["max_points=512", "resident_points=16", "columns=2"], 512, 3, {"fft": 1 + 4 + 32, "bpmm": 32 + 32 + 32}),
], ids=str)
@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_long_vectors_in_passes(mode, changes, points, passes, tasks):
    p = resolve("butterfly", "tiny", None, changes)
    result = run(p, points, 3, mode)
    assert (len(result.simulations), len(result.plans)) == (passes, tasks[mode])
    predicted = predict_passes(3, points, mode == "fft", p)
    assert abs(result.cycles - predicted) <= 0.1 * predicted


def simulate(tmp_path, arrays, *sets, **options):
    np.savez(tmp_path / "in.npz", **arrays)
    p = resolve("butterfly", "tiny", None, list(sets))
    return tops()["butterfly"].simulate(p, SimulationOptions(input=tmp_path / "in.npz", **options))


def test_files(tmp_path):
    draw = np.random.default_rng(3)
    x = draw.standard_normal((3, 32)) + 1j * draw.standard_normal((3, 32))
    report = simulate(tmp_path, {"x": x}, output=tmp_path / "out.npz")
    assert report["bit_exact"] and report["mode"] == "fft" and report["batch"] == 3
    y = np.load(tmp_path / "out.npz")["y"]
    assert np.abs(y - np.fft.fft(x)).max() < 0.05 and y.dtype == np.complex64
    w = draw.standard_normal((5, 16, 2, 2)).astype(np.float32)
    report = simulate(tmp_path, {"x": x.real, "w": w}, output=tmp_path / "out.npz")
    assert report["bit_exact"] and report["mode"] == "bpmm" and report["accuracy"]["relative_error"] < 0.01
    assert np.load(tmp_path / "out.npz")["y"].shape == (3, 32)


@pytest.mark.parametrize("arrays, sets, options, sentence", [
    ({"x": np.ones((2, 12))}, [], {}, "the number of points must be a power of two of at least 2, not 12"),
    ({"x": np.ones((2, 128))}, [], {}, "this accelerator takes vectors of up to 64 points, not 128"),
    ({"x": np.ones((0, 8))}, [], {}, "the batch is empty"),
    ({"x": np.ones(8)}, [], {}, "x must be an array (batch, N) of numbers, not float64 (8,)"),
    ({"y": np.ones((2, 8))}, [], {}, "in.npz has no array 'x'; the mode fft needs x (batch, N)"),
    ({"x": np.ones((2, 8))}, [], {"mode": "bpmm"}, "in.npz has no array 'w'; the mode bpmm needs x (batch, N) and w"),
    ({"x": np.ones((2, 8)), "w": np.ones((3, 4, 2))}, [], {},
     "w must be an array of numbers (3, 4, 2, 2) for vectors of 8 points, not float64 (3, 4, 2)"),
    ({"x": 1j * np.ones((2, 8)), "w": np.ones((3, 4, 2, 2))}, [], {}, "x must be real in the mode bpmm, not complex"),
    ({"x": np.array([[1, np.inf]])}, ["arithmetic=fixed16"], {}, "fixed point has no infinities and no NaN"),
    ({"x": np.ones((2, 8))}, ["fft=false"], {}, "this accelerator was built without the mode 'fft'"),
])
def test_refused_vectors(tmp_path, arrays, sets, options, sentence):
    with pytest.raises(ThresherError) as failure:
        simulate(tmp_path, arrays, *sets, **options)
    assert sentence in str(failure.value)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
@pytest.mark.parametrize("mode", ["fft", "bpmm"])
@pytest.mark.parametrize("stall", [0, 0.4])
def test_fixed_point_on_both_simulators(mode, simulator, stall):
    """Stages that are halved and not; without halving elements saturate."""
    p = resolve("butterfly", "tiny", None, list(FIXED))
    tasks = ((64, [0] * 6), (64, [1, 0, 1, 1, 0, 1]), (4, [1, 0]))
    for points, scaling in tasks if simulator == "verilator" else ((16, [0] * 4), (16, [0, 1, 0, 1])):
        result = run(p, points, 9, mode, scaling=scaling, simulator=simulator, stall=stall)
        saturated = np.isin(result.golden, (-32768, 32767)).sum()
        assert saturated or any(scaling)


@pytest.mark.parametrize("mode", ["fft", "bpmm"])
@pytest.mark.parametrize("points", [2, 4, 8, 16, 32, 128, 256, 512, 1024])
def test_fixed_point_of_every_size_and_as_many_cycles_as_predicted(mode, points):
    p = resolve("butterfly", "tiny", None, list(FIXED))
    rng = generator()
    scaling = [rng.getrandbits(1) for _ in range(points.bit_length() - 1)]
    result = run(p, points, 3, mode, scaling=scaling)
    predicted = predict_cycles(result.plans[0], p)
    assert abs(result.cycles - predicted) <= max(8, 0.05 * predicted)


@pytest.mark.parametrize("mode", ["fft", "bpmm"])
def test_fixed_point_files(tmp_path, mode):
    """Vectors of any size come back as what they are, although elements reach from -1 to 1 only."""
    draw = np.random.default_rng(4)
    x = 30 * (draw.standard_normal((3, 32)) + (1j * draw.standard_normal((3, 32)) if mode == "fft" else 0))
    w = 3 * draw.standard_normal((5, 16, 2, 2))
    report = simulate(tmp_path, {"x": x, "w": w}, *FIXED, mode=mode, output=tmp_path / "out.npz")
    assert report["bit_exact"] and len(report["scaling"]) == 5 and report["saturated"] == 0
    y, exact = np.load(tmp_path / "out.npz")["y"], np.fft.fft(x) if mode == "fft" else bpmm(x, w, "fp64")
    assert np.linalg.norm(y - exact) < 2e-3 * np.linalg.norm(exact)
    assert report["accuracy"]["relative_error"] < 2e-3


def test_predictions():
    top, p = tops()["butterfly"], resolve("butterfly", "tiny", None, ["bpmm=false"])
    assert list(top.predict(p, WorkloadOptions())) == ["fft"]


@pytest.mark.parametrize("text, sentence", [
    ("bus_width=512", "butterfly: rows must be a multiple of the 4 that a beat of the bus serves, not 1"),
    ("max_points=48", "butterfly: max_points must be a power of two, not 48"),
    ("columns=9", "butterfly: columns must be 1..8, not 9"),
    ("resident_points=4", "butterfly: resident_points must be at least 4 * lanes = 8, not 4"),
])
def test_refused_parameters(text, sentence):
    with pytest.raises(ThresherError) as failure:
        resolve("butterfly", "tiny", None, [text])
    assert sentence in str(failure.value)
