"""The prediction of cycles next to the simulated hardware, and what it refuses."""

import numpy as np
import pytest

from gen.errors import ThresherError
from gen.estimate import WorkloadOptions
from gen.simulation import SimulationOptions
from gen.tops.registry import resolve, tops
from gen.tops.sofa_cycles import choose_workload
from sim.workloads import attention_case

TINY = resolve("sofa", "tiny", None, [])
SOFA = tops()["sofa"]


def predict(parameters=TINY, **options):
    return SOFA.predict(parameters, WorkloadOptions(**options))


@pytest.mark.parametrize("case, choice", [
    ((13, 37, 11, 1), {}),
    ((9, 20, 4, 3), {"causal": True, "policy": "quota"}),
    ((20, 16, 16, 1), {"keep": 1.0}),
    ((6, 128, 16, 1), {"keep": 0.1}),
])
def test_simulated_cycles(case, choice, tmp_path):
    queries, keys, width, heads = case
    np.savez(tmp_path / "in.npz", **attention_case(queries, keys, width, heads=heads, seed=5))
    found = SOFA.simulate(TINY, SimulationOptions(simulator="icarus", input=tmp_path / "in.npz", **choice))
    predicted = predict(input=tmp_path / "in.npz", **choice)
    assert predicted["cycles"] == pytest.approx(found["cycles"], rel=0.1)
    assert predicted["utilisation"] == pytest.approx(found["utilisation"], rel=0.1)
    assert predict(queries=queries, keys=keys, head_dim=width, heads=heads, **choice) == predicted


def test_what_bounds_the_cycles():
    ecp5 = resolve("sofa", "ecp5", None, [])
    assert predict(ecp5, keys=512, head_dim=32, keep=0.5)["bound"] == "multipliers"
    assert predict(ecp5, keys=512, head_dim=32, keep=0.05)["bound"] == "prediction"
    assert predict(ecp5, keys=512, head_dim=32, queries=1)["bound"] == "loading"
    wide = resolve("sofa", "ecp5", None, ["columns=16"])
    assert predict(wide, keys=512, head_dim=32, keep=0.125)["cycles"] < 0.6 * predict(
        ecp5, keys=512, head_dim=32, keep=0.125)["cycles"]


def test_more_work_takes_longer():
    for name in ("heads", "queries", "keys", "head_dim"):
        few = predict(**{"keys": 32, "queries": 16, "head_dim": 4, "heads": 1} | {name: 8})
        many = predict(**{"keys": 32, "queries": 16, "head_dim": 4, "heads": 1} | {name: 16})
        assert many["cycles"] > few["cycles"]
    # Heads that fit the halves of the memory overlap.
    assert predict(heads=2)["cycles"] < 2 * predict(heads=1)["cycles"]
    assert predict(heads=2, keys=128)["cycles"] > 1.9 * predict(heads=1, keys=128)["cycles"]


def test_sizes_that_are_not_given():
    shipped = choose_workload(TINY, WorkloadOptions())
    assert (shipped.queries, shipped.keys, shipped.head_dim, shipped.heads) == (64, 64, 16, 1)
    chosen = choose_workload(TINY, WorkloadOptions(keys=20, head_dim=8))
    assert (chosen.queries, chosen.keys, chosen.head_dim, chosen.value_dim) == (20, 20, 8, 8)


@pytest.mark.parametrize("options, sentence", [
    ({"keys": 0}, "--keys must be at least 1, not 0"),
    ({"keys": 129}, "the keys of a head must be at most 128"),
    ({"head_dim": 17}, "the head dimension of a head must be at most 16"),
    ({"keep": 0.0}, "--keep must be over 0 and at most 1, not 0.0"),
    ({"policy": "best"}, "--policy must be one of quota, merge, not 'best'"),
])
def test_refused(options, sentence):
    with pytest.raises(ThresherError, match=sentence):
        predict(**options)


def test_a_selection_that_the_configuration_cannot_make():
    with pytest.raises(ThresherError, match="at most 16 of 64 keys can be kept with max_segment_keys = 4, not 64"):
        predict(resolve("sofa", "tiny", None, ["max_segment_keys=4"]), keep=1.0)
