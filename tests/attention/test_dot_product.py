import numpy as np
import pytest

from hw.attention.dot_product import DotProduct
from sim.golden.attention import exact_scores
from tests.sofa.heads import tiny
from tests.streams import generator, run


def check(parameters, pairs, shift, rng):
    """Pairs of vectors, fold after fold with gaps, against the model."""
    p = parameters
    dut = DotProduct(p)
    steps = []
    for query, key in pairs:
        folds = -(-len(query) // p.lanes)
        padded = np.zeros((2, folds * p.lanes), dtype=int)
        padded[:, :len(query)] = query, key
        steps += [None] * (rng.random() < 0.3)
        steps += [(padded[:, fold * p.lanes:(fold + 1) * p.lanes], fold == 0, fold == folds - 1)
                  for fold in range(folds)]
    got = []

    async def testbench(ctx):
        ctx.set(dut.shift, shift)
        for cycle in range(len(steps) + dut.latency):
            step = steps[cycle] if cycle < len(steps) else None
            ctx.set(dut.valid, step is not None)
            if step is not None:
                (query, key), first, last = step
                ctx.set(dut.query, query.tolist())
                ctx.set(dut.key, key.tolist())
                ctx.set(dut.first_fold, first)
                ctx.set(dut.last_fold, last)
            _, _, valid, score, saturated = await ctx.tick().sample(dut.o_valid, dut.o, dut.saturated)
            if cycle >= dut.latency:
                source = steps[cycle - dut.latency]
                assert valid == (source is not None and source[2])
            else:
                assert not valid
            if valid:
                got.append((score, saturated))

    run(dut, testbench)
    expected = [exact_scores(query[None], key[None], shift, p) for query, key in pairs]
    assert got == [(int(score[0, 0]), int(clipped[0, 0])) for score, clipped in expected]
    return got


@pytest.mark.parametrize("changes", [{}, dict(max_head_dim=1), dict(lanes=8, row_multipliers=4, max_head_dim=19)])
@pytest.mark.parametrize("shift", [0, 5, 14, 23, 31])
def test_matches_model(changes, shift):
    rng = generator()
    p = tiny(**changes)
    draw = np.random.default_rng(rng.getrandbits(32))
    pairs = []
    for _ in range(20):
        dim, largest = rng.randint(1, p.max_head_dim), rng.choice([5, 300, 32767])
        pairs.append(tuple(draw.integers(-largest - 1, largest + 1, (2, dim))))
    check(p, pairs, shift, rng)


@pytest.mark.parametrize("sign", [1, -1])
def test_largest_sum_is_clipped_at_its_own_end(sign):
    p = tiny(max_head_dim=8)
    query, key = np.full(8, -32768), np.full(8, -32768 if sign > 0 else 32767)
    limit = (1 << (p.log_width - 1)) - 1
    assert check(p, [(query, key)], 0, generator()) == [(sign * limit, 1)]


def test_the_limits_themselves_are_not_clipped():
    p = tiny(log_integer=8, log_fraction=10)
    limit = (1 << 18) - 1
    pairs = [(np.array([left]), np.array([right]))
             for left, right in ((511, 513), (512, 512), (511, -513), (512, -512))]
    assert check(p, pairs, 0, generator()) == [(limit, 0), (limit, 1), (-limit, 0), (-limit, 1)]
