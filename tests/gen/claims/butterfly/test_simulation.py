"""Claims about the Verilog, on the smallest accelerator; and the layer of FABNet-Large."""

import pytest

from gen.claims import check
from gen.claims.butterfly import layers, simulation
from gen.claims.butterfly.evidence import Evidence
from gen.claims.butterfly.fabnet import LARGE, FabnetModel


@pytest.fixture(scope="module")
def evidence():
    return Evidence("tiny", ["max_points=512"], cycles=3000)


def test_claims_about_the_verilog(evidence):
    wrong, = simulation.vectors_that_the_published_hardware_gets_wrong(evidence)
    assert wrong.holds and "128 points" in wrong.claim
    assert all(claim.holds and len(claim.ours) == 3 for claim in simulation.steady_state(evidence))
    for claim in simulation.utilisation_of_the_array(evidence):
        # Batches are too short for the bar.
        assert len(claim.ours) == len(claim.paper) == 4 and all(0.5 < share < 1 for share in claim.ours)


def test_a_stall_shows(evidence, monkeypatch):
    """Twice as many cycles for the vectors that are added are not the steady state that is claimed."""
    run = evidence.run
    monkeypatch.setattr(evidence, "run", lambda points, count, mode: (2 * run(points, count, mode)[0], 0))
    assert not any(claim.holds for claim in simulation.steady_state(evidence))


def test_parts_of_a_layer_are_all_butterflies_of_the_model():
    for tokens in (128, 1024):
        work = sum(tasks * vectors * points // 2 * (points.bit_length() - 1)
                   for _, tasks, vectors, points, fft in layers.parts(LARGE, tokens))
        assert work == LARGE.butterflies(tokens)


def test_speed_up_over_fabnet():
    cycles, speed_up, at_most = layers.speed_up_over_fabnet(None)
    assert cycles.holds and speed_up.holds and at_most.holds
    assert [round(paper / ours, 3) for paper, ours in zip(cycles.paper, cycles.ours, strict=True)] == [
        round(value, 3) for value in speed_up.ours]


def test_model_of_a_layer_is_checked_in_verilog(monkeypatch):
    monkeypatch.setattr(layers, "PART", ("rows=1", "lanes=1", "bus_width=32", "max_points=64", "resident_points=64"))
    monkeypatch.setattr(layers, "LARGE", FabnetModel("Small", 1, 16))
    claim, = layers.cycles_of_a_layer(Evidence("tiny"))
    assert claim.holds and len(claim.ours) == 4


def test_claims_without_simulation():
    records = check("butterfly", simulate=False)
    assert all(record["holds"] for record in records)
    assert {record["source"].split(",")[0] for record in records} == {"FABNet artifact", "MLX"}
