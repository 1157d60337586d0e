import pytest
from amaranth.lib import data

from hw.stream import Arbiter, Word
from tests.streams import collect, generator, is_registered, run, send


def merge(dut, traffic, stalls, rng):
    """Items out as ``(source, payload)`` and their cycles, for one list of items an input."""
    count = sum(len(items) for items in traffic)
    received, sources, cycles = [], [], []

    def producer(n):
        async def testbench(ctx):
            await send(ctx, dut.i[n], traffic[n], stalls[0], rng)
        return testbench

    async def consumer(ctx):
        received.extend(await collect(ctx, dut.o, count, stalls[1], rng, cycles=cycles))

    async def watch(ctx):
        offered = None
        async for _, _, valid, ready, source in ctx.tick().sample(dut.o.valid, dut.o.ready, dut.source):
            assert offered in (None, source), "source changed before the item was taken"
            offered = source if valid and not ready else None
            if valid and ready:
                sources.append(source)

    run(dut, *(producer(n) for n in range(dut.count)), consumer, background=[watch])
    return list(zip(sources, received, strict=True)), cycles


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("stalls", [(0, 0), (0.6, 0), (0.3, 0.5)])
def test_every_item_arrives_in_the_order_of_its_source(count, stalls):
    rng = generator()
    traffic = [[rng.getrandbits(8) for _ in range(20 + n)] for n in range(count)]
    received, _ = merge(Arbiter(8, count), traffic, stalls, rng)
    for n in range(count):
        assert [item for source, item in received if source == n] == traffic[n]


def test_round_robin_without_idle_cycles():
    received, cycles = merge(Arbiter(8, 3), [range(10)] * 3, (0, 0), None)
    assert [source for source, _ in received] == [0, 1, 2] * 10
    assert cycles == list(range(30))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0.3)])
def test_packets_stay_whole(count, stalls):
    rng = generator()
    traffic = [[{"data": rng.getrandbits(16), "last": last}
                for _ in range(6) for last in [0] * rng.randrange(4) + [1]] for _ in range(count)]
    received, _ = merge(Arbiter(Word(16), count), traffic, stalls, rng)
    holder = None
    for source, item in received:
        assert holder in (None, source)
        holder = None if item.last else source
    for n in range(count):
        assert [item for source, item in received if source == n] == [Word(16).const(w) for w in traffic[n]]


def test_packets_rotate():
    packet = [{"data": 16, "last": 0}, {"data": 17, "last": 1}]
    received, cycles = merge(Arbiter(Word(16), 3), [packet * 2] * 3, (0, 0), None)
    assert [source for source, _ in received] == [0, 0, 1, 1, 2, 2] * 2
    assert cycles == list(range(12))


def test_skips_idle_inputs():
    received, _ = merge(Arbiter(8, 3), [range(4), [], range(4)], (0, 0), None)
    assert [source for source, _ in received] == [0, 2] * 4


def test_valid_does_not_wait_for_ready():
    dut = Arbiter(8, 2)

    async def testbench(ctx):
        ctx.set(dut.i[1].valid, 1)
        assert ctx.get(dut.o.valid)
        assert await is_registered(ctx, dut.o.valid, dut.o.ready)
        await ctx.tick()
        # A grant that has been shown stays, even when a better claim appears.
        ctx.set(dut.i[0].valid, 1)
        assert ctx.get(dut.source) == 1
        assert await is_registered(ctx, dut.o.valid, dut.o.ready)

    run(dut, testbench)


def test_last_field_decides_the_mode():
    assert Arbiter(Word(8), 2).packets
    assert not Arbiter(data.StructLayout({"data": 8}), 2).packets
    assert not Arbiter(8, 2).packets


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^shape must be shape-like, not 'x'$"):
        Arbiter("x", 2)
    with pytest.raises(ValueError, match=r"^count must be at least 1, not -1$"):
        Arbiter(8, -1)
    with pytest.raises(TypeError, match=r"^count must be an integer, not True$"):
        Arbiter(8, True)
    with pytest.raises(ValueError, match=r"^field 'last' of shape must be 1 bit wide, not 2$"):
        Arbiter(data.StructLayout({"last": 2}), 2)
