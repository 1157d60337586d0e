"""Resets of the engine while rows are on their way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.shell import FETCH_LIMIT, FetchPort
from tests.shell.axi import hold_checker
from tests.shell.rows import ask, expected, seen, words
from tests.streams import collect, generator, run, send


async def pulse_reset(ctx, dut):
    ctx.set(dut.reset, 1)
    await ctx.tick()
    ctx.set(dut.reset, 0)


async def throw_away(ctx, dut, items, stall=0.0, rng=None):
    """Send response beats that must not reach the engine."""
    cycles = []
    await send(ctx, dut.response, items, stall, rng, cycles=cycles)
    assert not ctx.get(dut.fetched.valid)
    return cycles


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("outstanding, beats", [
    (0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2), (30, 0), (30, 1), (30, 3), (FETCH_LIMIT - 2, 2)])
def test_reset_with_responses_outstanding(outstanding, beats, stall):
    """Of three beats of the first response some have come; what is left of it, and the others, go nowhere."""
    rng = generator()
    dut = FetchPort(32)
    old = list(range(100, 100 + outstanding))
    late = [word for row in old for word in words(row)][beats:]

    async def testbench(ctx):
        await ask(ctx, dut, old)
        ctx.set(dut.fetched.ready, 1)
        await send(ctx, dut.response, words(100)[:beats])
        ctx.set(dut.fetched.ready, 0)
        await pulse_reset(ctx, dut)
        assert not ctx.get(dut.fetched.valid)
        assert ctx.get(dut.pending) == outstanding - beats // 3
        await ask(ctx, dut, [7, 8])
        # Without regard to the engine, which does not take anything yet.
        cycles = await throw_away(ctx, dut, late, stall, rng)
        if not stall:
            assert cycles == list(range(len(late)))
        await send(ctx, dut.response, words(7, 1) + words(8, 1))
        assert seen(await collect(ctx, dut.fetched, 2, stall, rng)) == expected([7, 8], 1)
        assert ctx.get(dut.pending) == 0
    run(dut, testbench)


def test_reset_while_requests_are_offered():
    """They stay, and their responses are thrown away."""
    dut = FetchPort(32)

    async def testbench(ctx):
        await send(ctx, dut.fetch, [1, 2])
        await pulse_reset(ctx, dut)
        for _ in range(3):
            assert ctx.get(dut.request.valid)
            assert ctx.get(dut.request.payload) == 1
            await ctx.tick()
        assert await collect(ctx, dut.request, 2) == [1, 2]
        await ask(ctx, dut, [3])
        await throw_away(ctx, dut, words(1) + words(2))
        await send(ctx, dut.response, words(3, 2))
        assert seen(await collect(ctx, dut.fetched, 2)) == expected([3], 2)
    run(dut, testbench)


@pytest.mark.parametrize("last", [0, 1])
def test_request_and_beat_in_the_cycle_of_the_reset(last):
    dut = FetchPort(32)

    async def testbench(ctx):
        await ask(ctx, dut, [1])
        ctx.set(dut.fetch.payload, 2)
        ctx.set(dut.fetch.valid, 1)
        ctx.set(dut.response.p, {"data": 9, "last": last})
        ctx.set(dut.response.valid, 1)
        await pulse_reset(ctx, dut)
        ctx.set(dut.fetch.valid, 0)
        ctx.set(dut.response.valid, 0)
        assert ctx.get(dut.pending) == 2 - last
        assert await collect(ctx, dut.request, 1) == [2]
        if not last:
            await throw_away(ctx, dut, words(1))
        await throw_away(ctx, dut, words(2))
        await ask(ctx, dut, [3])
        await send(ctx, dut.response, words(3, 1))
        assert seen(await collect(ctx, dut.fetched, 1)) == expected([3], 1)
    run(dut, testbench)


def test_second_reset_while_throwing_away():
    dut = FetchPort(32)

    async def testbench(ctx):
        await ask(ctx, dut, [1, 2])
        await pulse_reset(ctx, dut)
        await throw_away(ctx, dut, words(1) + words(2)[:1])
        await ask(ctx, dut, [3])
        await pulse_reset(ctx, dut)
        await throw_away(ctx, dut, words(2)[1:])
        await ask(ctx, dut, [4])
        await throw_away(ctx, dut, words(3))
        await send(ctx, dut.response, words(4, 1))
        assert seen(await collect(ctx, dut.fetched, 1)) == expected([4], 1)
    run(dut, testbench)


@settings(max_examples=15)
@given(st.sampled_from([0.0, 0.3, 0.7]), st.integers(0, 2**32 - 1))
def test_resets_at_any_moment(stall, seed):
    """What the engine gets since the latest reset are the rows that it asked for since, whole and in order."""
    rng = generator(seed)
    dut = FetchPort(32)
    asked, owed, lengths = [], [], {}
    received = []
    checker = hold_checker(dut.request.valid, dut.request.ready, dut.request.payload)

    def whole():
        return [pair for row in asked for pair in expected([row], lengths[row])]

    async def engine(ctx):
        """The whole engine in one testbench, so that a reset hits both directions in one cycle."""
        number = offered = cycle = 0
        left = 400
        while left or owed or ctx.get(dut.pending):
            cycle += 1
            assert cycle < 100_000, "the port does not come to rest"
            reset = bool(left) and rng.random() < 0.03
            if not offered and left and rng.random() >= stall:
                number += 1
                left -= 1
                offered = number
                lengths[number] = rng.randint(1, 4)
            ready = rng.random() >= stall
            ctx.set(dut.fetch.payload, offered)
            ctx.set(dut.fetch.valid, bool(offered))
            ctx.set(dut.fetched.ready, ready)
            ctx.set(dut.reset, reset)
            _clk, _rst, taken, valid, word = await ctx.tick().sample(
                dut.fetch.ready, dut.fetched.valid, dut.fetched.p)
            if offered and taken:
                asked.append(offered)
                offered = 0
            if valid and ready:
                received.append((word.data, word.last))
            assert received == whole()[:len(received)]
            if reset:
                asked.clear()
                received.clear()
                offered = 0
        # The last beats pass the register.
        ctx.set(dut.fetch.valid, 0)
        received.extend(seen(await collect(ctx, dut.fetched, len(whole()) - len(received))))
        assert received == whole()

    async def taker(ctx):
        while True:
            owed.extend(await collect(ctx, dut.request, 1, stall, rng, timeout=10**6))

    async def responder(ctx):
        while True:
            await ctx.tick()
            while owed:
                await send(ctx, dut.response, words(owed[0], lengths[owed[0]]), stall, rng)
                del owed[0]
    run(dut, engine, background=[taker, responder, checker])
