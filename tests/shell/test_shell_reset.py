"""Soft resets of a shell at any moment."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.shell import TRAILER_MARKER, ShellError
from hw.shell.engine_reset import RESET_CYCLES
from tests.shell.bench import Bench
from tests.shell.loopback import model, packet, random_packet

SOFT_RESET_TRAILER = TRAILER_MARKER << 8 | ShellError.SOFT_RESET.value


def follows_rules(beats, expected):
    """Whether a received packet is the expected one, or a beginning of it that the shell closed."""
    return beats == expected or (beats[-1] == SOFT_RESET_TRAILER and len(beats) > 1
                                 and beats[:-1] == expected[:len(beats) - 1])


@settings(max_examples=12)
@given(st.sampled_from([0.0, 0.3, 0.7]), st.integers(0, 2**32 - 1))
def test_reset_at_any_moment(stall, seed):
    """Several tasks are on their way; after the reset the next ones are right, and no packet is torn."""
    bench = Bench(stall=stall, seed=seed)
    rounds = 6
    tasks, received = [], []
    unsent = []

    def offer(count):
        new = [random_packet(bench.rng, longest=12) for _ in range(count)]
        unsent.extend(new)
        results = [model(beats)[0] for beats in new]
        tasks.extend(results)
        return results

    async def settle(ctx):
        for _ in range(1000):
            # Everything is sent, and then nothing is in flight.
            if not unsent and not await bench.read(ctx, "status") & 0b0111:
                return
            await ctx.tick()
        raise AssertionError("the shell does not come to rest")

    async def controller(ctx):
        for _ in range(rounds):
            offer(4)
            await ctx.tick().repeat(bench.rng.randint(1, 60))
            await bench.write(ctx, "control", 0b011)
            await settle(ctx)
            assert await bench.read(ctx, "error") in (0, 1, 2, 3, ShellError.SOFT_RESET.value)
            await bench.write(ctx, "error", 0)
            first, results = len(received), offer(2)
            await settle(ctx)
            assert received[first:] == results

    bench.run(controller, background=[bench.sender(unsent), bench.receiver(received)])
    # A subsequence of the tasks comes out, in order, and each packet is whole or closed by the shell.
    remaining = iter(tasks)
    for beats in received:
        assert any(follows_rules(beats, expected) for expected in remaining), beats


def test_in_mid_input():
    bench = Bench()
    lost, good = packet([1, 2, 3, 4]), packet([5, 6])

    async def testbench(ctx):
        await bench.send(ctx, lost, end=3)
        assert await bench.read(ctx, "status") == 0b0111
        await bench.write(ctx, "control", 0b011)
        # The rest of the packet is still awaited, and what came out is still offered.
        assert await bench.read(ctx, "status") == 0b0111
        assert await bench.read(ctx, "error") == ShellError.SOFT_RESET.value
        assert await bench.receive(ctx) == [*model(lost)[0][:2], SOFT_RESET_TRAILER]
        assert await bench.read(ctx, "status") == 0b0011
        await bench.send(ctx, lost, begin=3)
        assert await bench.read(ctx, "status") == 0
        await bench.send(ctx, good)
        assert await bench.receive(ctx) == model(good)[0]
        assert await bench.read(ctx, "tasks_done") == 1
        assert await bench.read(ctx, "tasks_failed") == 0
        assert await bench.read(ctx, "interrupt") == 0b11
    bench.run(testbench)


def test_between_input_and_output():
    """A task that was taken, and has put nothing out, leaves no packet."""
    bench = Bench()
    good = packet([5, 6])

    async def testbench(ctx):
        await bench.send(ctx, packet([1, 2, 3]), end=1)
        await bench.write(ctx, "control", 0b011)
        assert await bench.read(ctx, "status") == 0b0011
        await bench.send(ctx, [0, 0], begin=1)
        await ctx.tick().repeat(2 * RESET_CYCLES)
        assert await bench.read(ctx, "status") == 0
        await bench.send(ctx, good)
        assert await bench.receive(ctx) == model(good)[0]
    bench.run(testbench)


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_in_mid_output(taken):
    bench = Bench()
    lost, good = packet(list(range(1, 9))), packet([5, 6])
    received = []

    async def producer(ctx):
        await bench.send(ctx, lost)
        await bench.send(ctx, good)

    async def testbench(ctx):
        await ctx.tick().repeat(20)
        for _ in range(taken):
            ctx.set(bench.sink.tready, 1)
            _clk, _rst, data = await ctx.tick().sample(bench.sink.tdata)
            received.append(data)
        ctx.set(bench.sink.tready, 0)
        await ctx.tick().repeat(5)
        await bench.write(ctx, "control", 0b011)
        received.extend(await bench.receive(ctx))
        # Two beats wait in the output register.
        assert received == [*model(lost)[0][:taken + 2], SOFT_RESET_TRAILER]
        assert await bench.receive(ctx) == model(good)[0]
    bench.run(producer, testbench)


def test_second_reset_while_draining_and_closing():
    bench = Bench()
    lost, good = packet([1, 2, 3, 4, 5, 6]), packet([5, 6])

    async def testbench(ctx):
        await bench.send(ctx, lost, end=4)
        for _ in range(3):
            await bench.write(ctx, "control", 0b011)
        await bench.write(ctx, "error", 0)
        await bench.write(ctx, "control", 0b011)
        assert await bench.read(ctx, "error") == 0, "there was nothing left to abandon"
        assert await bench.receive(ctx) == [*model(lost)[0][:2], SOFT_RESET_TRAILER]
        await bench.send(ctx, lost, begin=4)
        await bench.send(ctx, good)
        assert await bench.receive(ctx) == model(good)[0]
    bench.run(testbench)


def test_when_idle():
    bench = Bench()

    async def testbench(ctx):
        await bench.write(ctx, "control", 0b1011)
        assert await bench.read(ctx, "control") == 0b1001
        assert await bench.read(ctx, "status") == 1, "the reset has not yet reached all of the engine"
        assert await bench.read(ctx, "error") == 0
        assert await bench.read(ctx, "interrupt") == 0
        await ctx.tick().repeat(2 * RESET_CYCLES)
        assert await bench.read(ctx, "status") == 0
        ctx.set(bench.sink.tready, 1)
        for _ in range(10):
            _clk, _rst, valid = await ctx.tick().sample(bench.sink.tvalid)
            assert not valid
    bench.run(testbench)
