"""`Dispatcher`: every bundle to one engine that has a place, and to the one with the fewest."""

import pytest

from hw.sdpe.dispatcher import MOST_BUNDLES, Dispatcher
from tests.sdpe.machines import small
from tests.streams import generator, run


@pytest.mark.parametrize("engines", [1, 2, 8])
@pytest.mark.parametrize("dispatch", ["least_loaded", "round_robin"])
def test_places_and_loads(engines, dispatch):
    p, rng = small(engines=engines, dispatch=dispatch), generator()
    dut, count = Dispatcher(p), 300
    order, held = [], [0] * engines
    # What each engine had when the choice began, three cycles before its bundle comes out, and which ones were chosen
    # since then.
    loads, chosen = [[0] * engines] * 3, [None] * 2

    async def testbench(ctx):
        offered, taken_before, cycles = 0, [], 0
        while len(order) < count or any(held):
            valid = offered < count and rng.random() < 0.7
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.i.payload.destination, offered)
            done = [number for number in range(engines) if held[number] and rng.random() < 0.3]
            ctx.set(dut.finished, sum(1 << number for number in done))
            _, _, ready, given, destination = await ctx.tick().sample(dut.i.ready, dut.valid, dut.bundle.destination)
            if given:
                engine = given.bit_length() - 1
                assert given == 1 << engine and destination == taken_before.pop(0)
                order.append(engine)
                held[engine] += 1
                assert held[engine] <= MOST_BUNDLES
                if dispatch == "least_loaded":
                    assert engine not in chosen
                    known = loads[0]
                    assert known[engine] == min(load for number, load in enumerate(known) if number != chosen[0])
            loads[:] = [*loads[1:], list(held)]
            chosen[:] = [chosen[1], given.bit_length() - 1 if given else None]
            for number in done:
                held[number] -= 1
            if valid and ready:
                taken_before.append(offered)
                offered += 1
            cycles += 1
            assert cycles < 20 * count

    run(dut, testbench)
    if dispatch == "round_robin":
        assert order == [number % engines for number in range(count)]
    else:
        assert set(order) == set(range(engines))
