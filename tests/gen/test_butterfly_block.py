"""`thresher sim butterfly --mode block`: a block of FABNet, task by task on the emitted Verilog."""

import numpy as np
import pytest

from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops import butterfly_block
from gen.tops.registry import resolve, tops
from sim.golden.butterfly import fabnet_block, random_block


def simulate(*sets, **options):
    p = resolve("butterfly", "tiny", None, ["norm=true", *sets])
    return tops()["butterfly"].simulate(p, SimulationOptions(mode="block", **options))


def arrays(tokens, features, ratio, seed=3):
    block, draw = random_block(features, ratio, seed=seed), np.random.default_rng(seed)
    (weight1, bias1), (weight2, bias2) = block.norms
    return {"x": draw.standard_normal((tokens, features)), "up": block.up, "down": block.down,
            "weight1": weight1, "bias1": bias1, "weight2": weight2, "bias2": bias2}


def test_a_random_block():
    report = simulate(seed=1)
    assert report["bit_exact"] and report["mode"] == "block"
    assert (report["tokens"], report["features"], report["features_inside"]) == (64, 16, 64)
    assert report["cycles"] == sum(report["cycles_by_part"].values()) and len(report["cycles_by_part"]) == 6
    assert report["accuracy"]["relative_error"] < 0.01 and 0.3 < report["utilisation"] < 1


@pytest.mark.parametrize("tokens, features, ratio, stall", [(2, 32, 2, 0.4), (16, 4, 1, 0)])
def test_a_block_of_a_file(tmp_path, tokens, features, ratio, stall):
    block = arrays(tokens, features, ratio)
    np.savez(tmp_path / "in.npz", **block)
    report = simulate(input=tmp_path / "in.npz", output=tmp_path / "out.npz", stall=stall)
    assert report["bit_exact"]
    x, weights = butterfly_block._checked(block, "the block")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["y"], fabnet_block(x, weights).astype(np.float32))


def test_what_differs_is_named(monkeypatch):
    """A golden model with another activation differs in the whole block, and no part on its own does."""
    monkeypatch.setattr(butterfly_block, "fabnet_block",
                        lambda x, weights: fabnet_block(x, butterfly_block.dataclasses.replace(
                            weights, activation="none")))
    report = simulate(seed=1)
    assert not report["bit_exact"] and {each["step"] for each in report["mismatches"]} == {"block"}


@pytest.mark.parametrize("changes, sets, sentence", [
    ({}, ["norm=false"], "a block needs an accelerator with all modes; build it with fft, bpmm and norm"),
    ({}, ["norm=false", "arithmetic=bf16"], "a block is of fp16, and arithmetic is 'bf16'"),
    ({"down": None}, [], "has no array 'down'; a block needs x (S, N), up (R, log2 N, N/2, 2, 2), down"),
    ({"x": np.ones((3, 8))}, [], "x must be (S, N) with powers of two of at least 2, not (3, 8)"),
    ({"bias1": np.ones(4)}, [], "bias1 must be (8,) for 8 features and 16 inside, not (4,)"),
    ({"x": np.ones((2, 8), dtype=complex)}, [], "x must be an array of real numbers, not complex128"),
])
def test_refused_blocks(tmp_path, changes, sets, sentence):
    block = {name: array for name, array in (arrays(2, 8, 2) | changes).items() if array is not None}
    np.savez(tmp_path / "in.npz", **block)
    with pytest.raises(ThresherError) as failure:
        simulate(*sets, input=tmp_path / "in.npz")
    assert sentence in str(failure.value)
