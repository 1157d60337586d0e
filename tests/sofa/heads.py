"""Random heads, and the engine run on them in Amaranth's simulator."""

import numpy as np
from amaranth.hdl import ResetInserter, Signal

from hw.sofa.engine import SofaEngine
from hw.sofa.parameters import SofaParameters
from sim.golden.sofa import golden_head
from sim.host.sofa import SofaHead, pack_task, unpack_result
from tests.streams import collect, run, send

#: One slice of four rows on two predictor trees; two folds everywhere.
TINY = dict(
    bus_width=32, rows=4, columns=2, row_multipliers=2, lanes=4, tree_lanes=4, rows_per_sorter=4, max_head_dim=6,
    max_keys=32, tile=8, max_segment_keys=8, khat_width=4, code_levels=3, score_width=6, normalise_lanes=2)


def tiny(**changes):
    """Smallest parameters that have all parts, with `changes`."""
    return SofaParameters(**TINY | changes)


def random_head(rng, parameters, **fixed):
    """Draw a legal head; `fixed` gives sizes (``queries``, ``keys``, ``head_dim``, ``value_dim``) or fields.

    ``mask=True`` draws a mask, in which some rows see no key.
    """
    p = parameters
    queries = fixed.pop("queries", rng.randint(1, p.rows + 3))
    keys = fixed.pop("keys", rng.randint(1, p.max_keys))
    head_dim = fixed.pop("head_dim", rng.randint(1, p.max_head_dim))
    value_dim = fixed.pop("value_dim", rng.randint(1, p.max_head_dim))
    mask = fixed.pop("mask", rng.random() < 0.3)
    draw = np.random.default_rng(rng.getrandbits(32))
    # Few distinct values now and then, so that predicted scores tie.
    spread = rng.choice([32767, 32767, 2])

    def elements(*shape):
        return draw.integers(-spread, spread + 1, shape) * (32767 // spread)

    segments = -(-keys // p.tile)
    segment_keys = rng.randint(0, p.max_segment_keys)
    extra = rng.randint(0 if segment_keys else 1, segments) if segment_keys < p.max_segment_keys else 0
    drawn = dict(
        causal=rng.random() < 0.3, dense=rng.random() < 0.2, merge=rng.random() < 0.6,
        interleaved=rng.random() < 0.5, return_keys=rng.random() < 0.7, kept=rng.randint(1, keys),
        segment_keys=segment_keys, extra_segments=extra, score_shift=rng.randint(12, 16),
        predict_shift=rng.randrange(min(5, 1 << p.predict_shift_bits)), code_base=rng.randint(9, 13),
        radius=rng.randint(0, 20) if p.clipping else 0)
    visible = draw.random((queries, keys)) < rng.choice([0.05, 0.5, 0.9]) if mask else None
    return SofaHead(elements(queries, head_dim), elements(keys, head_dim), elements(keys, value_dim),
                    mask=visible, **drawn | fixed)


def to_words(packet, parameters):
    """Split the bytes of a packet into words of the stream."""
    width = parameters.bus_width // 8
    beats = [int.from_bytes(packet[place:place + width], "little") for place in range(0, len(packet), width)]
    return [{"data": data, "last": place == len(beats) - 1} for place, data in enumerate(beats)]


async def collect_packet(ctx, stream, parameters, stall=0.0, rng=None):
    """Take words up to `last` and return them as bytes."""
    packet = b""
    while True:
        word, = await collect(ctx, stream, 1, stall, rng)
        packet += word.data.to_bytes(parameters.bus_width // 8, "little")
        if word.last:
            return packet


class Bench:
    """An engine with a reset, and what it was seen to do."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.engine = SofaEngine(parameters)
        self.reset = Signal()
        self.dut = ResetInserter(self.reset)(self.engine)
        self.results, self.errors = [], []
        self.counters = {counter.name: 0 for counter in self.engine.counters}

    def run(self, packets, stalls=(0.0, 0.0), rng=None, before=None):
        """Send `packets` (lists of words), gather a result packet and a done element for each."""
        engine = self.engine

        async def producer(ctx):
            if before is not None:
                await before(ctx)
            for packet in packets:
                await send(ctx, engine.i, packet, stalls[0], rng)

        async def consumer(ctx):
            for _ in packets:
                self.results.append(await collect_packet(ctx, engine.o, self.parameters, stalls[1], rng))
            for _ in range(8):
                _, _, extra, busy = await ctx.tick().sample(engine.o.valid, engine.busy)
                assert not extra
            assert not busy

        async def finisher(ctx):
            for _ in packets:
                element, = await collect(ctx, engine.done, 1, stalls[1], rng, timeout=200_000)
                self.errors.append(element.error)

        async def watch(ctx):
            async for _, _, *events in ctx.tick().sample(*(engine.events[name] for name in self.counters)):
                for name, event in zip(self.counters, events, strict=True):
                    self.counters[name] += event

        run(self.dut, producer, consumer, finisher, background=[watch])
        return self.results, self.errors


def check_heads(parameters, tasks, stalls=(0.0, 0.0), rng=None, before=None):
    """Run `tasks` (lists of heads) and compare keys, outputs and counters with the model."""
    bench = Bench(parameters)
    packets, errors = bench.run([to_words(pack_task(heads, parameters), parameters) for heads in tasks],
                                stalls, rng, before)
    assert errors == [0] * len(tasks), f"error codes {errors}"
    counters = {}
    for heads, packet in zip(tasks, packets, strict=True):
        results, error = unpack_result(packet, heads, parameters)
        assert error == 0
        for head, rows in zip(heads, results, strict=True):
            golden = golden_head(head, parameters)
            for name, count in golden.counters.items():
                counters[name] = counters.get(name, 0) + count
            for index, (row, kept) in enumerate(zip(rows, golden.rows, strict=True)):
                if head.return_keys:
                    assert list(row.keys) == sorted(kept.keys), f"keys of row {index}"
                assert list(row.outputs) == list(golden.outputs[index]), f"outputs of row {index}"
    for name, count in counters.items():
        assert bench.counters.get(name, 0) == count, f"counter {name}"
    return bench
