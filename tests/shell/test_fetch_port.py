"""Requests for rows and the rows, without resets."""

import pytest

from hw.shell import FETCH_LIMIT, FetchPort
from tests.shell.rows import ask, expected, seen, words
from tests.streams import collect, generator, is_registered, run, send


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_rows_come_in_the_order_of_the_requests(stall, length):
    rng = generator()
    dut = FetchPort(32)
    rows = [rng.getrandbits(16) for _ in range(60)]
    received = []

    async def asker(ctx):
        await send(ctx, dut.fetch, rows, stall, rng)

    async def host(ctx):
        for row in rows:
            assert await collect(ctx, dut.request, 1, stall, rng) == [row]
            await send(ctx, dut.response, words(row, length), stall, rng)

    async def engine(ctx):
        received.extend(await collect(ctx, dut.fetched, length * len(rows), stall, rng))
        assert ctx.get(dut.pending) == 0

    run(dut, asker, host, engine)
    assert seen(received) == expected(rows, length)


@pytest.mark.parametrize("length", [1, 4])
def test_full_rate_and_latency(length):
    dut = FetchPort(32)
    rows = list(range(1, 41))
    asked, taken, answered, received = [], [], [], []

    async def asker(ctx):
        await send(ctx, dut.fetch, rows, cycles=asked)

    async def request_taker(ctx):
        await collect(ctx, dut.request, len(rows), cycles=taken)

    async def host(ctx):
        # The first response comes in the cycle after its request was taken.
        await ctx.tick().repeat(2)
        await send(ctx, dut.response, [word for row in rows for word in words(row, length)], cycles=answered)

    async def engine(ctx):
        await collect(ctx, dut.fetched, length * len(rows), cycles=received)

    run(dut, asker, request_taker, host, engine)
    assert asked == list(range(40))
    assert taken == list(range(1, 41))
    assert answered == list(range(40 * length))
    assert received == list(range(3, 40 * length + 3))


def test_response_that_nobody_asked_for_waits():
    dut = FetchPort(32)

    async def testbench(ctx):
        ctx.set(dut.response.valid, 1)
        ctx.set(dut.response.p, {"data": 1, "last": 1})
        for _ in range(3):
            assert not ctx.get(dut.response.ready)
            await ctx.tick()
        # Neither are the requests that the host has not taken yet any reason to send.
        await send(ctx, dut.fetch, [5, 6])
        for _ in range(3):
            assert not ctx.get(dut.response.ready)
            await ctx.tick()
        assert await collect(ctx, dut.request, 1) == [5]
        assert ctx.get(dut.response.ready)
        await ctx.tick()
        assert not ctx.get(dut.response.ready)
        assert seen(await collect(ctx, dut.fetched, 1)) == [(1, 1)]
        assert ctx.get(dut.pending) == 1
    run(dut, testbench)


def test_limit():
    """No more than the limit is on its way; each response makes room for a request."""
    dut = FetchPort(32)
    rows = list(range(FETCH_LIMIT + 20))
    taken = []

    async def asker(ctx):
        await send(ctx, dut.fetch, rows)

    async def host(ctx):
        taken.extend(await collect(ctx, dut.request, FETCH_LIMIT))
        ctx.set(dut.request.ready, 1)
        for _ in range(10):
            assert not ctx.get(dut.request.valid)
            assert not ctx.get(dut.fetch.ready)
            await ctx.tick()
        ctx.set(dut.request.ready, 0)
        assert ctx.get(dut.pending) == FETCH_LIMIT
        for row in rows:
            await send(ctx, dut.response, words(row, 1))
            if len(taken) < len(rows):
                taken.extend(await collect(ctx, dut.request, 1))
        assert taken == rows

    async def engine(ctx):
        assert seen(await collect(ctx, dut.fetched, len(rows))) == expected(rows, 1)
    run(dut, asker, host, engine)


def test_back_pressure_reaches_the_host():
    dut = FetchPort(32)

    async def testbench(ctx):
        await ask(ctx, dut, [3])
        await send(ctx, dut.response, words(3)[:2])
        ctx.set(dut.response.p, words(3)[2])
        ctx.set(dut.response.valid, 1)
        for _ in range(4):
            assert not ctx.get(dut.response.ready)
            await ctx.tick()
        ctx.set(dut.fetched.ready, 1)
        await ctx.tick()
        assert ctx.get(dut.response.ready)
        await ctx.tick()
        ctx.set(dut.response.valid, 0)
        assert seen(await collect(ctx, dut.fetched, 1)) == [expected([3])[2]]
    run(dut, testbench)


def test_cuts_both_directions():
    rng = generator()
    dut = FetchPort(32)

    async def testbench(ctx):
        for _ in range(80):
            inputs = [dut.fetch.valid, dut.request.ready, dut.response.valid, dut.fetched.ready, dut.reset]
            for value in inputs[:-1]:
                ctx.set(value, rng.getrandbits(1))
            ctx.set(dut.reset, rng.random() < 0.1)
            ctx.set(dut.response.p, {"data": rng.getrandbits(8), "last": rng.getrandbits(1)})
            for output in (dut.fetch.ready, dut.request.valid, dut.response.ready, dut.fetched.valid):
                assert await is_registered(ctx, output, *inputs)
            await ctx.tick()
    run(dut, testbench)
