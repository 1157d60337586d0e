import pytest

from hw.stream import Fork
from tests.streams import collect, generator, is_registered, run, send


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("stall", [0, 0.5])
def test_every_output_gets_every_item_once(count, stall):
    rng = generator()
    dut = Fork(9, count)
    items = [rng.getrandbits(9) for _ in range(80)]
    received = [[] for _ in range(count)]

    async def producer(ctx):
        await send(ctx, dut.i, items, stall, rng)

    def consumer(n):
        async def testbench(ctx):
            received[n] += await collect(ctx, dut.o[n], len(items), stall * (n + 1) / count, rng)
            for _ in range(10):
                ctx.set(dut.o[n].ready, 1)
                _, _, valid = await ctx.tick().sample(dut.o[n].valid)
                assert not valid
        return testbench

    run(dut, producer, *(consumer(n) for n in range(count)))
    assert received == [items] * count


def test_full_rate():
    dut = Fork(8, 3)
    cycles = [[] for _ in range(4)]

    async def producer(ctx):
        await send(ctx, dut.i, range(30), cycles=cycles[3])

    def consumer(n):
        async def testbench(ctx):
            await collect(ctx, dut.o[n], 30, cycles=cycles[n])
        return testbench

    run(dut, producer, *(consumer(n) for n in range(3)))
    assert cycles == [list(range(30))] * 4


def test_outputs_are_independent():
    dut = Fork(8, 2)

    async def testbench(ctx):
        ctx.set(dut.i.payload, 7)
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o[0].ready, 1)
        _, _, first, second, ready = await ctx.tick().sample(dut.o[0].valid, dut.o[1].valid, dut.i.ready)
        assert (first, second, ready) == (1, 1, 0)
        _, _, first, second, ready = await ctx.tick().sample(dut.o[0].valid, dut.o[1].valid, dut.i.ready)
        assert (first, second, ready) == (0, 1, 0)
        assert await is_registered(ctx, dut.o[0].valid, dut.o[0].ready, dut.o[1].ready)
        assert await is_registered(ctx, dut.o[1].valid, dut.o[0].ready, dut.o[1].ready)

    run(dut, testbench)


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^shape must be shape-like, not 'x'$"):
        Fork("x", 2)
    with pytest.raises(TypeError, match=r"^count must be an integer, not '2'$"):
        Fork(8, "2")
    with pytest.raises(ValueError, match=r"^count must be at least 1, not 0$"):
        Fork(8, 0)
