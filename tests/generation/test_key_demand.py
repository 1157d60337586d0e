"""Which tokens `KeyDemand` asks for, and when it says that a group is complete."""

import pytest

from hw.generation.key_demand import KeyDemand
from sim.golden.sorter import segment_keys
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run

SETS = {
    "one slice": dict(),
    "three slices": dict(rows=12),
    "two groups held": dict(rows=8, held_groups=2),
    "tiles of four": dict(rows=8, tile=4, max_segment_keys=4, max_keys=64),
    "large tiles": dict(tile=32, max_segment_keys=4, max_keys=64, held_groups=2),
}


def parameters(changes):
    return tiny(**{"generator_rows": 1} | changes)


class Head:
    """A head with the keys that each group of each slice keeps."""

    def __init__(self, rng, p, half, tokens=True, groups=None, keys=None, spread=None, density=None):
        self.half, self.tokens = half, tokens
        self.keys = keys or rng.randint(1, p.max_keys // 2)
        self.spread = rng.random() < 0.5 if spread is None else spread
        self.members = segment_keys(self.keys, p.tile, self.spread)
        density = density or rng.choice([0.1, 0.5, 1.0])
        self.groups = [[{key for key in range(self.keys) if rng.random() < density}
                        for _ in range(rng.randint(0, 5) if groups is None else groups)] for _ in range(p.slices)]
        self.wanted = set().union(*(kept for slice_ in self.groups for kept in slice_)) if tokens else set()
        self.fields = {"half": half, "spread": self.spread, "segments": len(self.members), "keys": self.keys}
        self.started = self.weights_ready = False
        self.asked, self.made = [], set()

    def records(self, kept):
        """What a slice tells of a group, a segment each."""
        for number, members in enumerate(self.members):
            keys = sum(1 << position for position, key in enumerate(members) if key in kept)
            yield {"segment": number, "keys": keys, "end": number == len(self.members) - 1,
                   "tokens": self.tokens, "half": self.half}

    def order(self, index):
        """Tokens in the order in which the groups of slice `index` keep them for the first time."""
        return list(dict.fromkeys(key for kept in self.groups[index] for members in self.members
                                  for key in members if key in kept))


async def tell(ctx, group, records, stall=0.0, rng=None):
    """Tell of a group when there is room for it."""
    await wait(ctx, lambda: ctx.get(group.ready))
    for record in records:
        while rng is not None and rng.random() < stall:
            await ctx.tick()
        for name, value in record.items():
            ctx.set(getattr(group, name), value)
        ctx.set(group.valid, 1)
        await ctx.tick()
        ctx.set(group.valid, 0)


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def wait(ctx, condition, timeout=5000):
    for _ in range(timeout):
        if condition():
            return
        await ctx.tick()
    raise AssertionError(f"waited for {timeout} cycles")


async def begin(ctx, dut, head):
    if head.tokens:
        ctx.set(dut.heads[head.half], head.fields)
        ctx.set(dut.half, head.half)
        await pulse(ctx, dut.start)
    head.started = True


async def give_weights(ctx, dut, head):
    ctx.set(dut.half, head.half)
    await pulse(ctx, dut.weights_ready)
    head.weights_ready = True


class Bench:
    """Runs heads; checks all along what is asked for, and that complete groups have their keys.

    A head begins `gap` cycles behind the weights of the head before; else when the segments of that one are cleared.
    """

    def __init__(self, p, rng, heads, stall, gap=None):
        self.parameters, self.rng, self.heads, self.stall = p, rng, heads, stall
        self.gap = gap or 1 << p.segment_bits
        self.dut = KeyDemand(p)
        self.groups = [[(head, kept) for head in heads for kept in head.groups[index]] for index in range(p.slices)]
        self.released = [0] * p.slices
        self.open = []                                         # tokens that were asked for and are not made

    def left(self, head):
        return all(all(other is not head for other, _ in groups[self.released[index]:])
                   for index, groups in enumerate(self.groups))

    async def pause(self, ctx):
        while self.rng.random() < self.stall:
            await ctx.tick()

    async def control(self, ctx):
        """Heads begin when the head but one before has left, and have their weights some time later."""
        for number, head in enumerate(self.heads):
            if number >= 2:
                await wait(ctx, lambda number=number: self.left(self.heads[number - 2]))
            await begin(ctx, self.dut, head)
            if head.tokens:
                await ctx.tick().repeat(self.rng.randint(1, 3 * self.gap))
                await give_weights(ctx, self.dut, head)
            await ctx.tick().repeat(self.gap)

    def teller(self, index):
        async def testbench(ctx):
            for head, kept in self.groups[index]:
                await wait(ctx, lambda head=head: head.started)
                await self.pause(ctx)
                await tell(ctx, self.dut.groups[index], head.records(kept), self.stall, self.rng)
        return testbench

    def releaser(self, index):
        async def testbench(ctx):
            group = self.dut.groups[index]
            for _ in self.groups[index]:
                await wait(ctx, lambda: ctx.get(group.complete))
                await self.pause(ctx)
                await pulse(ctx, group.release)
                self.released[index] += 1
        return testbench

    async def maker(self, ctx):
        """Takes what is asked for, and makes it in this order after a while."""
        dut, rng = self.dut, self.rng
        while not all(self.left(head) for head in self.heads):
            ready, done = rng.random() >= self.stall, bool(self.open) and rng.random() >= self.stall
            ctx.set(dut.o.ready, ready)
            ctx.set(dut.token_done, done)
            for index, group in enumerate(dut.groups):
                if ctx.get(group.complete):
                    head, kept = self.groups[index][self.released[index]]
                    assert not head.tokens or kept <= head.made, f"the group of slice {index} is not complete"
            # Up to four are on their way to the buffer at the output, which holds two.
            assert 0 <= ctx.get(dut.waiting) - len(self.open) - ctx.get(dut.o.valid) <= 5
            if done:
                head, key = self.open.pop(0)
            asked = ctx.get(dut.o.payload) if ctx.get(dut.o.valid) and ready else None
            if asked is not None:
                asking, = (head for head in self.heads
                           if head.half == asked.half and head.started and not self.left(head))
                assert asking.weights_ready
                asking.asked.append(asked.key)
                self.open.append((asking, asked.key))
            await ctx.tick()
            if done:
                head.made.add(key)
        assert not self.open

    def run(self):
        # Who releases is first, so that all others see the next group.
        slices = range(self.parameters.slices)
        run(self.dut, *map(self.releaser, slices), self.control, self.maker, *map(self.teller, slices))
        for head in self.heads:
            assert sorted(head.asked) == sorted(head.wanted)


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_heads_in_both_halves(changes, stall):
    """Each head asks once for each token that it keeps, and all groups come to be complete, but not before."""
    rng, p = generator(), parameters(changes)
    heads = [Head(rng, p, number % 2, tokens=rng.random() < 0.8) for number in range(12)]
    Bench(p, rng, heads, stall).run()


def test_a_head_begins_while_the_half_of_another_is_cleared():
    """The tokens of the head before in this half, all 16 segments of it, are asked for again."""
    rng, p = generator(), parameters(SETS["tiles of four"])
    heads = [Head(rng, p, number % 2, keys=32, groups=(number + 1) % 2, density=1.0, spread=False)
             for number in range(4)]
    Bench(p, rng, heads, 0.0, gap=1).run()


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("keys", [1, 7, 8, 9, 32])
def test_order_of_a_slice(keys, spread):
    """Group after group, segment after segment, from the first position; what is offered stays."""
    rng, p = generator(), parameters({})
    dut, head = KeyDemand(p), Head(rng, p, 0, groups=5, keys=keys, spread=spread)
    asked = []

    async def teller(ctx):
        await begin(ctx, dut, head)
        await give_weights(ctx, dut, head)
        for kept in head.groups[0]:
            await tell(ctx, dut.groups[0], head.records(kept), 0.3, rng)

    async def releaser(ctx):
        for _ in head.groups[0]:
            await wait(ctx, lambda: ctx.get(dut.groups[0].complete))
            await pulse(ctx, dut.groups[0].release)

    async def maker(ctx):
        expected = head.order(0)
        for _ in expected:
            token, = await collect(ctx, dut.o, 1, 0.5, rng)
            assert token.half == 0
            asked.append(token.key)
            await pulse(ctx, dut.token_done)
        for _ in range(20):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra
        assert asked == expected

    run(dut, teller, releaser, maker)


def test_complete_with_the_last_token():
    """Also of a group whose tokens an earlier one asked for, and of one behind it that keeps none."""
    rng, p = generator(), parameters({})
    dut, head = KeyDemand(p), Head(rng, p, 1, groups=0, keys=16, spread=False)
    group = dut.groups[0]

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        await begin(ctx, dut, head)
        await give_weights(ctx, dut, head)
        for kept in ({2, 3, 11}, {3, 2}, set(), {0, 11}):
            await tell(ctx, group, head.records(kept))
            await ctx.tick().repeat(20)
        assert ctx.get(dut.waiting) == 4
        for waiting in (4, 3, 2):
            assert ctx.get(dut.waiting) == waiting and not ctx.get(group.complete)
            await pulse(ctx, dut.token_done)
            await ctx.tick()
        for _ in range(3):
            assert ctx.get(group.complete)
            await pulse(ctx, group.release)
            await ctx.tick().repeat(3)
        assert not ctx.get(group.complete)
        await pulse(ctx, dut.token_done)
        assert ctx.get(dut.waiting) == 0
        await ctx.tick()
        assert ctx.get(group.complete)
        await pulse(ctx, group.release)
        await ctx.tick().repeat(3)
        assert not ctx.get(group.complete)

    run(dut, testbench)


def test_a_group_waits_for_the_weights_of_its_head():
    """Groups of the other half, and those that are not from tokens, pass it in other slices."""
    rng, p = generator(), parameters({"rows": 12})
    dut = KeyDemand(p)
    waiting, ready = (Head(rng, p, half, groups=1, keys=9, spread=False) for half in (0, 1))
    given = Head(rng, p, 0, tokens=False, groups=1, keys=9, spread=False)
    asked = []

    async def watch(ctx):
        ctx.set(dut.o.ready, 1)
        async for _, _, valid, token in ctx.tick().sample(dut.o.valid, dut.o.payload):
            asked.extend([(token.half, token.key)] * valid)

    async def testbench(ctx):
        first, second, third = dut.groups
        # Weights of an earlier head in this half do not count.
        await give_weights(ctx, dut, waiting)
        for head in (waiting, ready):
            await begin(ctx, dut, head)
            await ctx.tick().repeat(8)
        await give_weights(ctx, dut, ready)
        await tell(ctx, first, waiting.records({1, 8}))
        await tell(ctx, second, given.records({1, 2}))
        await tell(ctx, third, ready.records({4, 1, 8}))
        await ctx.tick().repeat(30)
        assert asked == [(1, 1), (1, 4), (1, 8)]
        assert [ctx.get(group.complete) for group in dut.groups] == [0, 1, 0]
        for _ in range(3):
            await pulse(ctx, dut.token_done)
        await ctx.tick()
        assert [ctx.get(group.complete) for group in dut.groups] == [0, 1, 1]
        await give_weights(ctx, dut, waiting)
        await ctx.tick().repeat(30)
        assert asked[3:] == [(0, 1), (0, 8)]
        for _ in range(2):
            assert not ctx.get(first.complete)
            await pulse(ctx, dut.token_done)
            await ctx.tick()
        assert ctx.get(first.complete)

    run(dut, testbench, background=[watch])
