"""`thresher sim sofa`: what it refuses, what it reports, what it writes, and how it names a mismatch."""

import dataclasses

import numpy as np
import pytest

from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops import sofa_simulation
from gen.tops.registry import resolve, tops
from gen.tops.sofa_inputs import load_heads
from sim.golden.reference import attention
from sim.golden.sofa import golden_head
from sim.workloads import attention_case

TINY = resolve("sofa", "tiny", None, [])


def arrays(queries=5, keys=7, dimension=4, heads=None, **others):
    return attention_case(queries, keys, dimension, heads=heads, seed=3) | others


def write(path, contents):
    np.savez(path, **contents)
    return path


def run(tmp_path, contents, **options):
    path = write(tmp_path / "in.npz", contents)
    report = tops()["sofa"].simulate(TINY, SimulationOptions(
        simulator="icarus", input=path, output=tmp_path / "out.npz", **options))
    with np.load(tmp_path / "out.npz") as file:
        return report, {name: file[name] for name in file.files}


def test_load_flattens_leading_dimensions(tmp_path):
    case = attention_case(5, 7, 4, heads=6)
    mask = np.arange(7) < 3
    shaped = {name: x.reshape(2, 3, *x.shape[1:]) for name, x in case.items()}
    loaded = load_heads(write(tmp_path / "in.npz", shaped | {"mask": mask}), TINY)
    assert loaded.lead == (2, 3)
    for name in "qkv":
        assert np.array_equal(getattr(loaded, name), case[name])
    assert loaded.mask.shape == (6, 5, 7)


@pytest.mark.parametrize("change, sentence", [
    ({"k": None}, "has no array 'k'; attention takes q (…,Sq,d), k (…,Sk,d), v (…,Sk,dv)"),
    ({"q": np.zeros(4, np.float32)}, "q must be an array of numbers with at least 2 dimensions, not float32 (4,)"),
    ({"q": np.zeros((5, 4), bool)}, "q must be an array of numbers with at least 2 dimensions, not bool (5, 4)"),
    ({"v": np.full((7, 4), np.nan)}, "v must be finite, but it holds NaN or infinity"),
    ({"k": np.zeros((2, 7, 4))}, "q, k and v must agree in their leading dimensions, not (5, 4), (2, 7, 4), (7, 4)"),
    ({"q": np.zeros((5, 3))}, "q and k must have the same last dimension, not 3 and 4"),
    ({"v": np.zeros((8, 4))}, "k and v must have the same number of keys, not 7 and 8"),
    ({"q": np.zeros((0, 4))}, "q, k and v must not be empty, but their shapes are (0, 4), (7, 4), (7, 4)"),
    ({"k": np.zeros((129, 4)), "v": np.zeros((129, 4))},
     "the keys of a head must be at most 128 in this configuration, not 129; choose a larger max_keys"),
    ({"q": np.zeros((5, 17)), "k": np.zeros((7, 17))},
     "the head dimension of a head must be at most 16 in this configuration, not 17; choose a larger max_head_dim"),
    ({"v": np.zeros((7, 20))},
     "the value dimension of a head must be at most 16 in this configuration, not 20; choose a larger max_head_dim"),
    ({"q": np.zeros((65536, 4))}, "the queries of a head must be at most 65535 in this configuration, not 65536"),
    ({"mask": np.ones((5, 7))}, "mask must be boolean, not float64"),
    ({"mask": np.ones((4, 7), bool)}, "mask must have the shape (5, 7), not (4, 7)"),
])
def test_refused_arrays(tmp_path, change, sentence):
    contents = {name: x for name, x in (arrays() | change).items() if x is not None}
    with pytest.raises(ThresherError) as failure:
        load_heads(write(tmp_path / "in.npz", contents), TINY)
    assert str(failure.value).endswith(sentence)


def test_refused_files(tmp_path):
    path = tmp_path / "text.npz"
    path.write_text("not an archive")
    with pytest.raises(ThresherError, match=r"text.npz is not an .npz file of plain arrays"):
        load_heads(path, TINY)
    np.savez(tmp_path / "objects.npz", q=np.array([{}], dtype=object))
    with pytest.raises(ThresherError, match=r"objects.npz is not an .npz file of plain arrays"):
        load_heads(tmp_path / "objects.npz", TINY)
    np.savez(tmp_path / "whole.npz", q=np.ones((5, 4)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:200])
    with pytest.raises(ThresherError, match=r"cut.npz is not an .npz file of plain arrays"):
        load_heads(tmp_path / "cut.npz", TINY)
    np.save(tmp_path / "one.npy", np.ones((5, 4)))
    with pytest.raises(ThresherError, match=r"one.npy holds one array without a name"):
        load_heads(tmp_path / "one.npy", TINY)


def test_options_of_other_tops_are_refused():
    with pytest.raises(ThresherError, match="The top sofa has no option --mode"):
        tops()["sofa"].simulate(TINY, SimulationOptions(mode="fft"))


def test_report_and_arrays(tmp_path):
    contents = arrays(queries=6, keys=20, dimension=8, heads=2)
    report, out = run(tmp_path, contents, keep=0.5, compare_dense=True, stall=0.3, seed=4)
    assert report.keys() >= {
        "top", "parameters", "simulator", "bit_exact", "mismatches", "cycles", "utilisation", "counters", "accuracy",
        "seconds", "kcycles_per_second", "softmax_mass", "speedup_vs_dense"}
    assert (report["top"], report["simulator"], report["bit_exact"]) == ("sofa", "icarus", True)
    assert (report["seed"], report["stall"], report["keep"]) == (4, 0.3, 0.5)
    assert 0 < report["utilisation"] <= 1
    assert 0.5 < report["softmax_mass"] <= 1
    assert report["counters"]["rows"] == 12
    assert report["cycles"] == report["counters"]["cycles"]
    assert report["speedup_vs_dense"] == report["dense_cycles"] / report["cycles"]

    assert {name: (x.shape, x.dtype) for name, x in out.items()} == {
        "o": ((2, 6, 8), np.float32), "o_raw": ((2, 6, 8), np.int16), "selected": ((2, 6, 20), bool)}
    assert (out["selected"].sum(axis=2) == 10).all()
    for head in range(2):
        exact = attention(contents["q"][head], contents["k"][head], contents["v"][head], out["selected"][head])
        assert np.abs(out["o"][head] - exact).max() < 0.01 * np.abs(exact).max()
        scale = np.abs(contents["v"][head]).max() / 32767
        assert np.allclose(out["o"][head], out["o_raw"][head] * scale, rtol=1e-6)


def test_sampling_sees_all_counts_and_moves_no_cycle(tmp_path):
    contents = arrays(queries=6, keys=20, dimension=8)
    quiet, _ = run(tmp_path, contents, stall=0.3, seed=4)
    sampled, _ = run(tmp_path, contents, stall=0.3, seed=4, sample=1)
    assert "timeline" not in quiet and sampled["bit_exact"]
    assert (sampled["cycles"], sampled["counters"]) == (quiet["cycles"], quiet["counters"])
    timeline = sampled["timeline"]
    assert timeline["sample"] == 1
    assert [stage["counter"] for stage in timeline["stages"]] == [
        "input_words", "predicting", "starved", "multiplying", "output_words"]
    for stage in timeline["stages"]:
        cycles, increments = stage["cycle"], stage["increment"]
        assert sum(increments) == quiet["counters"][stage["counter"]] > 0
        lengths = np.diff([0, *cycles])
        # Registers are read at once, whatever the streams' stalls are: a sample of 7 every 12 cycles each.
        assert (lengths[1:] > 0).all() and lengths.max() <= 7 * 12 + 2
        assert (np.array(increments) <= stage["capacity"] * lengths).all()
        assert cycles[-1] >= quiet["cycles"]


def test_sampling_needs_counters(tmp_path):
    with pytest.raises(ThresherError, match="--sample reads the counters, and this configuration has none"):
        tops()["sofa"].simulate(dataclasses.replace(TINY, counters=False), SimulationOptions(sample=64))
    with pytest.raises(ThresherError, match="--sample must be at least 1 cycle, not 0"):
        SimulationOptions(sample=0)


def test_mask_and_causal(tmp_path):
    mask = np.random.default_rng(1).random((9, 9)) < 0.6
    mask[4] = False
    report, out = run(tmp_path, arrays(queries=9, keys=9, mask=mask), keep=1.0, causal=True)
    assert report["bit_exact"]
    assert np.array_equal(out["selected"], np.tril(mask))
    assert not out["o"][4].any()


def test_first_mismatch_is_named(tmp_path, monkeypatch):
    """A golden value that is wrong on purpose: head, row, column, tile and cycle of the word are told."""
    def corrupted(head, parameters):
        golden = golden_head(head, parameters)
        if corrupted.calls == 1:
            golden.outputs[3, 9] += 1
            golden.rows[4].keys[golden.rows[4].keys.argmax()] += 1
            golden.counters["rows"] += 1
        corrupted.calls += 1
        return golden

    corrupted.calls = 0
    monkeypatch.setattr(sofa_simulation, "golden_head", corrupted)
    seen = []
    simulate = sofa_simulation.simulate
    monkeypatch.setattr(sofa_simulation, "simulate", lambda *args, **kw: seen.append(simulate(*args, **kw)) or seen[-1])
    report, out = run(tmp_path, arrays(queries=6, keys=20, dimension=12, heads=2), keep=0.25, seed=1, stall=0.2)
    assert report["bit_exact"] is False
    assert report["mismatch_count"] == 3
    output, key, counter = report["mismatches"]
    hardware = int(out["o_raw"][1, 3, 9])
    # Each row has the masks of two segments in 1 word and 12 channels in 3; 6 rows are before.
    words = {"o_raw": (6 + 3) * 4 + 1 + 9 // 4, "selected": (6 + 4) * 4}
    cycles = seen[0].output_word_cycles[0]
    assert output == {"head": 1, "row": 3, "array": "o_raw", "column": 9, "tile": 1, "hardware": hardware,
                      "golden": hardware + 1, "word": words["o_raw"], "cycle": cycles[words["o_raw"]]}
    assert (key["head"], key["row"], key["array"], key["place"]) == (1, 4, "selected", 4)
    assert key["golden"] == key["hardware"] + 1
    assert key["column"] == key["hardware"]
    assert key["tile"] == key["column"] % 2                     # 20 keys make two interleaved sub-segments of 16
    assert (key["word"], key["cycle"]) == (words["selected"], cycles[words["selected"]])
    assert counter == {"array": "counters", "counter": "rows"}
    assert cycles[0] == seen[0].output_cycles[0][0]
    assert cycles[-1] == seen[0].output_cycles[0][1]
    assert cycles == sorted(set(cycles))


def test_broken_result_is_an_error(tmp_path, monkeypatch):
    simulate = sofa_simulation.simulate

    def broken(*arguments, **options):
        result = simulate(*arguments, **options)
        result.packets[0] = result.packets[0][:24] + result.packets[0][-8:]
        return result

    monkeypatch.setattr(sofa_simulation, "simulate", broken)
    with pytest.raises(ThresherError, match="the hardware broke its own format: the result packet is too short"):
        run(tmp_path, arrays())
