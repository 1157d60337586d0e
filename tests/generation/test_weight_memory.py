"""Weights and biases of a head: `WeightMemory` against a copy of what was sent."""

import numpy as np
import pytest

from hw.generation.formats import Section
from hw.generation.weight_memory import WeightMemory
from sim.host.words import pad_rows
from tests.sofa.heads import tiny
from tests.streams import generator, run, send

SETS = {
    "whole elements": dict(max_weights=80, max_features=10),
    "two blocks": dict(max_weights=1408, max_features=176),
    "11 bits": dict(max_weights=80, max_features=10, weight_width=11),
    "two parts": dict(bus_width=128, lanes=8, tree_lanes=8, row_multipliers=4, max_head_dim=20, max_weights=960,
                      max_features=40),
    "two parts of 8 bits": dict(bus_width=256, lanes=16, tree_lanes=16, row_multipliers=8, columns=4, max_head_dim=30,
                                max_weights=1536, max_features=48, weight_width=8),
}
#: Sections of each matrix, in their order.
MATRICES = ((Section.QUERY_BIAS, Section.QUERY), (Section.KEY_BIAS, Section.KEY), (Section.VALUE_BIAS, Section.VALUE))


def parameters(changes):
    return tiny(**{"generator_rows": 1} | changes)


class Bench:
    """A memory, and what it should hold: words of three matrices, and three rows of biases."""

    def __init__(self, p, rng):
        self.parameters, self.rng = p, rng
        self.draw = np.random.default_rng(rng.getrandbits(32))
        self.dut = WeightMemory(p)
        self.weights = np.zeros((3, p.matrix_words, p.elements_per_beat), int)
        self.biases = np.zeros((3, p.folds * p.lanes), int)

    def elements(self, rows):
        return self.draw.integers(-32768, 32768, (rows, self.parameters.elements_per_beat))

    def matrix(self, number, channels, words):
        """Words of the sections of one matrix, which then are what should be held."""
        p = self.parameters
        bias, matrix = self.elements(channels // p.elements_per_beat), self.elements(channels * words)
        # Only the lower bits of a weight are kept.
        half = 1 << (p.weight_width - 1)
        self.weights[number, :len(matrix)] = (matrix + half) % (2 * half) - half
        self.biases[number, :bias.size] = bias.ravel()
        return [{"section": section, "vector": vector, "word": word, "data": int.from_bytes(data.tobytes(), "little")}
                for section, rows, length in zip(MATRICES[number], (bias, matrix), (1, words), strict=True)
                for (vector, word), data in zip(np.ndindex(len(rows) // length, length),
                                                pad_rows(rows, p.elements_per_beat), strict=True)]

    def sizes(self):
        """Random channels, in whole beats, and words a channel that fit."""
        p, beat = self.parameters, self.parameters.elements_per_beat
        words = self.rng.randint(1, min(p.feature_words, p.matrix_words // beat))
        return self.rng.randint(1, min(p.folds * p.lanes, p.matrix_words // words) // beat) * beat, words

    async def settle(self, ctx):
        await ctx.tick().repeat(self.parameters.elements_per_beat + 2)

    async def check(self, ctx, matrices=range(3)):
        """All words and biases of `matrices`, one a cycle in any order, four and two cycles after their address."""
        dut, p = self.dut, self.parameters
        places = [(matrix, word) for matrix in matrices for word in range(p.matrix_words)]
        channels = [(matrix, channel) for matrix in matrices for channel in range(self.biases.shape[1])]
        self.rng.shuffle(places)
        self.rng.shuffle(channels)
        for cycle in range(max(len(places), len(channels)) + dut.latency):
            if 4 <= cycle < len(places) + 4:
                place = places[cycle - 4]
                assert list(ctx.get(dut.weights)) == self.weights[place].tolist(), f"matrix, word {place}"
            if 2 <= cycle < len(channels) + 2:
                place = channels[cycle - 2]
                assert ctx.get(dut.bias) == self.biases[place], f"matrix, channel {place}"
            if cycle < len(places):
                matrix, word = places[cycle]
                ctx.set(dut.read_address, matrix * p.matrix_words + word)
            if cycle < len(channels):
                ctx.set(dut.bias_matrix, channels[cycle][0])
                ctx.set(dut.bias_channel, channels[cycle][1])
            await ctx.tick()


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_holds_what_was_sent(changes, stall):
    """Three heads of different shapes, each over the one before; what a smaller one does not reach remains."""
    rng = generator()
    bench = Bench(parameters(changes), rng)

    async def testbench(ctx):
        await bench.check(ctx)
        for _ in range(3):
            for number in range(3):
                await send(ctx, bench.dut.i, bench.matrix(number, *bench.sizes()), stall, rng)
            await bench.settle(ctx)
            await bench.check(ctx)

    run(bench.dut, testbench)


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_full_matrices_do_not_overlap(changes):
    """Every channel has a bias, and the last words of each matrix are written."""
    p = parameters(changes)
    bench, channels = Bench(p, generator()), p.folds * p.lanes
    assert p.matrix_words % channels == 0

    async def testbench(ctx):
        for number in range(3):
            await send(ctx, bench.dut.i, bench.matrix(number, channels, p.matrix_words // channels))
        await bench.settle(ctx)
        await bench.check(ctx)

    run(bench.dut, testbench)


def test_keys_and_values_are_read_while_queries_are_replaced():
    rng = generator()
    bench, loaded, replaced = Bench(parameters(SETS["11 bits"]), rng), [], []

    async def writer(ctx):
        for number in (1, 2):
            await send(ctx, bench.dut.i, bench.matrix(number, *bench.sizes()))
        await bench.settle(ctx)
        loaded.append(True)
        for _ in range(4):
            await send(ctx, bench.dut.i, bench.matrix(0, *bench.sizes()), 0.7, rng)
        replaced.append(True)

    async def reader(ctx):
        while not replaced:
            if loaded:
                await bench.check(ctx, (1, 2))
            await ctx.tick()

    run(bench.dut, writer, reader)


def test_cycles():
    """A word of a matrix takes a cycle, one of a bias a cycle an element and one more, which the next one waits for."""
    bench, cycles = Bench(parameters(SETS["two parts"]), generator()), []

    async def testbench(ctx):
        await send(ctx, bench.dut.i, bench.matrix(0, 24, 2), cycles=cycles)

    run(bench.dut, testbench)
    # The word behind the last bias does not wait for its elements.
    assert cycles == [0, 9, 18, *range(27, 27 + 48)]
