# amaranth: UnusedElaboratable=no
import numpy as np
import pytest

from hw.sorter.top_four import TopFour, top_four_network
from tests.streams import generator, run


def network(values):
    """Run the network on rows of 16 values; lanes that are dead hold -1."""
    lanes = [column.copy() for column in np.asarray(values).T]
    for level in top_four_network():
        for high, low, full in level:
            a, b = lanes[high], lanes[low]
            lanes[high], lanes[low] = np.maximum(a, b), np.minimum(a, b) if full else np.full_like(a, -1)
    return np.stack(lanes, axis=1)


def test_size():
    levels = top_four_network()
    elements = [element for level in levels for element in level]
    assert len(levels) == 9
    assert len(elements) == 47
    assert sum(not full for _, _, full in elements) == 12


def test_a_level_uses_each_lane_once_and_no_dead_lane():
    dead = set()
    for level in top_four_network():
        used = [lane for high, low, _ in level for lane in (high, low)]
        assert len(set(used)) == len(used)
        assert not dead & set(used)
        dead |= {low for _, low, full in level if not full}
    assert dead == set(range(4, 16))


def test_zero_one_principle():
    rows = np.arange(1 << 16)[:, None] >> np.arange(16) & 1
    lanes, ones = network(rows), rows.sum(axis=1)
    assert np.array_equal(lanes[:, 0], ones >= 1)
    assert np.array_equal(lanes[:, 1], ones >= 2)
    assert np.array_equal(np.sort(lanes[:, 2:4], axis=1), np.stack([ones >= 4, ones >= 3], axis=1))


def sort(dut, rows):
    """The four of each row that the hardware finds, one row a cycle."""
    got = []

    async def testbench(ctx):
        for cycle in range(len(rows) + dut.latency):
            ctx.set(dut.i, rows[min(cycle, len(rows) - 1)])
            _, _, best = await ctx.tick().sample(dut.o)
            if cycle >= dut.latency:
                got.append([best[rank] for rank in range(4)])

    run(dut, testbench)
    return got


STAGES = pytest.mark.parametrize(("levels_per_stage", "latency"), [(1, 8), (2, 4), (3, 2), (9, 0)])


@STAGES
def test_hardware_with_ties(levels_per_stage, latency):
    rng = generator()
    dut = TopFour(5, levels_per_stage=levels_per_stage)
    assert dut.latency == latency
    rows = [[rng.randrange(rng.choice([2, 5, 32])) for _ in range(16)] for _ in range(150)]
    got = sort(dut, rows)
    for row, best in zip(rows, got, strict=True):
        assert [*best[:2], *sorted(best[2:], reverse=True)] == sorted(row, reverse=True)[:4]
    assert got == network(rows)[:, :4].tolist()


@STAGES
@pytest.mark.parametrize("order", ["descending", "ascending", "any"])
def test_low_bits_that_are_constants(order, levels_per_stage, latency):
    """What the network leaves out of its comparisons makes no difference."""
    rng = generator()
    fixed = tuple({"descending": range(15, -1, -1), "ascending": range(16), "any": rng.sample(range(16), 16)}[order])
    dut = TopFour(9, fixed, 4, levels_per_stage)
    assert dut.latency == latency
    rows = [[rng.randrange(rng.choice([1, 2, 5, 32])) for _ in range(16)] for _ in range(150)]
    values = [[upper << 4 | low for upper, low in zip(row, fixed, strict=True)] for row in rows]
    assert sort(dut, rows) == network(values)[:, :4].tolist()


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^levels_per_stage must be at least 1, not 0$"):
        TopFour(8, levels_per_stage=0)
