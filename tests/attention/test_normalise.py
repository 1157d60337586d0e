import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.attention.normalise import Normalise
from sim.golden.attention import normalise
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run, send


def check(parameters, rows, value_dim, rng, stall=0.0):
    """Rows of ``(totals, sum)`` through the divider; the totals are garbage outside of their time."""
    p = parameters
    dut = Normalise(p)
    channels = p.folds * p.lanes
    beats = -(-value_dim // p.elements_per_beat)
    got = []

    at_work = []                    # totals of rows, the oldest first, until they are released

    async def source(ctx):
        ctx.set(dut.value_dim, value_dim)
        ctx.set(dut.last_beat, beats - 1)
        for totals, total in rows:
            padded = [rng.randint(-1000, 1000) for _ in range(channels)]
            padded[:value_dim] = totals
            for _ in range(rng.choice([0, 0, rng.randrange(30)])):
                await ctx.tick()
            at_work.append(padded)
            await send(ctx, dut.sum, [total], stall, rng)

    async def lanes(ctx):
        # One cycle after the fold, as the value lanes.
        async for _, _, fold, part, released in ctx.tick().sample(dut.fold, dut.part, dut.release):
            shown = (at_work[0][fold * p.lanes:(fold + 1) * p.lanes] if at_work and fold < p.folds
                     else [rng.randint(-1000, 1000) for _ in range(p.lanes)])
            ctx.set(dut.totals, [total if part >> (lane // p.normalise_lanes) & 1 else 0
                                 for lane, total in enumerate(shown)])
            if released:
                assert at_work, "released twice"
                at_work.pop(0)

    async def sink(ctx):
        for _ in rows:
            beats_of_row = await collect(ctx, dut.o, beats, stall, rng)
            got.append([value for beat in beats_of_row for value in beat])

    run(dut, source, sink, background=[lanes])
    expected = normalise(np.array([totals for totals, _ in rows]), np.array([total for _, total in rows]), p)
    for row, wanted in zip(got, expected.tolist(), strict=True):
        assert row == wanted + [0] * (len(row) - value_dim)


def random_row(parameters, rng, value_dim):
    """A sum that a row can have, and totals that are averages of elements times it."""
    p = parameters
    least, most = 1 << (p.probability_fraction - p.rescale_step), p.max_keys << (p.zclip + p.probability_fraction)
    total = rng.choice([least, most, rng.randint(least, most), rng.randint(least, 4 * least)])
    averages = [rng.choice([-32768, 32767, 0, -1, rng.randint(-32768, 32767)]) for _ in range(value_dim)]
    return [average * total >> p.product_drop for average in averages], total


@settings(max_examples=10)
@given(changes=st.sampled_from([
    {}, dict(max_head_dim=1), dict(max_head_dim=11), dict(normalise_lanes=1), dict(rescale_step=1),
    dict(rescale_step=4, zclip=5), dict(bus_width=64, normalise_lanes=4, max_head_dim=9)]),
    seed=st.integers(0, 2**32 - 1), stall=st.sampled_from([0, 0.5]))
def test_matches_model(changes, seed, stall):
    rng = generator(seed)
    p = tiny(**changes)
    value_dim = rng.randint(1, p.max_head_dim)
    check(p, [random_row(p, rng, value_dim) for _ in range(5)], value_dim, rng, stall)


def test_a_row_without_keys_gives_zeros():
    rng = generator()
    p = tiny()
    rows = [random_row(p, rng, 3), ([5, -7, 1000], 0), random_row(p, rng, 3)]
    check(p, rows, 3, rng)


@pytest.mark.parametrize("element", [32767, -32768, 12345, -1])
def test_the_average_of_equal_values_is_the_value(element):
    p = tiny()
    for total in (1 << 10, (1 << 12) + 1, (1 << 17) - 1):
        result, = normalise(np.array([[element * total >> p.product_drop]]), np.array([total]), p)[0]
        assert abs(result - max(element, -32767)) <= 2
