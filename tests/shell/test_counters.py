# amaranth: UnusedElaboratable=no
"""Counters."""

import pytest

from hw.shell import CounterBank, CounterDescription, CycleTimer
from tests.streams import generator, run

COUNTERS = (CounterDescription("one", "cycles", ""), CounterDescription("many", "words", "", 5),
            CounterDescription("peak", "words", "", 6, "max"), CounterDescription("wide", "words", "", 32))


def test_against_model():
    rng = generator()
    dut = CounterBank(COUNTERS)

    async def testbench(ctx):
        expected = dict.fromkeys(["one", "many", "peak", "wide"], 0)
        for _ in range(300):
            clear = rng.random() < 0.05
            events = {counter.name: rng.getrandbits(counter.width) for counter in COUNTERS}
            ctx.set(dut.events, events)
            ctx.set(dut.clear, clear)
            if clear:
                expected = dict.fromkeys(expected, 0)
            for name in ("one", "many", "wide"):
                expected[name] = (expected[name] + events[name]) % 2**32
            expected["peak"] = max(expected["peak"], events["peak"])
            await ctx.tick()
            ctx.set(dut.events, dict.fromkeys(events, 0))
            ctx.set(dut.clear, 0)
            await ctx.tick().repeat(2)
            assert {name: ctx.get(dut.values[name]) for name in expected} == expected
    run(dut, testbench)


def test_back_to_back_events():
    dut = CounterBank(COUNTERS)

    async def testbench(ctx):
        ctx.set(dut.events, {"one": 1, "many": 31, "peak": 3, "wide": 0})
        await ctx.tick().repeat(10)
        ctx.set(dut.events, {"one": 0, "many": 0, "peak": 2, "wide": 0})
        await ctx.tick().repeat(3)
        assert ctx.get(dut.values.one) == 10
        assert ctx.get(dut.values.many) == 310
        assert ctx.get(dut.values.peak) == 3
    run(dut, testbench)


def test_bad_counter():
    with pytest.raises(TypeError, match="Counter must be a CounterDescription, not 5"):
        CounterBank([5])


def test_timer():
    dut = CycleTimer()

    async def cycle(ctx, **inputs):
        for name in ("start", "stop", "clear"):
            ctx.set(getattr(dut, name), inputs.get(name, 0))
        await ctx.tick()
        return ctx.get(dut.value)

    async def testbench(ctx):
        assert await cycle(ctx, stop=1) == 0, "nothing went in yet"
        await cycle(ctx, start=1)
        await cycle(ctx)
        assert await cycle(ctx, stop=1) == 3
        assert await cycle(ctx) == 3
        assert await cycle(ctx, start=1) == 3
        assert await cycle(ctx, stop=1) == 6, "from the very first input beat"
        assert await cycle(ctx, clear=1) == 0
        assert await cycle(ctx, stop=1) == 0
        await cycle(ctx, start=1)
        assert await cycle(ctx, stop=1) == 2
        assert await cycle(ctx, clear=1, start=1) == 0
        assert await cycle(ctx, stop=1) == 2, "a start in the cycle of the clear counts"
    run(dut, testbench)
