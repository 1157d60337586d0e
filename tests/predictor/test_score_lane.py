"""`ScoreLane`: scores of queries and sums of tokens on one tree, one after the other, against NumPy."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from hw.predictor.score_lane import SCORE_LATENCY, ScoreLane, token_shifts, token_sums
from hw.predictor.shift_tree import tree_latency
from tests.sofa.heads import tiny
from tests.streams import generator, run

SETS = {
    "two folds": dict(),
    "one fold": dict(max_head_dim=4),
    "three folds of two": dict(tree_lanes=2, columns=1, rows_per_sorter=1),
    "two codes at a time": dict(bus_width=128, lanes=8, tree_lanes=8, columns=4, row_multipliers=4, max_head_dim=21),
    "wide keys, two digits": dict(khat_width=7, code_levels=7, score_width=16),
    "adders without registers": dict(adder_levels=2, score_width=4),
    "one digit, one octave": dict(khat_width=8, code_levels=1, query_code_width=8, score_width=8),
}


@dataclass
class Step:
    """A cycle of the tree: what it is given, and what comes of it.

    The codes of `vector` and `fold` are read, or the codes `write` that were stored just before; the keys come two
    cycles later. `sum_inputs` are set in the cycle in which the tree's sum is there, `shift` two cycles later and
    `allowed` in the cycle before the outputs, which then are those that are named.
    """

    keys: np.ndarray
    vector: int = 0
    fold: int = 0
    write: list | None = None
    sum_inputs: dict = field(default_factory=lambda: dict(first_fold=0, token_valid=0))
    shift: int = 0
    allowed: int = 1
    outputs: dict = field(default_factory=dict)


def code_fields(signs, levels):
    """Fields of codes whose level is 0, or 1 and the shift; a code of 0 has no sign."""
    return [{"sign": int(sign and level > 0), "shift": max(int(level) - 1, 0), "nonzero": int(level > 0)}
            for sign, level in zip(signs, levels, strict=True)]


def values(signs, levels):
    return np.where(levels == 0, 0, 1 << np.maximum(levels - 1, 0)) * np.where(signs, -1, 1)


class Bench:
    """A lane with random codes of queries, and random steps for it."""

    def __init__(self, rng, parameters, tokens):
        p = self.p = parameters
        self.rng, self.draw, self.dut = rng, np.random.default_rng(rng.getrandbits(32)), ScoreLane(p, tokens)
        self.signs, self.levels = self.codes(p.code_levels, p.query_groups, p.tree_folds, p.tree_lanes)
        # The first query gives the largest sums; none has more channels than there may be.
        self.signs[0], self.levels[0] = 1, p.code_levels
        self.levels.reshape(p.query_groups, -1)[:, p.max_head_dim:] = 0

    def codes(self, most, *shape):
        """Signs and levels; now and then all of the highest level."""
        low = most if self.rng.random() < 0.2 else 0
        return self.draw.integers(0, 2, shape), self.draw.integers(low, most + 1, shape)

    def score(self, folds):
        """Steps of one key under the codes of one query."""
        p, rng = self.p, self.rng
        vector, half, limit = rng.randrange(p.query_groups), 1 << (p.khat_width - 1), (1 << (p.score_width - 1)) - 1
        keys = self.draw.integers(-half, half, (folds, p.tree_lanes))
        if rng.random() < 0.5:
            keys[:] = rng.choice([-half, half - 1])
        total = int((values(self.signs, self.levels)[vector, :folds] * keys).sum())
        shift, allowed = rng.randrange(1 << p.predict_shift_bits), int(rng.random() < 0.8)
        outputs = dict(score=0, saturated=0)
        if allowed:
            scaled = total >> shift
            outputs = dict(score=max(-limit, min(limit, scaled)) + limit + 1, saturated=int(abs(scaled) > limit))
        steps = [Step(keys[fold], vector, fold, sum_inputs=dict(first_fold=fold == 0, token_valid=0))
                 for fold in range(folds)]
        steps[-1].shift, steps[-1].allowed, steps[-1].outputs = shift, allowed, outputs
        return steps

    def token(self, number, features, sign=None):
        """Steps of one key channel of a token in sum `number`: by folds, bands of the weights and digits.

        With `sign` the sum is the largest one that there is, of this sign.
        """
        p, rng, size = self.p, self.rng, self.p.khat_width - 1
        shape = -(-features // p.tree_lanes), p.tree_lanes
        tokens = np.zeros(shape, int)
        tokens.flat[:features] = self.draw.integers(-128, 128, features)
        signs, levels = self.codes(7, *shape)
        if sign is not None:
            tokens.flat[:features], signs[:], levels[:] = -128, 1 - sign, 7
        half, shifts, total, first = 1 << size, token_shifts(p), 0, 1
        for token, token_signs, token_levels in zip(tokens, signs, levels, strict=True):
            for band in range(p.weight_bands):
                level = token_levels - band * p.code_levels
                level[(level < 0) | (level > p.code_levels)] = 0
                for digit in range(p.token_digits):
                    part = token >> (digit * size)
                    if digit < p.token_digits - 1:
                        part &= half - 1
                    weight = digit * size + band * p.code_levels
                    total += int((values(token_signs, level) * part).sum()) << weight
                    shift = rng.randrange(20)
                    yield Step(
                        part, write=code_fields(token_signs, level),
                        sum_inputs=dict(first_fold=rng.randint(0, 1), token_valid=1,
                                        token=dict(sum=number, first=first, shift=shifts.index(weight))),
                        shift=shift, outputs=dict(khat=max(-half, min(half - 1, total >> shift))))
                    first = 0
        assert total == (values(signs, levels) * tokens).sum()

    async def write_queries(self, ctx):
        """Bank by bank; the other banks are given other codes, which they are not to take."""
        p, dut = self.p, self.dut
        for vector, fold in np.ndindex(p.query_groups, p.tree_folds):
            ctx.set(dut.write_vector, vector)
            ctx.set(dut.write_fold, fold)
            for bank in range(p.tree_lanes // p.encoders):
                signs, levels = self.codes(p.code_levels, p.tree_lanes)
                here = slice(bank * p.encoders, (bank + 1) * p.encoders)
                signs[here], levels[here] = self.signs[vector, fold, here], self.levels[vector, fold, here]
                ctx.set(dut.write_enable, 1 << bank)
                await ctx.tick()
                ctx.set(dut.write_codes, code_fields(signs, levels))
        ctx.set(dut.write_enable, 0)
        await ctx.tick()

    def check(self, steps):
        """Take `steps`, one a cycle, None being an idle one, and compare what comes of each."""
        p, dut = self.p, self.dut
        idle = Step(np.zeros(p.tree_lanes, int))
        steps = [idle, *(step or idle for step in steps)]
        tree = 2 + tree_latency(p.tree_lanes, p.adder_levels)

        def at(cycle):
            return steps[cycle] if 0 <= cycle < len(steps) else idle

        async def testbench(ctx):
            await self.write_queries(ctx)
            place = 0
            for cycle in range(len(steps) + tree + SCORE_LATENCY):
                ctx.set(dut.read_vector, p.query_groups + place if at(cycle).write else at(cycle).vector)
                ctx.set(dut.read_fold, at(cycle).fold)
                ctx.set(dut.keys, at(cycle - 2).keys.tolist())
                # Codes that tokens need are stored while the step before is read, in the other place.
                write = at(cycle + 1).write
                ctx.set(dut.write_enable, (1 << len(dut.write_enable)) - 1 if write else 0)
                if write:
                    place = 1 - place
                    ctx.set(dut.write_vector, p.query_groups + place)
                    ctx.set(dut.write_fold, 0)
                if at(cycle).write:
                    ctx.set(dut.write_codes, at(cycle).write)
                for name, value in at(cycle - tree).sum_inputs.items():
                    ctx.set(getattr(dut, name), value)
                ctx.set(dut.shift, at(cycle - tree - 2).shift)
                ctx.set(dut.allowed, at(cycle - tree - SCORE_LATENCY + 1).allowed)
                for name, value in at(cycle - tree - SCORE_LATENCY).outputs.items():
                    assert ctx.get(getattr(dut, name)) == value, f"{name} of step {cycle - tree - SCORE_LATENCY}"
                await ctx.tick()

        run(dut, testbench)


def parameters(changes):
    return tiny(**{"generator_rows": 1, "max_features": 20, "query_groups": 3} | changes)


@pytest.mark.parametrize("tokens", [False, True], ids=["queries", "with room for tokens"])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_scores(changes, tokens):
    """Keys of one fold and of more, which follow one another at once or with gaps."""
    rng, p = generator(), parameters(changes)
    bench = Bench(rng, p, tokens)
    steps = []
    for _ in range(50):
        steps += [None] * rng.choice([0, 0, 1, 3]) + bench.score(rng.randint(1, p.tree_folds))
    bench.check(steps)


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_tokens_among_scores(changes):
    """Largest sums; then those of several tokens, which grow side by side with whole keys in between."""
    rng, p = generator(), parameters(changes)
    bench = Bench(rng, p, True)
    sums, begun = {}, 0
    steps = [step for sign in (0, 1) for step in bench.token(sign % token_sums(p), p.max_features, sign)]
    while begun < 3 * token_sums(p):
        kind, number = rng.random(), rng.randrange(token_sums(p))
        step = next(sums[number], None) if number in sums else None
        if step is not None:
            steps.append(step)
        else:
            sums[number] = bench.token(number, rng.choice([p.max_features, rng.randint(1, p.max_features)]))
            begun += 1
        if kind < 0.3:
            steps += bench.score(rng.randint(1, p.tree_folds)) if kind < 0.2 else [None]
    bench.check(steps)
