"""`thresher sim sofa` from tokens: what it refuses, what it reports and writes; figures of traffic and of reuse."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops import sofa_simulation
from gen.tops.registry import resolve, tops
from gen.tops.sofa_inputs import check_heads, load_heads, shipped_case
from gen.tops.sofa_simulation import utilisation
from gen.tops.sofa_traffic import baseline_bytes, reuse, traffic, union_loads
from sim.golden.reference import attention
from sim.workloads import token_case

TINY = resolve("sofa", "tiny", None, [])


def arrays(heads=None, **others):
    """12 tokens of 10 features; projections to 6 channels, and to 3 of the values, of each of `heads`."""
    cases = [token_case(12, 10, 6, seed=seed, bias=True) for seed in range(heads or 1)]
    stacked = {name: np.stack([case[name] for case in cases]) if heads else array for name, array in cases[0].items()}
    return stacked | {"x": cases[0]["x"], "wv": stacked["wv"][..., :3], "bv": stacked["bv"][..., :3]} | others


def simulate(tmp_path, contents, **options):
    np.savez(tmp_path / "in.npz", **contents)
    report = tops()["sofa"].simulate(TINY, SimulationOptions(
        simulator="icarus", input=tmp_path / "in.npz", output=tmp_path / "out.npz", keep=0.25, **options))
    with np.load(tmp_path / "out.npz") as file:
        return report, {name: file[name] for name in file.files}


@pytest.mark.parametrize("change, sentence", [
    ({"wk": None},
     "has no array 'wk'; a head from tokens takes x (…,S,H), wq and wk (…,H,d), wv (…,H,dv), and optional biases "
     "bq, bk, bv"),
    ({"x": np.zeros((12, 10), bool)}, "x must be an array of numbers with at least 2 dimensions, not bool (12, 10)"),
    ({"bq": np.float32(1)}, "bq must be an array of numbers with at least 1 dimension, not float32 ()"),
    ({"wq": np.full((10, 6), np.inf)}, "wq must be finite, but it holds NaN or infinity"),
    ({"wk": np.zeros((2, 10, 6))},
     "wq, wk and wv must agree in their leading dimensions, not (10, 6), (2, 10, 6), (10, 3)"),
    ({"wq": np.zeros((10, 5))}, "wq and wk must have the same last dimension, not 5 and 6"),
    ({"wv": np.zeros((9, 3))},
     "wq, wk and wv must have a row for each of the 10 features of x, not 10, 10 and 9"),
    ({"x": np.zeros((0, 10))}, "x, wq and wv must not be empty, but their shapes are (0, 10), (10, 6), (10, 3)"),
    ({"x": np.zeros((129, 10))},
     "the tokens of a head must be at most 128 in this configuration, not 129; choose a larger max_keys"),
    ({"x": np.zeros((12, 65)), "wq": np.zeros((65, 6)), "wk": np.zeros((65, 6)), "wv": np.zeros((65, 3))},
     "the features of a head must be at most 64 in this configuration, not 65; choose a larger max_features"),
    ({"wq": np.zeros((10, 17)), "wk": np.zeros((10, 17))},
     "the head dimension of a head must be at most 16 in this configuration, not 17; choose a larger max_head_dim"),
    ({"wv": np.zeros((10, 18))},
     "the value dimension of a head must be at most 16 in this configuration, not 18; choose a larger max_head_dim"),
    ({"x": np.zeros((2, 12, 10)), "wq": np.zeros((3, 10, 6)), "wk": np.zeros((3, 10, 6)), "wv": np.zeros((3, 10, 3))},
     "x and wq must agree in their leading dimensions, not (2, 12, 10) and (3, 10, 6)"),
    ({"x": np.zeros((257, 12, 10))}, "a task takes at most 256 heads of several sequences of tokens, not 257"),
    ({"bk": np.zeros(5)}, "bk must have the shape (6,), not (5,)"),
    ({"bk": np.zeros(1)}, "bk must have the shape (6,), not (1,)"),
    ({"bv": np.zeros((2, 3))}, "bv must have the shape (3,), not (2, 3)"),
    ({"mask": np.ones((12, 12))}, "mask must be boolean, not float64"),
    ({"mask": np.ones((12, 10), bool)}, "mask must have the shape (12, 12), not (12, 10)"),
])
def test_refused_arrays(change, sentence):
    contents = {name: array for name, array in (arrays() | change).items() if array is not None}
    with pytest.raises(ThresherError) as failure:
        check_heads(contents, "in.npz", TINY)
    assert str(failure.value).endswith(sentence)


def test_refused_by_the_configuration():
    """No generator; or too small a memory for weights."""
    with pytest.raises(ThresherError) as failure:
        check_heads(arrays(), "in.npz", dataclasses.replace(TINY, generator_rows=0))
    assert str(failure.value) == "this configuration cannot start from tokens; choose generator_rows of at least 1"
    # 33 features are filled up to 40 and 9 channels to 16.
    case = token_case(12, 33, 9)
    check_heads(case, "in.npz", dataclasses.replace(TINY, max_weights=640))
    with pytest.raises(ThresherError) as failure:
        check_heads(case, "in.npz", dataclasses.replace(TINY, max_weights=636))
    assert str(failure.value) == (
        "the matrix elements, with features and channels filled up, of a head must be at most 636 in this "
        "configuration, not 640; choose a larger max_weights")


def test_tokens_or_attention(tmp_path):
    """A file that has both is taken as `from_tokens` says; leading dimensions of tokens and weights are broadcast."""
    contents = arrays(heads=3)
    contents |= {"x": np.stack([contents["x"], 2 * contents["x"]])[:, None], "mask": np.eye(12, dtype=bool)}
    del contents["bk"]
    q = np.ones((1, 4), np.float32)
    np.savez(tmp_path / "in.npz", q=q, k=q, v=q, **{name: x for name, x in contents.items() if name != "mask"})
    assert load_heads(tmp_path / "in.npz", TINY).tokens is None
    assert load_heads(tmp_path / "in.npz", TINY, from_tokens=True).tokens is not None

    loaded = check_heads(contents, "in.npz", TINY)
    assert loaded.lead == (2, 3)
    assert loaded.mask.shape == (6, 12, 12)
    for head, (sequence, projection) in enumerate(np.ndindex(2, 3)):
        x = contents["x"][sequence, 0]
        for name in "qkv":
            expected = x @ contents[f"w{name}"][projection] + contents.get(f"b{name}", np.zeros((3, 1)))[projection]
            assert np.allclose(getattr(loaded, name)[head], expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 10), (1, 12, 10)])
def test_any_number_of_heads_shares_a_sequence(shape):
    weights = np.zeros((257, 10, 6))
    assert check_heads({"x": np.zeros(shape), **dict.fromkeys(("wq", "wk", "wv"), weights)}, "", TINY).lead == (257,)


def test_the_shipped_case_is_cut_to_the_configuration():
    loaded = check_heads(shipped_case(TINY, True), "the shipped case", TINY, True)
    assert loaded.tokens["x"].shape == (1, 64, TINY.most_features(16)) == (1, 64, 64)
    assert loaded.tokens["wq"].shape == (1, 64, 16)


def test_report_and_arrays(tmp_path):
    """Two heads that share their tokens; every figure of the report follows from what was selected and made."""
    contents = arrays(heads=2)
    report, out = simulate(tmp_path, contents, stall=0.2, seed=5)
    assert (report["bit_exact"], report["mismatches"]) == (True, [])
    assert {name: (array.shape, array.dtype) for name, array in out.items()} == {
        "o": ((2, 12, 3), np.float32), "o_raw": ((2, 12, 3), np.int16), "selected": ((2, 12, 12), bool),
        "kv_generated": ((2, 12), bool)}
    selected, made = out["selected"], out["kv_generated"]
    assert (selected.sum(axis=2) == 3).all()
    assert np.array_equal(made, selected.any(axis=1))
    assert 0 < made.mean() < 1
    for head in range(2):
        q, k, v = (contents["x"] @ contents[f"w{name}"][head] + contents[f"b{name}"][head] for name in "qkv")
        exact = attention(q, k, v, selected[head])
        assert np.abs(out["o"][head] - exact).max() < 0.01 * np.abs(exact).max()

    count, cycles, counters = int(made.sum()), report["cycles"], report["counters"]
    assert report["kv_union_ratio"] == made.mean()
    assert counters["keys_made"] == count
    # 3 keys for each of 24 rows at 6 + 3 products; 10 features to 6 channels of each row, to 9 of each key.
    assert report["utilisation_attention"] == pytest.approx(72 * 9 / (16 * cycles))
    assert report["utilisation_generator"] == pytest.approx(10 * (24 * 6 + count * 9) / (8 * cycles))
    assert report["utilisation"] == max(report["utilisation_attention"], report["utilisation_generator"])

    # Words of 8 bytes. A token is 2 of 8-bit elements, 3 of 16-bit ones. Weights of a head: 8 channels of codes, a
    # word each; a word for 4 biases and 3 a channel, of 8, 8 and 4 channels. A row is a word of keys, one of outputs.
    assert report["traffic"]["bytes"] == {
        "tokens_8bit": 8 * 24 * 2, "tokens_for_queries": 8 * 24 * 3, "tokens_for_keys": 8 * count * 3,
        "weights": 8 * 2 * (8 + (2 + 8 * 3) + (2 + 8 * 3) + (1 + 4 * 3)), "output": 8 * (24 * 2 + 1),
        "headers": 2 * 32}
    assert report["traffic"]["total"] == sum(report["traffic"]["bytes"].values())
    assert report["traffic"]["baseline"] == {
        "queries": 288, "keys_4bit": 72, "predicted_scores": 288, "scores": 288, "keys_and_values": 1296,
        "output": 144}
    assert report["traffic"]["baseline_total"] == 2376
    assert report["traffic"]["saved"] == 1 - report["traffic"]["total"] / 2376

    union = int((selected[:, ::2] | selected[:, 1::2]).sum())          # two rows share what they load
    assert report["reuse"] == {"loads": counters["key_loads"], "union": union, "pairs": 72,
                               "saved": 1 - counters["key_loads"] / 72}
    assert union <= counters["key_loads"] < 72


def test_a_key_that_should_not_have_been_made_is_a_mismatch(tmp_path, monkeypatch):
    generated_keys = sofa_simulation.generated_keys

    def one_more(requests, heads):
        made = generated_keys(requests, heads)
        made[0, np.flatnonzero(~made[0])[0]] = True
        return made

    monkeypatch.setattr(sofa_simulation, "generated_keys", one_more)
    report, out = simulate(tmp_path, arrays(mask=np.arange(12) < 5), causal=True)
    assert (report["bit_exact"], report["mismatches"]) == (False, [{"array": "kv_generated", "head": 0}])
    assert report["traffic"]["bytes"]["masks"] == 8 * 12
    assert out["kv_generated"].shape == (12,)
    assert not out["selected"][:, 5:].any()


def test_bytes_of_the_baseline():
    """130 queries are two blocks of at most 128, each of which reads the keys."""
    assert baseline_bytes(130, kept=3, keys=5, channels=4, value_channels=2) == {
        "queries": 1040, "keys_4bit": 20, "predicted_scores": 650, "scores": 12, "keys_and_values": 36, "output": 520}
    assert baseline_bytes(128, kept=3, keys=5, channels=4, value_channels=2)["keys_4bit"] == 10


@pytest.mark.parametrize("rows, loads", [(1, 7), (2, 6), (3, 4), (5, 3), (8, 3)])
def test_fewest_loads(rows, loads):
    """Rows of a whole group share their keys, and so do those of the part of a group at the end."""
    selected = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1]], bool)
    assert union_loads(selected, rows) == loads


def test_figures_without_counters_or_generator():
    selected = np.ones((1, 2, 4), bool)
    run = SimpleNamespace(heads=[SimpleNamespace(keys=np.zeros((4, 6)), values=np.zeros((4, 3)))], selected=selected,
                          counters={}, generated=None, simulation=SimpleNamespace(cycles=9))
    assert traffic(run, TINY) is None
    assert reuse(run, TINY) is None
    assert utilisation(run, TINY) == {"utilisation": 0.5, "utilisation_attention": 0.5}
