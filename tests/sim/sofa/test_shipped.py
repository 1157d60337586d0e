"""Heads of a real transformer through the preset `ecp5`: bit-exact, nothing saturates, and close to float."""

import numpy as np
import pytest

from gen.simulation import SimulationOptions
from gen.tops.registry import resolve, tops
from sim.workloads import shipped


@pytest.mark.parametrize("name, keep, causal, policy", [
    ("local", 0.25, False, "merge"), ("diffuse", 0.25, False, "quota"), ("diffuse", 0.125, True, "merge")])
def test_shipped_head(tmp_path, name, keep, causal, policy):
    case = shipped(name)
    np.savez(tmp_path / "in.npz", **case)
    report = tops()["sofa"].simulate(resolve("sofa", "ecp5", None, []), SimulationOptions(
        input=tmp_path / "in.npz", output=tmp_path / "out.npz", keep=keep, causal=causal, policy=policy))
    assert report["bit_exact"] and report["mismatches"] == []
    assert report["counters"]["score_saturated"] == report["counters"]["predict_saturated"] == 0
    assert report["counters"]["rows"] == len(case["q"])
    assert report["accuracy"]["max_error_over_selected"] <= 0.01
    assert report["counters"]["cycles"] == report["cycles"]
    with np.load(tmp_path / "out.npz") as returned:
        kept = returned["selected"].sum(axis=1)
        assert kept.max() <= round(keep * len(case["k"]))
        if causal:
            assert not np.triu(returned["selected"], 1).any()
        else:
            assert (kept == round(keep * len(case["k"]))).all()


def test_shipped_tokens(tmp_path):
    """A real head of 64 tokens and 384 features, with stalls."""
    np.savez(tmp_path / "in.npz", **shipped("tokens"))
    report = tops()["sofa"].simulate(resolve("sofa", "ecp5", None, []), SimulationOptions(
        input=tmp_path / "in.npz", keep=0.25, stall=0.4, seed=7))
    assert report["bit_exact"] and report["mismatches"] == []
    assert report["counters"]["predict_saturated"] == 0 < report["counters"]["keys_made"] <= 64
    assert report["accuracy"]["max_error_over_selected"] <= 0.01
