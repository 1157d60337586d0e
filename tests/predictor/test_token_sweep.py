"""Keys predicted from tokens: `TokenSweep` on the array of a `Predictor`, against the model."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from hw.generation.formats import Section
from hw.predictor.predictor import Predictor, token_ports
from hw.predictor.token_sweep import TokenSweep
from sim.golden.tokens import predicted_keys, weight_codes
from sim.host.words import pad_rows
from tests.sofa.heads import tiny
from tests.streams import generator, run

SETS = {
    "two digits, two bands": dict(max_features=40),
    "one digit, one band": dict(khat_width=9, code_levels=7, max_features=17),
    "one digit, two bands": dict(khat_width=8, code_levels=6, max_features=9),
    "seven digits, seven bands": dict(khat_width=2, code_levels=1, query_code_width=8, max_features=5),
    "three digits, one tree": dict(khat_width=4, rows=2, columns=1, row_multipliers=4, lanes=4, tree_lanes=2,
                                   rows_per_sorter=1),
    "more trees than a beat": dict(rows=8, columns=4, row_multipliers=2, lanes=8, tree_lanes=4, rows_per_sorter=8,
                                   normalise_lanes=2),
    "two lanes": dict(rows=2, columns=1, row_multipliers=2, lanes=2, tree_lanes=2, rows_per_sorter=1, max_head_dim=2,
                      khat_width=8, code_levels=6, query_code_width=8, max_features=1, query_groups=9),
    "tree as wide as a beat": dict(bus_width=64, lanes=4, tree_lanes=4, columns=2, normalise_lanes=4),
}


class Array(wiring.Component):
    """A sweep and the predictor that it drives."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.sweep, self.predictor = TokenSweep(parameters), Predictor(parameters, True)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sweep, m.submodules.predictor = sweep, predictor = self.sweep, self.predictor
        for name in token_ports(self.parameters):
            source, target = (predictor, sweep) if name == "khat" else (sweep, predictor)
            if not name.startswith("khat_write"):
                m.d.comb += getattr(target, name).eq(getattr(source, name))
        return m


class Bench:
    """Sends codes and rows, and gathers the keys that are written."""

    def __init__(self, parameters, rng, stall):
        self.parameters, self.rng, self.stall = parameters, rng, stall
        self.dut = Array(parameters)

    async def load(self, ctx, codes, count, shift, half):
        """The section of codes, (H, d), of a head of `count` tokens."""
        p, sweep = self.parameters, self.dut.sweep
        head = sweep.i.payload.projection
        for name, value in (("keys", count), ("half", half), ("khat_shift", shift),
                            ("last_token_fold", (len(codes) - 1) // p.tree_lanes),
                            ("last_key_beat", (codes.shape[1] - 1) // p.elements_per_beat)):
            ctx.set(getattr(head, name), value)
        await ctx.tick()
        channels = np.zeros((-(-codes.shape[1] // p.elements_per_beat) * p.elements_per_beat, len(codes)), int)
        channels[:codes.shape[1]] = codes.T
        nibbles = pad_rows(pad_rows(channels, p.tree_lanes, np.uint8), p.bus_width // 4, np.uint8)
        words = (nibbles[:, ::2] | nibbles[:, 1::2] << 4).reshape(len(nibbles), -1, p.bus_width // 8)
        for channel, row in enumerate(words):
            for number, word in enumerate(row):
                ctx.set(sweep.weights.payload, {"section": Section.CODES, "vector": channel, "word": number,
                                                "data": int.from_bytes(word.tobytes(), "little")})
                ctx.set(sweep.weights.valid, 1)
                await ctx.tick().until(sweep.weights.ready)
        ctx.set(sweep.weights.valid, 0)

    async def predict(self, ctx, tokens, half):
        """Run a head; returns the keys that were written, by vector and beat."""
        p, rng, sweep = self.parameters, self.rng, self.dut.sweep
        ctx.set(sweep.i.valid, 1)
        await ctx.tick().until(sweep.i.ready)
        ctx.set(sweep.i.valid, 0)
        rows = pad_rows(tokens, 2 * p.elements_per_beat, np.int8)
        words, written, walking = [], {}, False
        ctx.set(sweep.request.ready, 1)
        for _ in range(100_000):
            offers = bool(words) and rng.random() >= self.stall
            if offers:
                ctx.set(sweep.row.payload, words[0])
            ctx.set(sweep.row.valid, offers)
            # A group of rows is walked for some time; it does not begin while the sweep holds the array.
            if rng.random() < 0.05 and not ctx.get(sweep.hold):
                walking = rng.random() < self.stall
            ctx.set(sweep.walking, walking)
            ctx.set(sweep.query_write, rng.random() < self.stall / 2)
            done = ctx.get(sweep.predict.valid)
            if ctx.get(sweep.khat_write_valid):
                key = ctx.get(sweep.khat_write)
                written[key.vector, key.beat] = list(key.data)
            if ctx.get(sweep.request.valid):
                request = ctx.get(sweep.request.payload)
                assert request.half == half
                row = rows[request.key].tobytes()
                size = p.bus_width // 16
                words += [{"data": int.from_bytes(row[place:place + size], "little"),
                           "last": place + size == len(row)} for place in range(0, len(row), size)]
            if offers and ctx.get(sweep.row.ready):
                words.pop(0)
            if done:
                break
            await ctx.tick()
        assert not words
        ctx.set(sweep.predict.ready, 1)
        await ctx.tick()
        ctx.set(sweep.predict.ready, 0)
        return written


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_equals_the_model(changes, stall):
    rng = generator()
    p = tiny(**{"generator_rows": 1, "max_features": 20, "max_weights": 600} | changes)
    draw = np.random.default_rng(rng.getrandbits(32))
    bench = Bench(p, rng, stall)

    async def testbench(ctx):
        for number in range(4):
            count, features = rng.randint(1, 9), rng.randint(1, p.max_features)
            most = min(p.max_head_dim, p.max_weights // (-(-features // p.tree_lanes) * p.tree_lanes))
            channels = rng.randint(1, most // p.elements_per_beat * p.elements_per_beat or 1)
            tokens = draw.integers(-127, 128, (count, features))
            codes = weight_codes(draw.integers(-127, 128, (features, channels)))
            shift, half = rng.randint(0, 14), number % 2
            await bench.load(ctx, codes, count, shift, half)
            written = await bench.predict(ctx, tokens, half)
            expected = predicted_keys(tokens, codes, shift, p)
            base = half * (p.max_keys // 2)
            beats = -(-channels // p.elements_per_beat)
            assert sorted(written) == [(base + key, beat) for key in range(count) for beat in range(beats)]
            got = np.array([sum((written[base + key, beat] for beat in range(beats)), []) for key in range(count)])
            assert np.array_equal(got[:, :channels], expected)
            assert not got[:, channels:].any()

    run(bench.dut, testbench)
