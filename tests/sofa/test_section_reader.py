"""`SectionReader`: the words of a head's weights, as the host packs them, by section, vector and word."""

from types import SimpleNamespace

import numpy as np
import pytest

from hw.generation.formats import Section
from hw.sofa.section_reader import SectionReader
from sim.host.tokens import SofaTokens, pack_weights
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run

SETS = {
    "two folds of codes a word": dict(),
    "four folds of codes a word": dict(bus_width=64),
    "a fold of codes a word": dict(lanes=8, tree_lanes=8, columns=4, row_multipliers=4, max_head_dim=11),
    "two words a fold of codes": dict(lanes=16, tree_lanes=16, columns=8, row_multipliers=8, max_head_dim=19),
    "fewer channels than lanes": dict(lanes=16, row_multipliers=8, max_head_dim=5),
    "one beat a head, one word a token": dict(max_head_dim=1, max_features=2),
}
BIASES = {Section.QUERY: Section.QUERY_BIAS, Section.KEY: Section.KEY_BIAS, Section.VALUE: Section.VALUE_BIAS}
PARTS = {Section.CODES: (Section.CODES,), Section.QUERY: (Section.QUERY_BIAS, Section.QUERY),
         Section.VALUE: (Section.KEY_BIAS, Section.KEY, Section.VALUE_BIAS, Section.VALUE)}


class Head:
    """Random weights, the words that the host makes of them, and what is expected of each word."""

    def __init__(self, rng, p, features, channels, value_channels):
        draw = np.random.default_rng(rng.getrandbits(32))
        self.p = p
        widths = {Section.QUERY: channels, Section.KEY: channels, Section.VALUE: value_channels}
        self.matrices = {section: draw.integers(-32768, 32768, (features, width)) for section, width in widths.items()}
        self.biases = {BIASES[section]: draw.integers(-32768, 32768, width) for section, width in widths.items()}
        codes = draw.integers(0, 16, (features, channels))
        packed = pack_weights(SimpleNamespace(tokens=SofaTokens(
            None, None, *self.matrices.values(), *self.biases.values(), codes)), p)
        self.matrices[Section.CODES] = codes
        size = p.bus_width // 8
        self.words = [int.from_bytes(packed[place:place + size], "little") for place in range(0, len(packed), size)]

        widths[Section.QUERY] = p.query_channels(max(channels, value_channels))
        beats = {section: -(-width // p.elements_per_beat) for section, width in widths.items()}
        words, folds = -(-features // p.elements_per_beat), -(-features // p.tree_lanes)
        self.projection = dict(
            last_word=words - 1, last_token_fold=folds - 1, last_query_beat=beats[Section.QUERY] - 1,
            last_key_beat=beats[Section.KEY] - 1, last_value_beat=beats[Section.VALUE] - 1)
        #: Vectors of each section, and words of a vector.
        self.sizes = {Section.CODES: (beats[Section.KEY] * p.elements_per_beat,
                                      -(-4 * p.tree_lanes * folds // p.bus_width))}
        for section, count in beats.items():
            self.sizes |= {BIASES[section]: (count, 1), section: (count * p.elements_per_beat, words)}

    def places(self):
        """(section, vector, word) of all words in their order."""
        return [(section, vector, word) for section, (vectors, words) in self.sizes.items()
                for vector in range(vectors) for word in range(words)]

    def count(self, part):
        """Words of a part."""
        return sum(vectors * words for vectors, words in (self.sizes[section] for section in PARTS[part]))

    def contents(self, section, vector):
        """What a vector holds ahead of zeros: the weights of a channel, or the biases of a beat's channels."""
        if section in self.biases:
            return self.biases[section][vector * self.p.elements_per_beat:][:self.p.elements_per_beat]
        return self.matrices[section].T[vector] if vector < self.matrices[section].shape[1] else np.zeros(0)

    def check(self, writes):
        """Every word is there once and in its order, and where it says it belongs it holds these weights."""
        assert [(write.section, write.vector, write.word) for write in writes] == self.places()
        vectors = {}
        for write in writes:
            data = write.data.to_bytes(self.p.bus_width // 8, "little")
            vectors[write.section, write.vector] = vectors.get((write.section, write.vector), b"") + data
        for (section, vector), data in vectors.items():
            got = np.frombuffer(data, "<i2")
            if section == Section.CODES:
                pairs = np.frombuffer(data, "u1")
                got = np.stack([pairs & 15, pairs >> 4], axis=1).ravel()
            expected = self.contents(section, vector)
            assert np.array_equal(got[:len(expected)], expected) and not got[len(expected):].any()


async def start(ctx, dut, head):
    ctx.set(dut.projection, head.projection)
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_every_word_has_its_place(changes, stall):
    """Heads of several sizes, the largest first; words come, are taken and are given leave at random."""
    rng = generator()
    p = tiny(**{"generator_rows": 1, "max_features": 19} | changes)
    sizes = [(p.max_features, p.max_head_dim, p.max_head_dim), (1, 1, 1), (1, p.max_head_dim, 1),
             (p.tree_lanes, 1, p.max_head_dim)]
    sizes += [(rng.randint(1, p.max_features), rng.randint(1, p.max_head_dim), rng.randint(1, p.max_head_dim))
              for _ in range(1)]
    heads = [Head(rng, p, min(features, p.max_features), *channels) for features, *channels in sizes]
    dut, writes = SectionReader(p), []

    async def source(ctx):
        for word in (word for head in heads for word in head.words):
            ctx.set(dut.data, rng.getrandbits(p.bus_width))
            while rng.random() < stall:
                await ctx.tick()
            ctx.set(dut.data, word)
            ctx.set(dut.available, 1)
            await ctx.tick().until(dut.take)
            ctx.set(dut.available, 0)

    async def sink(ctx):
        for head in heads:
            writes.append(await collect(ctx, dut.weights, len(head.words), stall, rng))

    async def leader(ctx):
        for head in heads:
            await start(ctx, dut, head)
            for part in PARTS:
                taken, ends = 0, 0
                ctx.set(dut.enable, 1)
                while not ends:
                    for name in ("codes_free", "queries_free", "keys_free"):
                        ctx.set(getattr(dut, name), rng.random() >= stall)
                    _, _, ends, valid, ready, section = await ctx.tick().sample(
                        dut.part_end, dut.weights.valid, dut.weights.ready, dut.part.as_value())
                    taken += valid & ready
                assert (Section(section), taken) == (part, head.count(part))
                ctx.set(dut.enable, 0)
                for _ in range(rng.randrange(3)):
                    await ctx.tick()

    run(dut, source, sink, leader)
    for head, received in zip(heads, writes, strict=True):
        head.check(received)


@pytest.mark.parametrize("features", [1, 8, 9])
def test_leave_is_asked_for_once_a_part(features):
    """Not before its leave is a part read, whatever leave others have; then it is read whole, a word a cycle.

    Each section takes four cycles more than it has words.
    """
    rng = generator()
    p = tiny(generator_rows=1)
    head = Head(rng, p, features, 3, 5)
    dut = SectionReader(p)
    names = ("codes_free", "queries_free", "keys_free")

    async def testbench(ctx):
        await start(ctx, dut, head)
        ctx.set(dut.available, 1)
        ctx.set(dut.weights.ready, 1)
        for part, name in zip(PARTS, names, strict=True):
            # Enabled without leave, and with leave but not enabled.
            for enable in (1, 0):
                ctx.set(dut.enable, enable)
                for other in names:
                    ctx.set(getattr(dut, other), (other == name) != enable)
                for _ in range(5):
                    _, _, take, valid = await ctx.tick().sample(dut.take, dut.weights.valid)
                    assert not take and not valid
            ctx.set(dut.enable, 1)
            await ctx.tick()
            ctx.set(getattr(dut, name), 0)
            cycles, taken, end = 1, 0, 0
            while not end:
                _, _, end, take = await ctx.tick().sample(dut.part_end, dut.take)
                cycles, taken = cycles + 1, taken + take
            assert taken == head.count(part)
            assert cycles == taken + dut.section_cycles * len(PARTS[part])
        ctx.set(dut.enable, 0)

    run(dut, testbench)
