"""Batches of tokens through `Generator`, against the model."""

import numpy as np
import pytest

from hw.generation.formats import Section
from hw.generation.generator import Generator
from sim.golden.tokens import project
from sim.host.words import pad_rows
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run, send

SETS = {
    "one row": dict(generator_rows=1),
    "two rows": dict(generator_rows=2, rows=12),
    "three of four rows": dict(generator_rows=3, bus_width=64, columns=4, normalise_lanes=4, max_head_dim=10),
    "four rows, tokens of a word": dict(generator_rows=4, bus_width=64, columns=4, normalise_lanes=4, max_features=4),
    "long beats, 11 bits": dict(generator_rows=2, bus_width=128, lanes=8, tree_lanes=8, row_multipliers=4,
                                max_head_dim=20, max_features=16, weight_width=11),
}
#: For the count of cycles: beats of 16 elements, and of 4, of which several are on their way at once.
WIDE = dict(bus_width=256, lanes=16, tree_lanes=16, row_multipliers=8, columns=4, max_head_dim=48, max_features=64,
            max_weights=1536)
QUERY, KEY, VALUE = range(3)
MATRICES = ((Section.QUERY_BIAS, Section.QUERY), (Section.KEY_BIAS, Section.KEY), (Section.VALUE_BIAS, Section.VALUE))
NARROW = dict(bus_width=64, columns=4, normalise_lanes=4, max_head_dim=12, max_features=12)


def parameters(changes):
    return tiny(**{"max_features": 10, "max_weights": 256} | changes)


class Bench:
    """A generator with the weights that two heads, one in each half, share."""

    def __init__(self, p, rng, features, channels):
        self.parameters, self.rng, self.features = p, rng, features
        self.draw = np.random.default_rng(rng.getrandbits(32))
        self.dut, beat = Generator(p), p.elements_per_beat
        half = 1 << (p.weight_width - 1)
        self.weights = [self.draw.integers(-half, half, (features, count)) for count in channels]
        self.biases = [self.draw.integers(-32768, 32768, count) for count in channels]
        # The second head may use fewer channels than there are.
        self.channels = [channels, [rng.randint(1, count // beat) * beat for count in channels]]
        self.heads = [{
            "half": number, "last_word": -(-features // beat) - 1, "code_base": rng.randrange(16),
            **{f"{name}_shift": p.weight_width + rng.randint(-3, 3) for name in ("query", "key", "value")},
            **{f"last_{name}_beat": count // beat - 1
               for name, count in zip(("query", "key", "value"), counts, strict=True)},
        } for number, counts in enumerate(self.channels)]
        self.beats, self.pulses, self.active, self.begun = [], [], [], []

    def sections(self):
        size = self.parameters.elements_per_beat
        for sections, weights, bias in zip(MATRICES, self.weights, self.biases, strict=True):
            words = pad_rows(weights.T, size).reshape(weights.shape[1], -1, size)
            for section, rows in zip(sections, (bias.astype("<i2").reshape(-1, 1, size), words), strict=True):
                for place in np.ndindex(rows.shape[:2]):
                    yield {"section": section, "vector": place[0], "word": place[1],
                           "data": int.from_bytes(rows[place].tobytes(), "little")}

    def batch(self, queries, count, half):
        """A random batch, what it should give in its order, and the pulses by the index of their beat."""
        p, rng, size = self.parameters, self.rng, self.parameters.elements_per_beat
        tokens = self.draw.integers(-32768, 32768, (count, self.features))
        head, beats, pulses = self.heads[half], [], []
        if queries:
            places = [{"row": rng.randrange(99), "slices": 1 << rng.randrange(p.slices), "half": half,
                       "slot": rng.randrange(p.query_groups), "tree": rng.randrange(p.trees),
                       "group_end": rng.getrandbits(1)} for _ in range(count)]
        else:
            places = rng.sample(range(p.max_keys // (1 + half)), count)
        for matrix in (QUERY,) if queries else (KEY, VALUE):
            channels = self.channels[half][matrix]
            vectors = project(tokens, self.weights[matrix][:, :channels], self.biases[matrix][:channels],
                              head[("query_shift", "key_shift", "value_shift")[matrix]], p)
            for beat in range(channels // size):
                last = beat == channels // size - 1
                for row, (place, vector) in enumerate(zip(places, vectors, strict=True)):
                    where = (place["slices"], place["slot"], place["tree"], head["code_base"],
                             place["group_end"] & last) if queries else (half * (p.max_keys // 2) + place,)
                    if last:
                        pulses += {QUERY: ["query_done"], KEY: [], VALUE: ["token_done"]}[matrix]
                        pulses += ["bank_done"] * (matrix != KEY and row == count - 1)
                    beats.append((matrix, where, beat, vector[beat * size:(beat + 1) * size].tolist(), pulses))
                    pulses = []
        return {"queries": queries, "count": count, "half": half}, tokens, places, beats

    def taken(self, beat):
        """A beat at the output in the form in which `batch` gives them."""
        kinds = [matrix for matrix, kind in enumerate((beat.query, beat.key, beat.value)) if kind]
        assert len(kinds) == 1
        if beat.query:
            where = beat.slices, beat.slot, beat.tree, beat.code_base, beat.group_end
        else:
            assert beat.slices == (1 << self.parameters.slices) - 1 and not beat.group_end
            where = (beat.vector,)
        return kinds[0], where, beat.beat, list(beat.data)

    def run(self, batches, stall=0.0):
        """Load the weights and project; returns the beats with their pulses."""
        dut, rng, size = self.dut, self.rng, self.parameters.elements_per_beat
        banks_done = []

        async def feed(ctx):
            for half, fields in enumerate(self.heads):
                ctx.set(dut.heads[half], fields)
            await send(ctx, dut.weights, self.sections())
            await ctx.tick().repeat(size)                          # the last bias may be on its way
            for number, (batch, tokens, places, _) in enumerate(batches):
                while number - len(banks_done) == 2:
                    await ctx.tick()
                ctx.set(dut.token_bank, number % 2)
                ctx.set(dut.destination_bank, number % 2)
                for row, (token, place) in enumerate(zip(pad_rows(tokens, size), places, strict=True)):
                    ctx.set(dut.destination["query" if batch["queries"] else "key"], place)
                    for signal, value in ((dut.destination_row, row), (dut.destination_write, 1), (dut.token_row, row)):
                        ctx.set(signal, value)
                    data = token.tobytes()
                    for part in range(len(data) // size):
                        ctx.set(dut.token_half, part)
                        ctx.set(dut.token_data, int.from_bytes(data[part * size:(part + 1) * size], "little"))
                        ctx.set(dut.token_write, 1)
                        await ctx.tick()
                        ctx.set(dut.destination_write, 0)
                ctx.set(dut.token_write, 0)
                await send(ctx, dut.i, [batch | {"bank": number % 2}], stall / 2, rng)

        async def sink(ctx):
            count = sum(len(beats) for _, _, _, beats in batches)
            self.beats = [self.taken(beat) for beat in await collect(ctx, dut.o, count, stall, rng)]
            for _ in range(20):
                _, _, extra = await ctx.tick().sample(dut.o.valid)
                assert not extra

        async def watch(ctx):
            names = ("query_done", "token_done", "bank_done")
            async for _, _, valid, ready, begins, active, *seen in ctx.tick().sample(
                    dut.o.valid, dut.o.ready, dut.i.valid & dut.i.ready, dut.active,
                    *(getattr(dut, name) for name in names)):
                pulses = [name for name, pulse in zip(names, seen, strict=True) if pulse]
                self.begun += [len(self.active)] * begins
                self.active.append(active)
                if valid and ready:
                    self.pulses.append(pulses)
                else:
                    assert not pulses
                banks_done.extend(name for name in pulses if name == "bank_done")

        run(dut, feed, sink, background=[watch])
        return [(*beat, pulses) for beat, pulses in zip(self.beats, self.pulses, strict=True)]


@pytest.mark.parametrize("stall", [0.0, 0.9])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_equals_the_model(changes, stall):
    """Queries, or keys and values, of batches of all sizes, of two heads in turn and at random."""
    rng, p = generator(), parameters(changes)
    size = p.elements_per_beat
    features = rng.randint(1, p.max_features)
    most = min(p.folds * p.lanes, p.matrix_words // -(-features // size))
    bench = Bench(p, rng, features, [rng.randint(1, most // size) * size for _ in range(3)])
    kinds = [(queries, count, half) for queries in (0, 1) for count in range(1, p.generator_rows + 1)
             for half in (0, 1)]
    batches = [bench.batch(*kind) for kind in rng.sample(kinds, len(kinds))]
    got = bench.run(batches, stall)
    assert got == [beat for *_, beats in batches for beat in beats]


@pytest.mark.parametrize(("changes", "rows", "channels", "words"), [
    (WIDE, 3, (48, 16, 32), 2), (WIDE, 7, (16, 16, 16), 1), (NARROW, 2, (8, 8, 12), 3), (NARROW, 4, (12, 12, 12), 2)])
def test_cycles_of_a_batch(changes, rows, channels, words):
    """As many as words and channels, of any number of tokens, and 2 * rows + 2 before; `active` is a cycle late.

    Of 7 rows, 16 channels are the fewest for which this holds.
    """
    rng, p = generator(), parameters(changes | {"generator_rows": rows})
    bench = Bench(p, rng, words * p.elements_per_beat, channels)
    batches = [bench.batch(queries, count, 0) for queries, count in ((1, rows), (0, 1), (0, rows), (1, 1))]
    assert bench.run(batches) == [beat for *_, beats in batches for beat in beats]
    expected, begun = [0] * (bench.begun[0] + 2 * rows + 3), bench.begun[:1]
    for batch, *_ in batches:
        work = words * (channels[QUERY] if batch["queries"] else channels[KEY] + channels[VALUE])
        expected += [batch["count"]] * work
        begun.append(len(expected) - 1)
        expected += [0] * (2 * rows + 2)
    assert bench.begun == begun[:-1]
    assert bench.active == expected + [0] * (len(bench.active) - len(expected))
