import pytest

from hw.bridge import UartReceiver, UartTransmitter
from tests.bridge.line import put, put_bits, take
from tests.streams import generator, run, send


@pytest.mark.parametrize("divisor, line_divisor", [(4, 4), (5, 5), (16, 16), (25, 25), (25, 26), (25, 24)])
def test_received_bytes(divisor, line_divisor):
    """Also from a line that is 4 % faster or slower."""
    dut, rng = UartReceiver(divisor), generator()
    data = [0x00, 0xFF, 0x55, 0xAA, *(rng.getrandbits(8) for _ in range(20))]
    received, errors = [], []

    async def watch(ctx):
        async for _, _, valid, byte, error in ctx.tick().sample(dut.valid, dut.data, dut.error):
            if valid:
                received.append(byte)
            if error:
                errors.append(byte)

    async def line(ctx):
        for byte in data:
            await put(ctx, dut.rx, [byte], line_divisor)
            if pause := rng.choice([0, 0, 1, 7]):
                await ctx.tick().repeat(pause)
        await ctx.tick().repeat(2 * divisor)

    run(dut, line, background=[watch])
    assert received == data
    assert errors == []


def test_glitches_and_missing_stop_bits():
    divisor = 8
    dut = UartReceiver(divisor)
    seen = []

    async def watch(ctx):
        async for _, _, valid, byte, error in ctx.tick().sample(dut.valid, dut.data, dut.error):
            if valid or error:
                seen.append("error" if error else byte)

    async def line(ctx):
        # Too short to be a start bit: one cycle is outvoted, three are gone by its middle.
        for low in (1, 3):
            await put_bits(ctx, dut.rx, [0], low)
            await ctx.tick().repeat(10 * divisor)
        # A glitch of one cycle in the middle of a bit.
        await put_bits(ctx, dut.rx, [0, 1, 1, 1], divisor)
        await ctx.tick().repeat(divisor // 2)
        await put_bits(ctx, dut.rx, [0], 1)
        await ctx.tick().repeat(7 * divisor)
        # A byte whose stop bit is low, and then the line stays low: one error, and no bytes of zeros.
        await put_bits(ctx, dut.rx, [0] * 40, divisor)
        await ctx.tick().repeat(divisor)
        await put(ctx, dut.rx, [0x42], divisor)
        await ctx.tick().repeat(divisor)

    run(dut, line, background=[watch])
    assert seen == [0xFF, "error", 0x42]


@pytest.mark.parametrize("divisor", [4, 7])
def test_sent_bytes(divisor):
    dut, rng = UartTransmitter(divisor), generator()
    data = [rng.getrandbits(8) for _ in range(20)]
    taken = []

    async def line(ctx):
        for byte in data:
            assert await take(ctx, dut.tx, divisor) == byte

    async def source(ctx):
        await send(ctx, dut.i, data, cycles=taken)

    run(dut, line, source)
    assert {later - earlier for earlier, later in zip(taken, taken[1:], strict=False)} == {10 * divisor}


@pytest.mark.parametrize("part", [UartReceiver, UartTransmitter])
def test_divisor(part):
    with pytest.raises(ValueError, match=r"^Divisor must be an integer of at least 4, not 3$"):
        part(3)
