"""Claims of FLAASH: those without hardware, and those about the Verilog on small clusters."""

import importlib.util

import numpy as np
import pytest

from gen.claims import check
from gen.claims.flaash import curves, figures, function, processors, simulation, work
from gen.claims.flaash.evidence import MERGE, Evidence, fibers_of
from sim.golden.flaash import INT16


@pytest.fixture(scope="module")
def evidence():
    return Evidence("tiny", ["entries=2048", "buffer_windows=64"], engines=(1, 2), shape=(4, 4, 256),
                    densities=(0.1, 0.05), draws=2)


def test_claims_without_simulation():
    records = check("flaash", simulate=False)
    assert all(record["holds"] for record in records) and {record["how"] for record in records} == {
        "exact", "statistical"}
    assert {record["source"].split(",")[0] for record in records} == {
        "Contraction", "Evaluation", "Format of files", "Jobs"}
    merge = [record for record in records if record["claim"].startswith("steps of a merge")]
    assert [record["paper"] for record in merge] == [231.7, 117.5, 9.8]


def test_a_wrong_sum_fails_its_claim(monkeypatch):
    monkeypatch.setattr(function, "dot_product", lambda *arguments: 1.5)
    claim, = function.order_of_summation(None)
    assert not claim.holds and claim.ours == 50


def test_more_work_fails_its_claims(evidence, monkeypatch):
    monkeypatch.setattr(work, "count_work", lambda a, b, **options: {
        "compare_cycles": 1000, "jobs": 1, "macs": 1, "reads_a": 1, "reads_b": 1, "reads_a_kept": 1})
    evidence = Evidence()
    assert not any(claim.holds for claim in work.steps_of_the_source(evidence))
    assert not any(claim.holds for claim in work.windows(evidence))
    entries, share = work.reads(evidence)
    assert entries.holds and not share.holds


def test_fibers_of_equally_many_entries():
    tensor = fibers_of(5, 40, 40, INT16, 3)
    assert tensor.fibers == 5 and np.all(np.diff(tensor.pointers) == 40) and np.all(tensor.values > 0)
    assert fibers_of(5, 40, 7, INT16, 3).nnz == 35


def test_times_of_one_engine_and_of_a_cluster(evidence):
    """Tensors are a fraction of the paper's, and so is what they take."""
    claims = list(simulation.one_engine(evidence))
    assert len(claims) == 4 and all(claim.holds for claim in claims)
    ours = [claim.ours for claim in claims]
    assert ours[2] < 0.4 * ours[0] and ours[0] > 1.8 * ours[1]
    merge = evidence.square(0.1, *MERGE)
    assert merge.cycles == pytest.approx(merge.compares, abs=150) and merge.engines == 1 and merge.waits == 0


def test_scaling_and_utilisation(evidence, monkeypatch):
    monkeypatch.setattr(simulation, "paper_cycles", lambda density, engines: 1e5 / engines)
    scaling, = simulation.scaling(evidence)
    assert scaling.holds and scaling.ours[0] == 1 and scaling.ours[1] > 0.9
    merge, shares = simulation.utilisation(evidence)
    assert shares.holds and shares.ours[0] > shares.ours[1] > 0.025 > shares.paper[1]
    assert merge.ours == pytest.approx(merge.paper, rel=0.2)
    assert all(claim.holds and "waited for their bank in" in claim.note for claim in simulation.cluster(evidence))


def test_curves(evidence, monkeypatch):
    assert all(claim.holds for claim in curves.time_over_length(evidence))
    monkeypatch.setattr(curves, "DENSITY_CURVES", {(7, 7, 128): {0.5: 0.5, 5: 1.0}})
    claim, = curves.time_over_density(evidence)
    assert claim.holds and claim.ours[0] < claim.ours[1] == 1
    monkeypatch.setattr(curves, "ORDERS", (2, 3, 4))
    monkeypatch.setattr(curves, "ORDER_CURVE", (1, 2, 4))
    claim, = curves.time_over_order(evidence)
    assert claim.holds and len(claim.ours) == len(claim.paper) == 2


def test_a_processor(evidence, monkeypatch):
    monkeypatch.setattr(processors, "SPEED_UPS", {(3, 3, 64): 24.5})
    monkeypatch.setattr(processors, "_RUNS", 3)
    claims = list(processors.beside_a_processor(evidence))
    libraries = sum(importlib.util.find_spec(module) is not None for module in processors.LIBRARIES)
    assert len(claims) == libraries * (1 + len(processors.CLOCKS_MHZ))
    for number in range(0, len(claims), 3):
        time, fast, slow = claims[number:number + 3]
        assert time.ours[0] > 0 and fast.ours[0] == pytest.approx(20 * slow.ours[0]) and slow.paper is None


def test_a_processor_computes_the_same(evidence):
    a, b = (fibers_of(4, 30, 6, INT16, seed) for seed in (1, 2))
    a, b = (tensor.with_values(tensor.values.astype(np.int64)) for tensor in (a, b))
    assert (processors.by_scipy(a, b)().toarray() == a.to_dense() @ b.to_dense().T).all()


def test_figures_are_of_the_same_cases():
    assert set(figures.SCALING) == set(figures.DENSITIES) == set(figures.MERGE_UTILISATION)
    assert all(len(times) == len(figures.ENGINES) for times in figures.SCALING.values())
    assert figures.SPEED_UPS.keys() == figures.DENSITY_CURVES.keys()
