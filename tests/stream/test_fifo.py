import pytest
from amaranth.back import verilog
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.stream import Fifo, Word
from tests.streams import generator, is_registered, run, transfer

DEPTHS = [1, 2, 3, 4, 5, 7, 8, 13]


@pytest.mark.parametrize("depth", DEPTHS)
def test_keeps_order_and_items(depth):
    rng = generator()
    for stalls in [(0.5, 0), (0, 0.5), (0.4, 0.6)]:
        dut = Fifo(12, depth)
        items = [rng.getrandbits(12) for _ in range(100)]
        received, _, _ = transfer(dut, dut.i, dut.o, items, stalls=stalls, rng=rng)
        assert received == items


@settings(max_examples=15, deadline=None)
@given(width=st.integers(1, 40), depth=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_any_width_and_depth(width, depth, seed):
    rng = generator(seed)
    dut = Fifo(width, depth)
    items = [rng.getrandbits(width) for _ in range(40)]
    stalls = (rng.random() * 0.8, rng.random() * 0.8)
    received, _, _ = transfer(dut, dut.i, dut.o, items, stalls=stalls, rng=rng)
    assert received == items


@pytest.mark.parametrize("depth", DEPTHS)
def test_full_rate_and_latency(depth):
    dut = Fifo(8, depth)
    _, sent, received = transfer(dut, dut.i, dut.o, range(40))
    assert sent == list(range(40))
    assert received == list(range(dut.latency, 40 + dut.latency))


@pytest.mark.parametrize("depth", DEPTHS)
def test_capacity_level_and_full_rate_after_full(depth):
    dut = Fifo(8, depth)

    async def testbench(ctx):
        ctx.set(dut.i.valid, 1)
        taken = 0
        for _ in range(depth + 4):
            assert ctx.get(dut.level) == taken
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            taken += ready
        assert taken == depth == ctx.get(dut.level)
        ctx.set(dut.o.ready, 1)
        outputs = []
        for _ in range(3 * depth):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            outputs.append(valid)
        assert all(outputs)

    run(dut, testbench)


@pytest.mark.parametrize("depth", DEPTHS)
def test_level_counts_every_item(depth):
    dut = Fifo(8, depth)
    rng = generator()

    async def testbench(ctx):
        held = 0
        for _ in range(150):
            ctx.set(dut.i.valid, rng.random() < 0.6)
            ctx.set(dut.o.ready, rng.random() < 0.5)
            _, _, level, ready, valid = await ctx.tick().sample(dut.level, dut.i.ready, dut.o.valid)
            assert level == held
            held += (ready and ctx.get(dut.i.valid)) - (valid and ctx.get(dut.o.ready))

    run(dut, testbench)


@pytest.mark.parametrize("depth", DEPTHS)
def test_cuts_paths(depth):
    dut = Fifo(8, depth)
    rng = generator()

    async def testbench(ctx):
        for _ in range(60):
            ctx.set(dut.i.valid, rng.getrandbits(1))
            ctx.set(dut.o.ready, rng.getrandbits(1))
            assert await is_registered(ctx, dut.o.valid, dut.i.valid, dut.o.ready)
            assert await is_registered(ctx, dut.i.ready, dut.i.valid)
            if depth > 1:
                assert await is_registered(ctx, dut.i.ready, dut.o.ready)
            await ctx.tick()

    run(dut, testbench)


@pytest.mark.parametrize("depth", [1, 2, 3, 300])
def test_converts(depth):
    assert "module queue" in verilog.convert(Fifo(Word(32), depth), name="queue", emit_src=False)


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^shape must be shape-like, not None$"):
        Fifo(None, 2)
    with pytest.raises(TypeError, match=r"^depth must be an integer, not 2\.5$"):
        Fifo(8, 2.5)
    with pytest.raises(ValueError, match=r"^depth must be at least 1, not 0$"):
        Fifo(8, 0)
