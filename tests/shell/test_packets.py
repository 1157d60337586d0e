# amaranth: UnusedElaboratable=no
"""Packet boundaries around a reset."""

import pytest

from hw.shell import InputGate, OutputGuard, ShellError, trailer
from tests.streams import run


def test_trailer():
    beat = trailer(ShellError.SOFT_RESET, 32)
    assert (beat.data, beat.last) == (0xED82, 1)
    assert trailer(0, 16).data == 0xED00


async def offer(ctx, stream, data, last=0):
    ctx.set(stream.p, {"data": data, "last": last})
    ctx.set(stream.valid, 1)


def test_gate_keeps_packets_whole():
    dut = InputGate(32)

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        await offer(ctx, dut.i, 1)
        assert not ctx.get(dut.i.ready)
        assert not ctx.get(dut.o.valid)
        ctx.set(dut.enable, 1)
        assert ctx.get(dut.i.ready)
        await ctx.tick()
        assert ctx.get(dut.open)
        ctx.set(dut.enable, 0)
        await offer(ctx, dut.i, 2, last=1)
        assert ctx.get(dut.o.valid)
        await ctx.tick()
        assert not ctx.get(dut.open)
        await offer(ctx, dut.i, 3, last=1)
        assert not ctx.get(dut.o.valid)
        assert not ctx.get(dut.i.ready)
    run(dut, testbench)


@pytest.mark.parametrize("offered", [False, True])
def test_gate_drains(offered):
    """The rest is taken without regard to what is downstream; also when a beat comes with the reset."""
    dut = InputGate(32)

    async def testbench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.o.ready, 1)
        await offer(ctx, dut.i, 1)
        await ctx.tick()
        ctx.set(dut.i.valid, offered)
        ctx.set(dut.reset, 1)
        await ctx.tick()
        ctx.set(dut.reset, 0)
        ctx.set(dut.o.ready, 0)
        assert ctx.get(dut.draining)
        for last in (0, 1):
            await offer(ctx, dut.i, 7, last)
            assert ctx.get(dut.i.ready)
            assert not ctx.get(dut.o.valid)
            await ctx.tick()
        assert not ctx.get(dut.draining)
        ctx.set(dut.o.ready, 1)
        await offer(ctx, dut.i, 9, last=1)
        assert ctx.get(dut.o.valid)
    run(dut, testbench)


def test_gate_reset_with_the_last_beat():
    dut = InputGate(32)

    async def testbench(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.o.ready, 1)
        await offer(ctx, dut.i, 1, last=1)
        ctx.set(dut.reset, 1)
        await ctx.tick()
        ctx.set(dut.reset, 0)
        assert not ctx.get(dut.draining)
        assert not ctx.get(dut.open)
    run(dut, testbench)


@pytest.mark.parametrize("beats", [0, 1, 2])
def test_guard_closes(beats):
    dut = OutputGuard(32, error=ShellError.SOFT_RESET)

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        for beat in range(beats):
            await offer(ctx, dut.i, beat)
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        ctx.set(dut.o.ready, 0)
        ctx.set(dut.reset, 1)
        await ctx.tick()
        ctx.set(dut.reset, 0)
        if beats:
            await offer(ctx, dut.i, 99)
            for _ in range(3):
                assert ctx.get(dut.o.valid)
                assert ctx.get(dut.o.p.data) == 0xED82
                assert ctx.get(dut.o.p.last)
                assert not ctx.get(dut.i.ready)
                await ctx.tick()
            ctx.set(dut.o.ready, 1)
            assert not ctx.get(dut.i.ready), "the beat would get lost"
            await ctx.tick()
            assert ctx.get(dut.o.p.data) == 99
            assert ctx.get(dut.i.ready)
        else:
            assert not ctx.get(dut.o.valid)
        assert not ctx.get(dut.closing)
    run(dut, testbench)


def test_guard_leaves_ended_packets_alone():
    dut = OutputGuard(32, error=0x82)

    async def testbench(ctx):
        ctx.set(dut.o.ready, 1)
        await offer(ctx, dut.i, 1)
        await ctx.tick()
        await offer(ctx, dut.i, 2, last=1)
        ctx.set(dut.reset, 1)
        await ctx.tick()
        assert not ctx.get(dut.closing)
        assert not ctx.get(dut.open)
    run(dut, testbench)
