import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sorter.key_list import KeyList
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run


def entries(rows):
    for row in rows:
        yield from (dict(key=key, lead=lead, pair=pair, end=0) for key, lead, pair in row)
        yield dict(end=1)


def through(rows, rng, stalls):
    """Rows of ``(key, lead, pair)`` through the list, and the cycles in which keys leave it."""
    dut = KeyList(tiny())
    cycles, got = [], []

    async def write(ctx):
        for entry in entries(rows):
            while rng.random() < stalls[0]:
                await ctx.tick()
            ctx.set(dut.entry, entry)
            ctx.set(dut.valid, 1)
            await ctx.tick().until(dut.ready)
            ctx.set(dut.valid, 0)

    async def read(ctx):
        got.extend(await collect(ctx, dut.o, sum(max(1, len(row)) for row in rows), stalls[1], rng, cycles=cycles))
        for _ in range(5):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    run(dut, write, read)
    return got, cycles


def check(rows, rng, stalls):
    got, cycles = through(rows, rng, stalls)
    elements = iter(got)
    for row in rows:
        if not row:
            element = next(elements)
            assert (element.empty, element.last) == (1, 1)
        for place, entry in enumerate(row):
            element = next(elements)
            assert (element.key, element.lead, element.pair, element.last, element.empty) == (
                *entry, place == len(row) - 1, 0)
    return cycles


def random_row(rng, length):
    return [(rng.randrange(32), rng.getrandbits(1), rng.getrandbits(1)) for _ in range(length)]


@settings(max_examples=15)
@given(lengths=st.lists(st.integers(0, 7), min_size=1, max_size=12), seed=st.integers(0, 2**32 - 1),
       stalls=st.sampled_from([(0, 0), (0.5, 0), (0, 0.5), (0.3, 0.3)]))
def test_marks_the_last_key_of_each_row(lengths, seed, stalls):
    rng = generator(seed)
    check([random_row(rng, length) for length in lengths], rng, stalls)


def test_one_key_a_cycle_and_one_more_for_the_end():
    rng = generator()
    lengths = [5, 3, 1, 6]
    cycles = check([random_row(rng, length) for length in lengths], rng, (0, 0))
    assert [after - before for before, after in zip(cycles, cycles[1:], strict=False)] == [
        step for length in lengths for step in [1] * (length - 1) + [2]][:-1]


def test_nearly_full_leaves_room_for_what_is_on_its_way():
    p = tiny()
    dut = KeyList(p)

    async def write(ctx):
        ctx.set(dut.valid, 1)
        # A whole row fits although nothing is read.
        for _ in range(p.max_keys):
            _, _, full = await ctx.tick().sample(dut.nearly_full)
            assert not full
        after = taken = 0
        while taken < 400:
            _, _, full, ready = await ctx.tick().sample(dut.nearly_full, dut.ready)
            taken += 1
            after += full and ready
            if full and not ready:
                break
        assert after >= 30

    run(dut, write)


@pytest.mark.parametrize("keys", [1, 32])
def test_whole_rows(keys):
    rng = generator()
    check([random_row(rng, keys)] * 3, rng, (0, 0))
