from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hw.sofa.loader import Loader
from hw.sofa.task import HEADER_BITS, Header, SofaError
from sim.host.sofa import pack_head, pack_task
from tests.sofa.heads import random_head, tiny, to_words
from tests.streams import generator, run, send


@dataclass
class Body:
    """A head as it stands in a packet: lists of words."""

    fields: dict
    queries: list = field(default_factory=list)
    masks: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    values: list = field(default_factory=list)


def parse(packet, parameters):
    """Heads of a packet by the definition of its layout, what is missing being zero; and the rest of it."""
    p = parameters
    width, place = p.bus_width // 8, 0
    heads = []

    def take(words):
        nonlocal place
        part = [int.from_bytes(packet[place + width * word:place + width * (word + 1)], "little")
                for word in range(words)]
        place += width * words
        return part

    while True:
        words = max(1, HEADER_BITS // p.bus_width)
        header = Header().from_bits(sum(word << (n * p.bus_width) for n, word in enumerate(take(words)))
                                    & ((1 << HEADER_BITS) - 1))
        body = Body({name: header[name] for name in (
            "queries", "keys", "head_dim", "value_dim", "mask", "more_heads", "magic")})
        heads.append(body)
        if header.magic == 0:
            return heads, len(packet) - place
        key_words, value_words = (-(-header[name] // p.elements_per_beat) for name in ("head_dim", "value_dim"))

        def query(body=body, header=header, key_words=key_words):
            body.queries.append(take(key_words))
            body.masks.append(take(-(-header.keys // p.bus_width)) if header.mask else None)

        early = min(header.queries, 2 * p.slices * p.trees)
        for _ in range(early):
            query()
        body.keys = [take(key_words) for _ in range(header.keys)]
        body.values = [take(value_words) for _ in range(header.keys)]
        for _ in range(header.queries - early):
            query()
        if not header.more_heads:
            return heads, len(packet) - place


class Bench:
    """A loader among models of the memories that it fills and of the blocks that use them."""

    def __init__(self, parameters, packets, rng, stall):
        self.parameters, self.packets, self.rng, self.stall = parameters, packets, rng, stall
        self.dut = Loader(parameters)
        p = parameters
        self.memory = {}                        # (kind, place, beat): word
        self.slots = [[] for _ in range(p.slices)]   # groups that are loaded and in use
        self.loaded = [0] * p.slices
        self.active, self.runs, self.attended = [], [], []
        self.predicted, self.errors, self.groups = [], [], []
        self.part = 0                           # of the query's word that comes next

    async def source(self, ctx):
        # No head comes from tokens.
        ctx.set(self.dut.tokens_predicted, 1)
        ctx.set(self.dut.queries_made, 1)
        for packet in self.packets:
            await send(ctx, self.dut.i, to_words(packet, self.parameters), self.stall, self.rng)

    async def step(self, ctx):
        """One cycle of everything behind the loader."""
        p, dut, rng = self.parameters, self.dut, self.rng
        done = 0
        for index, slots in enumerate(self.slots):
            if slots and rng.random() < 0.3:
                slots.pop(0)
                done |= 1 << index
        ctx.set(dut.group_done, done)
        leaves = bool(self.attended) and rng.random() < 0.05
        ctx.set(dut.head_done, leaves)
        readies = {name: rng.random() >= self.stall for name in ("predict", "attend", "head", "packet_error")}
        for name, ready in readies.items():
            ctx.set(getattr(dut, name).ready, ready)
        _, _, write, enable, groups, *streams = await ctx.tick().sample(
            dut.write, dut.write_slices, dut.group_loaded,
            *(item for name in readies for item in (getattr(dut, name).valid, getattr(dut, name).payload)))
        if leaves:
            self.attended.pop(0)
            self.active.pop(0)
        self.record(write, enable)
        for index in range(p.slices):
            if groups >> index & 1:
                slot = self.loaded[index] % p.query_groups
                self.groups.append((index, slot, {key: value for key, value in self.memory.items()
                                                  if key[1][:2] == (index, slot)}))
                self.slots[index].append(slot)
                self.loaded[index] += 1
        for (name, ready), valid, payload in zip(readies.items(), streams[::2], streams[1::2], strict=True):
            if valid and ready:
                getattr(self, f"take_{name}")(payload)

    def record(self, write, enable):
        p = self.parameters
        kinds = [kind for kind in ("query", "key", "value", "mask") if write[kind]]
        if not enable:
            return
        assert len(kinds) == 1
        kind, = kinds
        word = write.data.as_bits() if kind != "mask" else write.mask_data
        if kind in ("key", "value"):
            assert enable == (1 << p.slices) - 1
            # Only the newest head writes, and only to its own half.
            region = [self.region(task, write.vector) for task in self.active]
            assert region[-1] and not any(region[:-1])
            self.memory[kind, (write.vector,), write.beat] = word
        else:
            index = enable.bit_length() - 1
            assert enable == 1 << index
            assert write.slot not in self.slots[index]
            beat = write.beat if kind == "query" else write.mask_word
            if kind == "query":
                # A word stays until all of its parts have been converted.
                assert write.part == self.part
                assert self.part == 0 or self.memory[kind, (index, write.slot, write.tree), beat] == word
                self.part = (self.part + 1) % p.query_parts
            self.memory[kind, (index, write.slot, write.tree), beat] = word

    def region(self, task, vector):
        p = self.parameters
        large = task.keys > p.max_keys // 2
        return large or vector // (p.max_keys // 2) == task.half

    def take_head(self, payload):
        self.runs.append(payload.run)
        if payload.run:
            self.active.append(payload.task)

    def take_predict(self, task):
        self.predicted.append(self.vectors("key", task))

    def take_attend(self, task):
        self.attended.append(task)
        self.predicted[-1] += self.vectors("value", task)

    def take_packet_error(self, error):
        self.errors.append(SofaError(error))

    def vectors(self, kind, task):
        p = self.parameters
        start = task.half * (p.max_keys // 2)
        last = task.last_key_beat if kind == "key" else task.last_value_beat
        return [[self.memory[kind, (start + key,), beat] for beat in range(last + 1)] for key in range(task.keys)]


def check(parameters, packets, errors, rng, stall=0.0):
    """Load packets (bytes) and compare errors, and all that was written, with the layout of the packets."""
    p = parameters
    bench = Bench(p, packets, rng, stall)

    async def sink(ctx):
        for _ in range(50_000):
            await bench.step(ctx)
            if len(bench.errors) == len(packets) and not bench.attended:
                break
        for _ in range(5):
            await bench.step(ctx)
        assert not ctx.get(bench.dut.busy)

    run(bench.dut, bench.source, sink)
    assert bench.errors == errors
    heads = [head for packet in packets for head in parse(packet, p)[0] if head.fields["magic"]]
    runs = [head for head, ran in zip(heads, bench.runs, strict=False) if ran]
    assert len(bench.predicted) == len(runs)
    groups = iter(bench.groups)
    per_part = p.bus_width // 16
    for head, vectors in zip(runs, bench.predicted, strict=True):
        assert vectors == head.keys + head.values
        for start in range(0, head.fields["queries"], p.trees):
            index, _, memory = next(groups)
            assert index == start // p.trees % p.slices
            for tree, (query, mask) in enumerate(zip(head.queries[start:start + p.trees],
                                                     head.masks[start:start + p.trees], strict=True)):
                written = {beat: word for (kind, place, beat), word in memory.items()
                           if kind == "query" and place[2] == tree}
                widest = max(head.fields["head_dim"], head.fields["value_dim"])
                filled = -(-widest // p.lanes) * p.lanes // p.elements_per_beat
                for beat in range(min(filled, -(-p.max_head_dim // p.elements_per_beat))):
                    assert written[beat] == (query[beat] if beat < len(query) else 0)
                if mask is not None:
                    for word in range(-(-head.fields["keys"] // 16)):
                        part = mask[word // per_part] >> (16 * (word % per_part)) & 0xffff
                        assert memory["mask", (*[index, bench_slot(memory)], tree), word] == part
    assert next(groups, None) is None
    return bench


def bench_slot(memory):
    """Group slot that the words of one group are in."""
    slot, = {place[1] for _, place, _ in memory}
    return slot


NONE, SHORT, LONG, MAGIC = SofaError.NONE, SofaError.SHORT_PACKET, SofaError.LONG_PACKET, SofaError.BAD_MAGIC


@settings(max_examples=10)
@example(changes=dict(bus_width=256, lanes=16, tree_lanes=16, row_multipliers=8, columns=4, max_head_dim=48),
         stall=0.4, seed=1)
@given(changes=st.sampled_from([{}, dict(rows=8), dict(bus_width=64, normalise_lanes=4, max_head_dim=11),
                                dict(bus_width=128, lanes=8, tree_lanes=8, columns=8, row_multipliers=4,
                                     max_head_dim=20),
                                dict(max_head_dim=1, columns=4)]),
       stall=st.sampled_from([0, 0.4]), seed=st.integers(0, 2**32 - 1))
def test_good_packets(changes, stall, seed):
    rng = generator(seed)
    p = tiny(**changes)
    tasks = [[random_head(rng, p) for _ in range(rng.randint(1, 3))] for _ in range(2)]
    check(p, [pack_task(heads, p) for heads in tasks], [NONE] * 2, rng, stall)


@pytest.mark.parametrize("share", [0, 0.1, 0.3, 0.6, 0.95])
def test_a_short_packet_is_completed_with_zeros(share):
    rng = generator()
    p = tiny()
    head = random_head(rng, p, queries=5, keys=7, mask=True)
    packet = pack_task([head], p)
    words = max(HEADER_BITS // p.bus_width if share else 1, int(share * len(packet) // 4))
    good = pack_task([random_head(rng, p)], p)
    bench = check(p, [packet[:4 * words], good], [SHORT, NONE], rng)
    assert bench.runs == [share > 0, 1]


def test_a_long_packet_is_drained():
    rng = generator()
    p = tiny()
    packets = [pack_task([random_head(rng, p)], p) for _ in range(2)]
    check(p, [packets[0] + bytes(40), packets[0] + bytes(4), packets[1]], [LONG, LONG, NONE], rng, 0.2)


@pytest.mark.parametrize(("overrides", "error"), [
    (dict(magic=0x1234), MAGIC), (dict(queries=0), SofaError.BAD_QUERIES), (dict(keys=0), SofaError.BAD_KEYS),
    (dict(head_dim=99), SofaError.BAD_DIMENSION), (dict(kept=0), SofaError.BAD_KEEP),
    (dict(score_shift=99), SofaError.BAD_RANGE)])
@pytest.mark.parametrize("second", [False, True], ids=["first-head", "second-head"])
def test_a_bad_header_ends_its_packet(overrides, error, second):
    rng = generator()
    p = tiny()
    bad = pack_head(random_head(rng, p), p, False, **overrides)
    before = pack_head(random_head(rng, p), p, True) if second else b""
    bench = Bench(p, [before + bad, pack_task([random_head(rng, p)], p)], rng, 0.2)

    async def sink(ctx):
        while len(bench.errors) < 2 or bench.attended:
            await bench.step(ctx)

    run(bench.dut, bench.source, sink)
    assert bench.errors == [error, NONE]
    assert bench.runs == [1] * second + [0, 1]


def test_heads_of_half_the_keys_take_turns_in_the_halves():
    rng = generator()
    p = tiny()
    keys = [16, 3, 16, 17, 1, 5, 32, 32, 2, 2, 2]
    heads = [random_head(rng, p, keys=count, queries=1) for count in keys]
    bench = Bench(p, [pack_task(heads, p)], rng, 0)
    halves = []
    take_predict = bench.take_predict

    def note(task):
        halves.append(task.half)
        take_predict(task)

    bench.take_predict = note

    async def sink(ctx):
        while not bench.errors or bench.attended:
            await bench.step(ctx)

    run(bench.dut, bench.source, sink)
    assert bench.errors == [NONE]
    assert [half for half, count in zip(halves, keys, strict=True) if count > 16] == [0, 0, 0]
    assert halves[:3] == [0, 1, 0]
    assert halves[8] != halves[9] != halves[10]
