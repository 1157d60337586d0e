"""Results of engines on the lanes of the bus: each once, in the order of its engine, and at full rate."""

import pytest

from hw.sdpe.collector import Collector
from tests.sdpe.machines import small
from tests.streams import collect, generator, run, send


def collected(p, counts, stalls, rng):
    """What each lane gives, as ``(engine, number)``, and in which cycles, when engines have so many results."""
    dut = Collector(p)
    lanes, cycles = ([[] for _ in range(dut.lanes_count)] for _ in range(2))

    def producer(engine):
        async def testbench(ctx):
            results = [{"destination": number, "value": engine} for number in range(counts[engine])]
            await send(ctx, dut.i[engine], results, stalls[0], rng)
        return testbench

    def consumer(lane):
        async def testbench(ctx):
            results = await collect(ctx, dut.lanes[lane], sum(counts[lane::dut.lanes_count]), stalls[1], rng,
                                    cycles=cycles[lane])
            lanes[lane] = [(result.value, result.destination) for result in results]
        return testbench

    run(dut, *map(producer, range(p.engines)), *map(consumer, range(dut.lanes_count)))
    return lanes, cycles


@pytest.mark.parametrize("engines", [1, 2, 4, 8])
@pytest.mark.parametrize("bus_width", [64, 128])
@pytest.mark.parametrize("stalls", [(0, 0), (0.4, 0.4)])
def test_every_result_leaves_once(engines, bus_width, stalls):
    rng = generator()
    p = small(engines=engines, bus_width=bus_width)
    counts = [rng.randrange(8) for _ in range(engines)]
    lanes, _ = collected(p, counts, stalls, rng)
    for lane, results in enumerate(lanes):
        for engine in range(lane, engines, len(lanes)):
            assert [number for of, number in results if of == engine] == list(range(counts[engine]))
        assert len(results) == sum(counts[lane::len(lanes)])


@pytest.mark.parametrize("engines, latency", [(1, 1), (2, 1), (4, 2), (8, 3)])
def test_a_result_a_cycle(engines, latency):
    p = small(engines=engines, bus_width=64)
    (results,), (cycles,) = collected(p, [10] * engines, (0, 0), None)
    assert cycles == list(range(latency, latency + len(results)))


def test_busy_until_taken():
    dut = Collector(small(engines=2, bus_width=64))

    async def testbench(ctx):
        seen = []
        for cycle in range(8):
            ctx.set(dut.i[1].valid, cycle == 1)
            ctx.set(dut.lanes[0].ready, cycle == 4)
            seen.append(ctx.get(dut.busy))
            await ctx.tick()
        # From the cycle behind its arrival to that behind the one in which it is taken.
        assert seen == [0, 0, 1, 1, 1, 1, 0, 0]

    run(dut, testbench)
