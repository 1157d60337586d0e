"""`CodeBlocks`: what reaches the trees of the weight codes of a head, against the description."""

import numpy as np
import pytest

from hw.generation.formats import Section
from hw.predictor.code_blocks import CodeBlocks
from sim.host.words import pad_rows
from tests.sofa.heads import tiny
from tests.streams import generator, run, send

SETS = {
    "two folds a word, three bands": dict(),
    "four folds a word": dict(bus_width=64),
    "a fold a word": dict(lanes=8, tree_lanes=8, columns=4, row_multipliers=4, max_head_dim=11),
    "two words a fold": dict(lanes=16, tree_lanes=16, columns=8, row_multipliers=8, max_features=40),
    "one fold": dict(max_features=4),
    "one band": dict(khat_width=9, code_levels=7),
    "two bands, the second short": dict(code_levels=6, query_code_width=8),
    "seven bands": dict(code_levels=1),
    "one tree": dict(columns=1),
    "a tree for each channel of a beat": dict(bus_width=64, columns=4),
}


class Head:
    """Codes of random weights and the blocks that they make."""

    def __init__(self, rng, p):
        draw = np.random.default_rng(rng.getrandbits(32))
        self.p = p
        self.features, self.channels = rng.randint(1, p.max_features), rng.randint(1, p.max_head_dim)
        self.codes = draw.integers(0, 16, (self.features, self.channels))
        self.codes[rng.randrange(self.features), rng.randrange(self.channels)] = 7 + 8 * rng.getrandbits(1)
        beats, folds = -(-self.channels // p.elements_per_beat), -(-self.features // p.tree_lanes)
        self.projection = dict(last_token_fold=folds - 1, last_key_beat=beats - 1)
        self.groups = beats * p.elements_per_beat // p.khat_columns
        self.padded = np.zeros((folds * p.tree_lanes, beats * p.elements_per_beat), int)
        self.padded[:self.features, :self.channels] = self.codes
        self.folds = folds

    def words(self):
        """The section of codes as a list of weight writes."""
        p, size = self.p, self.p.bus_width // 8
        nibbles = pad_rows(self.padded.T, p.bus_width // 4, np.uint8)
        rows = [row.tobytes() for row in nibbles[:, ::2] | nibbles[:, 1::2] << 4]
        return [{"section": Section.CODES, "vector": vector, "word": place // size,
                 "data": int.from_bytes(row[place:place + size], "little")}
                for vector, row in enumerate(rows) for place in range(0, len(row), size)]

    def blocks(self):
        """Codes (trees, lanes) of each block as (nonzero, sign, shift), in the order fold, group, band."""
        p = self.p
        for fold in range(self.folds):
            for group in range(self.groups):
                part = self.padded[fold * p.tree_lanes:][:p.tree_lanes, group * p.khat_columns:][:, :p.khat_columns].T
                for band in range(p.weight_bands):
                    octave = (part & 7) - 1 - band * p.code_levels
                    inside = (part & 7 != 0) & (octave >= 0) & (octave < p.code_levels)
                    yield np.stack([inside, inside * (part >> 3), inside * octave], axis=-1).tolist()


class Trees:
    """The places of the trees, which are written block after block while the oldest one is at work."""

    def __init__(self, dut, head):
        self.dut, self.head = dut, head
        self.writes, self.done, self.cycles = 0, 0, []

    async def walk(self, ctx, rounds, rng, hold=0.0, busy=0.0):
        """Run through all blocks `rounds` times, and stop in the midst of the next round."""
        dut, columns = self.dut, self.head.p.khat_columns
        blocks = list(self.head.blocks())
        ctx.set(dut.run, 1)
        for cycle in range(100_000):
            complete = self.writes // columns
            held = rng.random() < hold
            ctx.set(dut.hold, held)
            # A block is there as soon as its last tree has it, and until it is no longer needed.
            assert ctx.get(dut.ready) == (complete > self.done)
            assert ctx.get(dut.using) == self.done % 2
            done = complete > self.done and rng.random() >= busy
            ctx.set(dut.done, done)
            _, _, valid, block = await ctx.tick().sample(dut.block_valid, dut.block)
            assert not (valid and held)
            if valid:
                number, tree = divmod(self.writes, columns)
                assert number < self.done + 2, "a block is overwritten that is still needed"
                assert (block.tree, block.place) == (tree, number % 2)
                got = [[code.nonzero, code.sign, code.shift] for code in block.codes]
                assert got == blocks[number % len(blocks)][tree], f"block {number}, tree {tree}"
                self.writes += 1
                self.cycles.append(cycle)
            self.done += done
            if self.done == rounds * len(blocks) + 1:
                break
        else:
            raise AssertionError("the blocks stopped")
        # A code that was not written when the run ends is not written later.
        for name, value in (("done", 0), ("run", 0), ("hold", 1)):
            ctx.set(getattr(dut, name), value)
        await ctx.tick()
        ctx.set(dut.hold, 0)
        assert not ctx.get(dut.block_valid)


async def load(ctx, dut, head, rng, stall):
    """Give a head's codes, and wait until they are stored."""
    ctx.set(dut.projection, head.projection)
    ctx.set(dut.last_group, head.groups - 1)
    await send(ctx, dut.weights, head.words(), stall, rng)
    while not ctx.get(dut.stored):
        await ctx.tick()
    ctx.set(dut.taken, 1)
    await ctx.tick()
    ctx.set(dut.taken, 0)


def parameters(changes):
    return tiny(**{"generator_rows": 1, "max_features": 20, "max_weights": 600} | changes)


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_blocks_of_one_head_after_the_other(changes):
    """Blocks of several heads, each begun anew in between, with holds and trees that are busy at random."""
    rng = generator()
    p = parameters(changes)
    dut = CodeBlocks(p)

    async def testbench(ctx):
        for hold, busy in ((0, 0), (0.3, 0), (0, 0.8), (0.3, 0.3)):
            head = Head(rng, p)
            await load(ctx, dut, head, rng, stall=hold)
            for rounds in (2, 1):
                await Trees(dut, head).walk(ctx, rounds, rng, hold, busy)

    run(dut, testbench)


@pytest.mark.parametrize("trees", [2, 4])
def test_a_block_takes_a_cycle_a_tree(trees):
    """One write follows another without a gap if every block is done with as soon as it is there."""
    rng = generator()
    p = parameters(dict(bus_width=64, columns=trees))
    assert p.khat_columns == trees
    dut, head = CodeBlocks(p), Head(rng, p)
    walk = Trees(dut, head)

    async def testbench(ctx):
        await load(ctx, dut, head, rng, 0)
        await walk.walk(ctx, 2, rng)

    run(dut, testbench)
    assert walk.cycles == list(range(walk.cycles[0], walk.cycles[0] + walk.writes))
