import pytest

from hw.sorter.rank_four import RankFour
from tests.streams import generator, run


def find(dut, rows, firsts, radius=0):
    """What the hardware finds, a row a cycle: ``[(value, index), ...]`` and how many values were left out."""
    got = []

    async def testbench(ctx):
        if len(dut.radius):
            ctx.set(dut.radius, radius)
        for cycle in range(len(rows) + dut.latency):
            ctx.set(dut.i, rows[min(cycle, len(rows) - 1)])
            ctx.set(dut.first, firsts[min(cycle, len(rows) - 1)])
            _, _, values, index, clipped = await ctx.tick().sample(dut.o, dut.index, dut.clipped)
            if cycle >= dut.latency:
                got.append(([(values[rank], index[rank]) for rank in range(4)], clipped))

    run(dut, testbench)
    return got


def drawn(rng, width):
    """Rows with few and with many equal values, and the quarter of the ranks that is wanted of each."""
    rows = [[rng.randrange(rng.choice([1, 2, 5, 1 << width])) for _ in range(16)] for _ in range(200)]
    rows += [[0] * 16, [(1 << width) - 1] * 16, list(range(16)), list(range(16))[::-1]]
    return rows, [rng.randrange(4) for _ in rows]


def ranked(row):
    return sorted(((value, index) for index, value in enumerate(row)), key=lambda pair: (-pair[0], pair[1]))


@pytest.mark.parametrize("width", [4, 7, 11])
def test_finds_any_quarter_of_the_ranks(width):
    dut = RankFour(width)
    rows, firsts = drawn(generator(), width)
    for row, first, (best, clipped) in zip(rows, firsts, find(dut, rows, firsts), strict=True):
        assert best == ranked(row)[4 * first:4 * first + 4]
        assert clipped == 0


@pytest.mark.parametrize("radius", [0, 1, 9, 63])
def test_leaves_out_what_the_radius_says(radius):
    """Only for further ranks; the first four are not counted, and neither is 0."""
    dut = RankFour(8, 6)
    rows, firsts = drawn(generator(), 8)
    for row, first, (best, clipped) in zip(rows, firsts, find(dut, rows, firsts, radius), strict=True):
        order = ranked(row)
        limit = order[0][0] >> 2
        out = [bool(radius and first and (value >> 2) + radius < limit) for value, _ in order]
        wanted = slice(4 * first, 4 * first + 4)
        assert [value for value, _ in best] == [0 if lost else value
                                                for (value, _), lost in zip(order[wanted], out[wanted], strict=True)]
        assert [index for _, index in best] == [index for _, index in order[wanted]]
        assert clipped == sum(lost and value >> 2 != 0 for (value, _), lost in zip(order[4:], out[4:], strict=True))
