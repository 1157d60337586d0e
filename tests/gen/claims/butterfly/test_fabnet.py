import pytest

from gen.claims.butterfly.fabnet import (
    BASE,
    DDR3,
    LARGE,
    FabnetMachine,
    FabnetModel,
    latency_ms,
    layer_cycles,
    utilisation,
)
from gen.claims.butterfly.fabnet_model import bandwidths_of_fabnet, cycles_of_fabnet, latencies_of_fabnet
from gen.claims.butterfly.fabnet_tables import LATENCY_MS, TOKENS


@pytest.mark.parametrize("rows, count", [(latencies_of_fabnet, 8), (cycles_of_fabnet, 4), (bandwidths_of_fabnet, 3)])
def test_tables_come_out_to_all_digits(rows, count):
    claims = list(rows(None))
    assert len(claims) == count and all(claim.holds for claim in claims)
    assert all(len(claim.paper) == len(claim.ours) > 3 for claim in claims)


def test_large_takes_twice_as_long_as_base():
    for machine in (FabnetMachine(120), FabnetMachine(32, DDR3)):
        for tokens in TOKENS:
            assert latency_ms(machine, LARGE, tokens) == pytest.approx(2 * latency_ms(machine, BASE, tokens))


@pytest.mark.parametrize("engines, bandwidths, tokens, cycles", [
    # Made with the official simulator; one run, many runs, odd bandwidths and lengths.
    (128, (2048, 256, 2048), 128, [2560, 3328, 5120, 12288]),
    (40, (2048, 256, 2048), 128, [7680, 7680, 20480, 24576]),
    (20, (64, 64, 128), 128, [38400, 69120, 136960, 139264]),
    (32, (64, 64, 128), 1024, [293632, 547584, 1037568, 1005568]),
])
def test_layers_of_the_official_simulator(engines, bandwidths, tokens, cycles):
    assert list(layer_cycles(FabnetMachine(engines, bandwidths), LARGE, tokens).values()) == cycles


@pytest.mark.parametrize("engines, shares", [
    (40, (.71, .79, .84, .84)), (120, (.51, .64, .74, .80)), (128, (.58, .955, .87, .84))])
def test_utilisation(engines, shares):
    for tokens, share in zip((128, 256, 512, 1024), shares, strict=True):
        assert utilisation(FabnetMachine(engines), LARGE, tokens) == pytest.approx(share, abs=0.005)


def test_a_single_run_by_hand():
    """64 points, 2 engines of 1 unit, tokens of one run: nothing overlaps."""
    machine = FabnetMachine(2, (64, 32, 64), units=1)
    model = FabnetModel("tiny", 1, 33, 2)
    compute, load, coefficients = 32 * 6, 64, 64 * 6
    assert (model.points, model.wide_points) == (64, 128)
    assert machine.compute_cycles(64) == compute and machine.move_cycles(64, 0) == load
    assert machine.coefficient_cycles(64) == coefficients
    parts = layer_cycles(machine, model, 2)
    assert parts == {"fourier_features": coefficients + compute, "fourier_tokens": coefficients + compute,
                     "up": coefficients + compute, "down": 128 * 7 + 64 * 7}
    # Two features' and two tokens' transforms, up and down.
    assert model.butterflies(2) == 2 * 32 * 6 + 64 * 1 + 2 * (2 * 32 * 6 + 64 * 7)


def test_bad_machines():
    with pytest.raises(ValueError, match=r"^engines and units must be at least 1, not 0 and 4$"):
        FabnetMachine(0)
    with pytest.raises(ValueError, match=r"^bandwidths must be three multiples of 32, not \(64, 64, 40\)$"):
        FabnetMachine(1, (64, 64, 40))


def test_tables_are_complete():
    assert len(LATENCY_MS) == 8 and all(len(row) == len(TOKENS) for row in LATENCY_MS.values())
