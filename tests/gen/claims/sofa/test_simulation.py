from types import SimpleNamespace

import numpy as np

from gen.claims.sofa import simulation
from gen.claims.sofa.evidence import Run
from gen.claims.sofa.schedule import GROUP
from gen.tops.sofa_traffic import union_loads
from sim.golden.sofa import choose_keys, golden_head
from sim.host.quantise import Selection, plan_head
from sim.workloads import attention_case
from tests.gen.claims.sofa.evidence import small_evidence


def pretended(cycles, extra_loads=0, mismatches=()):
    """Evidence whose hardware is the golden model, or one that takes so many loads more."""
    evidence = small_evidence()

    def run(arrays, selection, mask=None):
        head, _ = plan_head(*arrays, selection, evidence.parameters, mask=mask)
        golden = golden_head(head, evidence.parameters)
        loads = golden.counters["key_loads"] + extra_loads
        return Run(arrays, SimpleNamespace(
            selected=golden.selected[None], golden=[golden], mismatches=list(mismatches), outputs=golden.outputs[None],
            counters=golden.counters | {"key_loads": loads, "multiplying": int(golden.selected.sum())},
            simulation=SimpleNamespace(cycles=cycles)))

    evidence.simulate = run
    case = attention_case(16, 32, 8, seed=4)
    evidence.runs = {"drawn": run(tuple(case[role] for role in "qkv"), Selection(keep=0.25))}
    return evidence


def test_figures_of_a_run():
    # 16 rows keep 8 keys each, of 8 + 8 products, on 64 multipliers.
    found = list(simulation.utilisation_of_the_verilog(pretended(cycles=40)))
    assert [(claim.ours, claim.holds) for claim in found] == [(100 * 16 * 8 * 16 / (64 * 40), False)]
    found, = simulation.effective_throughput_of_the_verilog(pretended(cycles=36))
    assert found.ours == 16 * 32 * 16 / (64 * 36) and found.paper == 0.852 / 0.25
    assert found.holds and "25 % of the keys" in found.note


def test_loads_are_those_of_the_union():
    right = list(simulation.loads_of_the_verilog(pretended(40)))
    assert [claim.ours for claim in right] == [16, 16, 0] and all(claim.holds for claim in right)
    wrong = list(simulation.loads_of_the_verilog(pretended(40, extra_loads=1)))
    assert [claim.holds for claim in wrong] == [False, True, False]


def test_differences_to_the_golden_model_fail_the_claim():
    for mismatches, holds in (((), True), (({"array": "o_raw"},), False)):
        found, = simulation.fixed_point_of_the_verilog(pretended(40, mismatches=mismatches))
        assert found.holds is holds


def test_kept_keys_of_a_real_head():
    evidence = small_evidence()
    kept, = evidence.kept(0.25)
    assert kept.selected.sum(axis=1).tolist() == [16] * 64
    assert kept.counters["key_loads"] == union_loads(kept.selected, GROUP)
    assert np.array_equal(evidence.heads[0].scores.argmax(axis=1),
                          (evidence.heads[0].arrays[0] @ evidence.heads[0].arrays[1].T).argmax(axis=1))


def test_predicted_scores_are_those_that_the_keys_are_kept_by():
    evidence = small_evidence()
    (head,), (kept,) = evidence.heads, evidence.kept(0.25)
    planned, _ = plan_head(*head.arrays, Selection(keep=0.25), evidence.parameters)
    rows, _ = choose_keys(head.predicted, planned, evidence.parameters)
    assert [sorted(row.keys) for row in rows] == [np.flatnonzero(row).tolist() for row in kept.selected]
