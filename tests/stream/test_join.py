import pytest
from amaranth.hdl import signed

from hw.stream import Join, Word
from tests.streams import collect, generator, is_registered, run, send


@pytest.mark.parametrize("stalls", [(0, 0, 0), (0.5, 0.2, 0), (0.2, 0.5, 0.5)])
def test_pairs_items_in_order(stalls):
    rng = generator()
    dut = Join({"query": signed(6), "key": Word(8)})
    queries = [rng.randrange(-32, 32) for _ in range(60)]
    keys = [{"data": rng.getrandbits(8), "last": rng.getrandbits(1)} for _ in range(60)]
    received, cycles = [], []

    async def send_queries(ctx):
        await send(ctx, dut.i.query, queries, stalls[0], rng)

    async def send_keys(ctx):
        await send(ctx, dut.i.key, keys, stalls[1], rng)

    async def consumer(ctx):
        received.extend(await collect(ctx, dut.o, 60, stalls[2], rng, cycles=cycles))

    run(dut, send_queries, send_keys, consumer)
    assert [item.query for item in received] == queries
    assert [item.key for item in received] == [Word(8).const(key) for key in keys]
    if not any(stalls):
        assert cycles == list(range(60))


def test_takes_none_before_all_are_there():
    dut = Join({"a": 4, "b": 4})

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.a.valid, 1)
        _, _, ready, valid = await ctx.tick().sample(dut.i.a.ready, dut.o.valid)
        assert (ready, valid) == (0, 0)
        ctx.set(dut.i.b.valid, 1)
        _, _, ready, valid = await ctx.tick().sample(dut.i.a.ready, dut.o.valid)
        assert (ready, valid) == (1, 1)
        assert await is_registered(ctx, dut.o.valid, dut.o.ready)

    run(dut, testbench)


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^shapes must be a dictionary of names to shapes, not 8$"):
        Join(8)
    with pytest.raises(ValueError, match=r"^shapes must name at least one input, not \{\}$"):
        Join({})
    with pytest.raises(TypeError, match=r"^shape of input 'a' must be shape-like, not 'x'$"):
        Join({"a": "x"})
