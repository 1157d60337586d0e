"""One unit of the generator against NumPy, with every input given at its stage only and noise at all others."""

import collections

import numpy as np
import pytest

from hw.generation.projection_unit import ProjectionUnit
from tests.sofa.heads import tiny
from tests.streams import generator, run

SETS = {
    "two elements": dict(max_features=8),
    "four elements": dict(bus_width=64, columns=4, normalise_lanes=4, max_features=16),
    "eight elements, 11 bits": dict(bus_width=128, lanes=8, tree_lanes=8, row_multipliers=4, max_head_dim=20,
                                    max_features=24, weight_width=11),
}


def parameters(changes):
    return tiny(**{"generator_rows": 1} | changes)


def words_of(matrix, p):
    """A matrix (features, n) by words of features: (words, elements of a beat, n)."""
    return np.asarray(matrix).reshape(-1, p.elements_per_beat, np.shape(matrix)[1])


def projected(token, weights, bias, shift):
    sums = np.asarray(token, dtype=np.int64) @ np.asarray(weights, dtype=np.int64)
    return np.clip((sums >> shift) + bias, -32767, 32767)


class Schedule:
    """Inputs of a unit by cycle, and the beats that are to be at its output."""

    def __init__(self, p, rng, stall=0.0):
        self.parameters, self.rng, self.stall = p, rng, stall
        self.unit = ProjectionUnit(p)
        self.inputs, self.beats = collections.defaultdict(dict), {}
        self.taken, self.next = 0, 3                           # cycles of the last `take` and of the next weights

    def vector(self, token, weights, bias, shift):
        """Project a token (H,) with weights (H, d) and bias (d,), of whole words and beats."""
        p, rng, latency = self.parameters, self.rng, self.unit.latency
        channels, parts = len(bias), words_of(weights, p)
        results = projected(token, weights, bias, shift)
        for number, (word, part) in enumerate(zip(words_of(token[:, None], p)[..., 0], parts, strict=True)):
            # Another word is stored as soon as the one before is taken; the weights come a cycle after `take`. A
            # channel comes again after 3 cycles.
            self.next += self.gap() + max(0, 3 - channels if number else 0)
            low, high = rng.sample(range(self.taken, self.next - 1), 2)
            raw, half = int.from_bytes(word.astype("<i2").tobytes(), "little"), p.bus_width // 2
            self.inputs[low] |= {"word_low": 1, "word": raw & ((1 << half) - 1)}
            self.inputs[high] |= {"word_high": 1, "word": raw >> half}
            self.taken = self.next - 1
            self.inputs[self.taken]["take"] = 1
            for channel in range(channels):
                self.next += self.gap() if channel else 0
                cycle, last = self.next, number == len(parts) - 1
                self.next += 1
                self.inputs[cycle]["weights"] = part[:, channel].tolist()
                self.inputs[cycle + latency - 1] |= {"accumulate": 1, "first": int(number == 0), "channel": channel}
                if last:
                    self.inputs[cycle + latency + 1]["shift"] = shift
                    self.inputs[cycle + latency + 4]["bias"] = int(bias[channel])
                    self.inputs[cycle + latency + 7]["gather"] = 1
                if last and channel % p.elements_per_beat == p.elements_per_beat - 1:
                    self.beats[cycle + latency + 8] = results[channel - p.elements_per_beat + 1:channel + 1].tolist()

    def gap(self):
        count = 0
        while self.rng.random() < self.stall:
            count += 1
        return count

    def noise(self):
        p, draw = self.parameters, self.rng.getrandbits
        half = 1 << (p.weight_width - 1)
        return {"word": draw(p.bus_width // 2), "word_low": 0, "word_high": 0, "take": 0, "accumulate": 0,
                "gather": 0, "first": draw(1), "shift": draw(5), "bias": draw(16) - 32768,
                "channel": self.rng.randrange(p.folds * p.lanes),
                "weights": [self.rng.randrange(-half, half) for _ in range(p.elements_per_beat)]}

    def check(self):
        async def testbench(ctx):
            for cycle in range(max(self.beats) + 1):
                for name, value in (self.noise() | self.inputs[cycle]).items():
                    ctx.set(getattr(self.unit, name), value)
                if cycle in self.beats:
                    assert list(ctx.get(self.unit.o)) == self.beats[cycle], f"beat in cycle {cycle}"
                await ctx.tick()

        run(self.unit, testbench)


def drawn(draw, limit, *shape):
    """Elements from -limit to limit - 1, in half of the arrays extreme ones of one sign in the main."""
    if draw.random() < 0.5:
        return draw.integers(-limit, limit, shape)
    extreme, other = draw.permutation((-limit, limit - 1))
    return draw.choice((extreme, other, 0), shape, p=(0.8, 0.1, 0.1))


@pytest.mark.parametrize("stall", [0.0, 0.3])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_equals_numpy(changes, stall):
    """Tokens of all lengths one behind the other, with all shifts."""
    rng, p = generator(), parameters(changes)
    schedule, draw = Schedule(p, rng, stall), np.random.default_rng(rng.getrandbits(32))
    for shift in rng.sample(range(32), 32):
        features = rng.randint(1, p.feature_words) * p.elements_per_beat
        channels = rng.randint(1, p.folds * p.lanes // p.elements_per_beat) * p.elements_per_beat
        schedule.vector(drawn(draw, 32768, features), drawn(draw, 1 << (p.weight_width - 1), features, channels),
                        draw.integers(-32768, 32768, channels), shift)
    schedule.check()


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_results_around_the_limits(changes):
    """Sums that come to the limits exactly, or to one beyond, by their bias."""
    p = parameters(changes)
    schedule, channels = Schedule(p, generator()), p.folds * p.lanes
    token = np.eye(1, p.elements_per_beat, 1, int)[0] * 32767
    for sign in (1, -1):
        weights = np.zeros((p.elements_per_beat, channels), int)
        weights[1] = 100 * sign
        bias = sign * (32767 - 3276700 // 128) + np.arange(channels) - channels // 2
        expected = projected(token, weights, bias, 7)
        assert np.abs(expected).max() == 32767 and len(set(expected)) > 2
        schedule.vector(token, weights, bias, 7)
    schedule.check()


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_largest_sums(changes):
    """The most negative elements of the longest token do not overflow, at shifts that show all bits of the sum."""
    p = parameters(changes)
    schedule, least = Schedule(p, generator()), -(1 << (p.weight_width - 1))
    bits = (p.max_features << (p.weight_width + 14)).bit_length()
    for shift in sorted({*range(0, bits - 15, 5), bits - 16, bits - 15, bits - 14}):
        for weight in (least, -1 - least, 1):
            schedule.vector(np.full(p.max_features, -32768), np.full((p.max_features, p.elements_per_beat), weight),
                            np.full(p.elements_per_beat, 32767 if weight == 1 else -32768), shift)
    schedule.check()
