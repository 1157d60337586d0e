"""Batches that `TokenFetch` forms, what it asks for, and where it puts what comes."""

import collections

import pytest

from hw.generation.formats import FetchKind, QueryOrder
from hw.generation.token_fetch import TokenFetch
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run, send

SETS = {
    "one row": dict(generator_rows=1),
    "two rows": dict(generator_rows=2, rows=12, max_features=25),
    "three rows": dict(generator_rows=3, bus_width=64, columns=4, normalise_lanes=4, max_features=20),
    "four rows, one word": dict(generator_rows=4, bus_width=64, columns=4, normalise_lanes=4, max_features=3),
}
KINDS = (FetchKind.KHAT, FetchKind.QUERY, FetchKind.KEY_VALUE)


def parameters(changes):
    return tiny(**{"max_features": 10, "max_weights": 256} | changes)


def joined(halves, width):
    """Words of which these are the halves, the low ones first."""
    return [low | high << width for low, high in zip(halves[::2], halves[1::2], strict=True)]


class Bench:
    """A fetch unit between a host and the banks of a generator; a share of `wrong` rows is too short or too long."""

    def __init__(self, p, rng, stall=0.0, wrong=0.0):
        self.parameters, self.rng, self.stall, self.wrong = p, rng, stall, wrong
        self.dut = TokenFetch(p)
        self.lengths = [rng.randint(1, p.feature_words) for _ in range(2)]      # words of a token, by half
        self.sources = rng.sample(range(256), 2)
        self.requests, self.rows, self.faults = [], [], [0, 0]
        self.words, self.destinations, self.pulses = {}, {}, collections.Counter()
        self.taken = []                                        # batches with their destinations and tokens

    def start(self, ctx):
        for half in range(2):
            ctx.set(self.dut.heads[half], {"source": self.sources[half], "last_word": self.lengths[half] - 1})

    def order(self, row, half):
        p, rng = self.parameters, self.rng
        return {"row": row, "half": half, "slices": 1 << rng.randrange(p.slices), "group_end": rng.getrandbits(1),
                "slot": rng.randrange(p.query_groups), "tree": rng.randrange(p.trees)}

    def length(self, kind, half):
        """Words of a row; two elements of 8 bits take the place of one of 16."""
        return -(-self.lengths[half] // 2) if kind == FetchKind.KHAT else self.lengths[half]

    async def requester(self, ctx):
        while True:
            request, = await collect(ctx, self.dut.request, 1, self.stall, self.rng)
            self.requests.append((request.kind, self.sources.index(request.source), request.token))

    async def host(self, ctx):
        """Answers requests in their order."""
        while True:
            if len(self.rows) == len(self.requests):
                await ctx.tick()
                continue
            kind, half, _ = self.requests[len(self.rows)]
            length = right = self.length(kind, half)
            if self.rng.random() < self.wrong:
                length = self.rng.choice([count for count in range(1, 2 * right + 3) if count != right])
                self.faults[half] += 1
            row = [self.rng.getrandbits(self.parameters.bus_width) for _ in range(length)]
            self.rows.append(row)
            await send(ctx, self.dut.row, [{"data": word, "last": place == length - 1}
                                           for place, word in enumerate(row)], self.stall, self.rng)

    async def banks(self, ctx):
        """Memories of the generator, and counts of pulses."""
        dut = self.dut
        names = ("token_write", "token_bank", "token_row", "token_half", "token_data", "destination_write",
                 "destination_bank", "destination_row", "destination", "missing", "words_khat", "words_query",
                 "words_key")
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in names)):
            now = dict(zip(names, values, strict=True))
            if now["destination_write"]:
                self.destinations[now["destination_bank"], now["destination_row"]] = now["destination"]
            if now["token_write"]:
                halves = self.words.setdefault((now["token_bank"], now["token_row"]), [])
                assert len(halves) == now["token_half"]
                halves.append(now["token_data"])
            self.pulses.update({name: now[name] for name in names if name.startswith("words")})
            self.pulses.update({("missing", half): now["missing"] >> half & 1 for half in range(2)})

    async def taker(self, ctx):
        """Takes a batch when it is there, with what is in its bank."""
        while True:
            batch, = await collect(ctx, self.dut.batch, 1, self.stall, self.rng)
            rows = [(self.destinations.pop((batch.bank, row)), self.words.pop((batch.bank, row)))
                    for row in range(batch.count)]
            self.taken.append((batch, rows))

    async def finish(self, ctx):
        """The generator is done with its oldest batch."""
        ctx.set(self.dut.bank_done, 1)
        await ctx.tick()
        ctx.set(self.dut.bank_done, 0)

    def background(self):
        return [self.requester, self.host, self.banks, self.taker]

    def check(self, orders, keys, khats, khat_rows):
        """All was asked for in order, and came to its place."""
        sent = {FetchKind.QUERY: [(order["half"], order["row"]) for order in orders],
                FetchKind.KEY_VALUE: keys, FetchKind.KHAT: khats}
        # What is too long is cut.
        rows = {kind: [row[:self.length(kind, half)] for (asked, half, _), row in
                       zip(self.requests, self.rows, strict=True) if asked == kind] for kind in KINDS}
        for kind in KINDS:
            assert [request[1:] for request in self.requests if request[0] == kind] == sent[kind]
        width = self.parameters.bus_width // 2
        assert [joined(halves, width) for halves in khat_rows] == rows[FetchKind.KHAT]
        assert [batch.bank for batch, _ in self.taken] == [number % 2 for number in range(len(self.taken))]
        for queries, kind in ((1, FetchKind.QUERY), (0, FetchKind.KEY_VALUE)):
            places = [(batch.half, destination.query if queries else destination.key, halves)
                      for batch, tokens in self.taken if batch.queries == queries for destination, halves in tokens]
            assert [half for half, *_ in places] == [half for half, _ in sent[kind]]
            assert [place for _, place, _ in places] == (
                [QueryOrder(self.parameters).const(order) for order in orders] if queries else [key for _, key in keys])
            assert [joined(halves, self.parameters.bus_width // 2) for *_, halves in places] == rows[kind]
        size = collections.Counter()
        for (kind, _, _), row in zip(self.requests, self.rows, strict=True):
            size[kind] += len(row)
        assert [self.pulses[name] for name in ("words_khat", "words_query", "words_key")] == [
            size[kind] for kind in KINDS]
        assert [self.pulses["missing", half] for half in range(2)] == self.faults


@pytest.mark.parametrize("wrong", [0.0, 0.4])
@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_everything_at_once(changes, stall, wrong):
    """Keys, queries and predictions of two heads; behind a row of a wrong length the next one is right."""
    rng, p = generator(), parameters(changes)
    bench, khat_rows = Bench(p, rng, stall, wrong), []
    dut = bench.dut

    def numbers():
        # A head after the other, of any number of tokens.
        return [(head % 2, key) for head in range(4)
                for key in rng.sample(range(p.max_keys), rng.randint(1, 3 * p.generator_rows))]

    keys, khats = numbers(), numbers()
    orders = [bench.order(row, half) for half, row in numbers()]

    async def start(ctx):
        bench.start(ctx)
        await send(ctx, dut.order, orders, stall, rng)

    async def send_keys(ctx):
        await send(ctx, dut.keys, [{"key": key, "half": half} for half, key in keys], stall, rng)

    async def send_khats(ctx):
        await send(ctx, dut.khat, [{"key": key, "half": half} for half, key in khats], stall, rng)

    async def take_khats(ctx):
        for _ in khats:
            words = await collect(ctx, dut.khat_row, 1)
            while not words[-1].last:
                words += await collect(ctx, dut.khat_row, 1)
            khat_rows.append([word.data for word in words])

    async def finisher(ctx):
        finished = count = 0
        while count < len(orders) + len(keys):
            while len(bench.taken) == finished:
                assert ctx.get(dut.batches) <= 2
                await ctx.tick()
            while rng.random() < stall:
                await ctx.tick()
            count += bench.taken[finished][0].count
            finished += 1
            await bench.finish(ctx)
        await ctx.tick().repeat(60)                            # nothing else comes
        assert ctx.get(dut.batches) == 0

    run(dut, start, send_keys, send_khats, take_khats, finisher, background=bench.background())
    bench.check(orders, keys, khats, khat_rows)


class Steps(Bench):
    """Gives tokens a few at a time, and tells which batches come of them."""

    async def give(self, ctx, queries=(), keys=()):
        """Queries and keys, given by their half; returns new batches as (queries, count, half)."""
        before = len(self.taken)
        for half in queries:
            await send(ctx, self.dut.order, [self.order(self.rng.randrange(99), half)])
        for half in keys:
            await send(ctx, self.dut.keys, [{"key": self.rng.randrange(32), "half": half}])
        return await self.new(ctx, before)

    async def new(self, ctx, before):
        await ctx.tick().repeat(80)
        return [(batch.queries, batch.count, batch.half) for batch, _ in self.taken[before:]]

    async def done(self, ctx):
        before = len(self.taken)
        await self.finish(ctx)
        return await self.new(ctx, before)


def test_which_batch_is_next():
    """Full batches, keys first; others only when the generator has nothing else, queries first."""
    bench = Steps(parameters(SETS["three rows"]), generator())

    async def testbench(ctx):
        bench.start(ctx)
        assert await bench.give(ctx, queries=[0]) == [(1, 1, 0)]
        assert await bench.give(ctx, queries=[0, 0], keys=[0, 0]) == []
        assert len(bench.requests) == 1 and ctx.get(bench.dut.batches) == 1
        assert await bench.give(ctx, keys=[0]) == [(0, 3, 0)]
        # Two batches are there: a third one waits.
        assert await bench.give(ctx, keys=[0] * 4, queries=[0] * 2) == []
        assert len(bench.requests) == 4 and ctx.get(bench.dut.batches) == 2
        assert await bench.done(ctx) == [(0, 3, 0)]
        assert await bench.done(ctx) == [(1, 3, 0)]
        assert await bench.done(ctx) == []
        assert ctx.get(bench.dut.batches) == 1
        assert await bench.done(ctx) == [(1, 1, 0)]
        assert await bench.done(ctx) == [(0, 1, 0)]
        assert await bench.done(ctx) == []
        assert ctx.get(bench.dut.batches) == 0

    run(bench.dut, testbench, background=bench.background())


def test_a_batch_is_of_one_head():
    bench = Steps(parameters(SETS["three rows"]), generator())

    async def testbench(ctx):
        bench.start(ctx)
        assert await bench.give(ctx, queries=[0]) == [(1, 1, 0)]
        assert await bench.give(ctx, queries=[0, 0, 1, 1, 1]) == [(1, 2, 0)]
        assert await bench.give(ctx, keys=[1, 0, 0, 0]) == []
        assert await bench.done(ctx) == [(0, 1, 1)]
        assert await bench.done(ctx) == [(0, 3, 0)]
        assert await bench.done(ctx) == [(1, 3, 1)]

    run(bench.dut, testbench, background=bench.background())
