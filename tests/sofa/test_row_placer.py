"""`RowPlacer`: places of rows, head after head, against a model written from its description."""

import pytest

from hw.sofa.row_placer import RowPlacer
from tests.sofa.heads import tiny
from tests.streams import generator, run

MACHINES = {
    "one slice, two trees": dict(),
    "one slice, one tree": dict(columns=1),
    "one slice, four trees, odd ring": dict(columns=4, query_groups=3),
    "two slices, shortest ring": dict(rows=8, query_groups=2),
    "three slices, odd ring": dict(rows=12, query_groups=5),
    "three slices, one tree": dict(rows=12, columns=1, query_groups=2),
}


def output(ctx, dut, *names):
    """Values of outputs, of which some are fields of the place."""
    place = ctx.get(dut.place)
    return tuple(place[name] if name in dut.place.shape().members else ctx.get(getattr(dut, name)) for name in names)


class Model:
    """Where rows go: heads begin at the first slice, rings of slots go on from head to head."""

    def __init__(self, parameters):
        self.p = parameters
        self.held = [0] * parameters.slices
        self.begun = [0] * parameters.slices             # groups that have ended, since reset
        self.start(0)

    def start(self, queries):
        self.queries, self.row = queries, 0

    @property
    def slice(self):
        return self.row // self.p.trees % self.p.slices

    def outputs(self):
        """Values of the outputs; those of the next row only if there is one."""
        p, tree = self.p, self.row % self.p.trees
        always = dict(row=self.row, held=sum(self.held), complete=int(self.row == self.queries),
                      early=int(self.row == p.early_rows))
        if always["complete"]:
            return always
        return always | dict(
            slices=1 << self.slice, slot=self.begun[self.slice] % p.query_groups, tree=tree,
            free=int(tree > 0 or self.held[self.slice] < p.query_groups),
            group_end=int(tree == p.trees - 1 or self.row == self.queries - 1))

    def advance(self):
        if self.outputs()["group_end"]:
            self.held[self.slice] += 1
            self.begun[self.slice] += 1
        self.row += 1


class Bench:
    """A placer that is compared with its model whenever it says that its outputs hold."""

    def __init__(self, parameters):
        self.dut, self.model = RowPlacer(parameters), Model(parameters)

    def compare(self, ctx):
        expected = self.model.outputs()
        assert ctx.get(self.dut.settled)
        assert output(ctx, self.dut, *expected) == tuple(expected.values()), tuple(expected)

    async def settle(self, ctx):
        """The outputs hold from the fourth cycle on after what has changed them."""
        for _ in range(3):
            assert not ctx.get(self.dut.settled)
            await ctx.tick()

    async def step(self, ctx, advance=False, done=()):
        """The next row has its place, or groups of the slices in `done` are not needed any more."""
        dut, model = self.dut, self.model
        self.compare(ctx)
        ctx.set(dut.advance, advance)
        ctx.set(dut.group_done, sum(1 << index for index in done))
        await ctx.tick()
        ctx.set(dut.advance, 0)
        ctx.set(dut.group_done, 0)
        if advance:
            model.advance()
        for index in done:
            model.held[index] -= 1
        if advance:
            await self.settle(ctx)
        elif done:
            await ctx.tick()                                   # until the place is known to be free
        self.compare(ctx)

    async def start(self, ctx, queries):
        """Begin a head; its number of rows is there with its first row, as the loader has it."""
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)
        ctx.set(self.dut.queries, queries)
        self.model.start(queries)
        await self.settle(ctx)


@pytest.mark.parametrize("changes", MACHINES.values(), ids=MACHINES)
def test_heads_one_after_the_other(changes):
    """Groups end at random, now more slowly than rows come, now faster; some heads have a row only."""
    rng = generator()
    p = tiny(**changes)
    bench = Bench(p)
    model = bench.model
    lengths = [1, 2, p.trees, p.trees * p.slices + 1, 27, 40]
    seen = {"full": 0, "wrapped": 0}

    async def testbench(ctx):
        for number in range(16):
            await bench.start(ctx, rng.choice(lengths) if number else 3 * p.slices * p.query_groups * p.trees)
            leaving = 0.03 if number < 8 else 0.4
            while not model.outputs()["complete"]:
                free = model.outputs()["free"]
                seen["full"] += not free
                seen["wrapped"] += free and model.begun[model.slice] >= p.query_groups
                done = [index for index, held in enumerate(model.held) if held and rng.random() < leaving]
                await bench.step(ctx, advance=free and rng.random() < 0.8, done=done)

    run(bench.dut, testbench)
    assert all(seen.values())


def test_a_full_ring_waits_for_its_own_slice():
    """A group may begin when one of this slice is done, two cycles after; it does not matter which others are."""
    p = tiny(rows=8, query_groups=2)
    assert (p.slices, p.trees) == (2, 2)
    bench = Bench(p)

    async def testbench(ctx):
        await bench.start(ctx, 100)
        for _ in range(8):
            assert ctx.get(bench.dut.free)
            await bench.step(ctx, advance=True)
        assert (ctx.get(bench.dut.free), ctx.get(bench.dut.held)) == (0, 4)
        await bench.step(ctx, done=[1])
        assert (ctx.get(bench.dut.free), ctx.get(bench.dut.held)) == (0, 3)
        await bench.step(ctx, done=[0])
        assert output(ctx, bench.dut, "free", "slices", "slot") == (1, 1, 0)
        # The end of a group and the leaving of another one in the same cycle cancel out.
        await bench.step(ctx, advance=True)
        await bench.step(ctx, advance=True, done=[0])
        assert ctx.get(bench.dut.held) == 2

    run(bench.dut, testbench)


def test_a_group_begun_stays_free():
    """Places of a group are free up to its end, also in the last slot of the ring."""
    p = tiny(query_groups=2, columns=4)
    bench = Bench(p)

    async def testbench(ctx):
        await bench.start(ctx, 9)
        for _ in range(2 * p.trees):
            assert ctx.get(bench.dut.free)
            await bench.step(ctx, advance=True)
        assert not ctx.get(bench.dut.free)

    run(bench.dut, testbench)


def test_heads_of_one_row_hold_a_group_each():
    """They all go to the first slice, to one slot after the other."""
    p = tiny(rows=12, query_groups=4)
    bench = Bench(p)
    places = []

    async def testbench(ctx):
        for _ in range(4):
            await bench.start(ctx, 1)
            assert output(ctx, bench.dut, "group_end", "complete") == (1, 0)
            places.append(output(ctx, bench.dut, "slices", "slot", "tree"))
            await bench.step(ctx, advance=True)
            assert ctx.get(bench.dut.complete)
        await bench.start(ctx, 1)
        assert (ctx.get(bench.dut.free), ctx.get(bench.dut.held)) == (0, 4)

    run(bench.dut, testbench)
    assert places == [(1, slot, 0) for slot in range(4)]
