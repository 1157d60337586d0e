# amaranth: UnusedElaboratable=no
"""Hardware of a register map."""

import pytest

from hw.shell import Access, Field, Register, RegisterBank, RegisterMap
from tests.streams import generator, run

MAP = RegisterMap([
    Register.whole("constant", 0x000, Access.CONSTANT, "", init=0x12345678),
    Register.whole("plain", 0x004, Access.READ_WRITE, "", init=0xA5A5A5A5),
    Register("mixed", 0x008, "", (
        Field("fixed", 0, 4, Access.CONSTANT, "", 9), Field("input", 4, 4, Access.READ_ONLY, ""),
        Field("stored", 14, 4, Access.READ_WRITE, "", 3), Field("pulse", 20, 2, Access.PULSE, ""))),
    Register("flags", 0x010, "", (Field("flags", 4, 3, Access.WRITE_ONE_CLEAR, ""),)),
    Register("code", 0x014, "", (Field("code", 0, 8, Access.WRITE_CLEAR, ""),)),
    Register.whole("input", 0xFFC, Access.READ_ONLY, ""),
])


async def access(ctx, bank, address, data=None, strobe=0xF):
    """Make one request and return data and error flag of its response, in the cycle in which it is there."""
    if ctx.get(bank.response.valid):
        assert ctx.get(bank.response.ready) and not ctx.get(bank.request.ready)
        await ctx.tick()
    ctx.set(bank.request.p, {"address": address, "write": data is not None, "data": data or 0,
                             "strobe": strobe})
    ctx.set(bank.request.valid, 1)
    assert ctx.get(bank.request.ready)
    await ctx.tick()
    ctx.set(bank.request.valid, 0)
    for _ in range(bank.latency - 1):
        assert not ctx.get(bank.response.valid) and not ctx.get(bank.request.ready)
        await ctx.tick()
    assert ctx.get(bank.response.valid)
    return ctx.get(bank.response.p.data), ctx.get(bank.response.p.error)


def simulate(testbench, registers=MAP):
    bank = RegisterBank(registers)

    async def wrapped(ctx):
        ctx.set(bank.response.ready, 1)
        await testbench(ctx, bank)
    run(bank, wrapped)


def test_fields():
    async def testbench(ctx, bank):
        ctx.set(bank.mixed.input.value, 0xC)
        ctx.set(bank.input.value.value, 0xDEADBEEF)
        assert await access(ctx, bank, 0x000) == (0x12345678, 0)
        assert await access(ctx, bank, 0x002) == (0x12345678, 0)
        assert await access(ctx, bank, 0x004) == (0xA5A5A5A5, 0)
        assert await access(ctx, bank, 0x008) == (3 << 14 | 0xC9, 0)
        assert await access(ctx, bank, 0xFFC) == (0xDEADBEEF, 0)
        assert await access(ctx, bank, 0x008, 0xFFFFFFFF) == (0, 0)
        assert ctx.get(bank.mixed.pulse.value) == 3
        assert ctx.get(bank.mixed.stored.value) == 15
        assert await access(ctx, bank, 0x008) == (15 << 14 | 0xC9, 0)
        assert ctx.get(bank.mixed.pulse.value) == 0
    simulate(testbench)


@pytest.mark.parametrize(("address", "write"), [
    (0x00C, False), (0x00C, True), (0x800, False), (0x000, True), (0xFFC, True)])
def test_refused(address, write):
    async def testbench(ctx, bank):
        ctx.set(bank.input.value.value, 7)
        assert await access(ctx, bank, address, 0xFFFFFFFF if write else None) == (0, 1)
        assert await access(ctx, bank, 0x004) == (0xA5A5A5A5, 0)
        assert await access(ctx, bank, 0xFFC) == (7, 0)
    simulate(testbench)


def test_set_wins_over_clear():
    async def testbench(ctx, bank):
        flags, code = bank.flags.flags, bank.code.code
        ctx.set(flags.set, 0b101)
        ctx.set(code.set, 0x81)
        await ctx.tick()
        ctx.set(flags.set, 0)
        ctx.set(code.set, 0x42)
        await ctx.tick()
        assert ctx.get(code.value) == 0x81
        ctx.set(code.set, 0)
        assert await access(ctx, bank, 0x010) == (0b101 << 4, 0)
        ctx.set(flags.set, 0b001)
        await access(ctx, bank, 0x010, 0b111 << 4)
        ctx.set(flags.set, 0)
        assert ctx.get(flags.value) == 0b001
        ctx.set(code.set, 0x17)
        await access(ctx, bank, 0x014, 0)
        ctx.set(code.set, 0)
        assert await access(ctx, bank, 0x014) == (0x17, 0)
        await access(ctx, bank, 0x014, 0)
        assert await access(ctx, bank, 0x014) == (0, 0)
    simulate(testbench)


def test_strobes():
    rng = generator()

    async def testbench(ctx, bank):
        expected = 0xA5A5A5A5
        for _ in range(50):
            data, strobe = rng.getrandbits(32), rng.getrandbits(4)
            mask = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
            expected = expected & ~mask | data & mask
            assert await access(ctx, bank, 0x004, data, strobe) == (0, 0)
            assert await access(ctx, bank, 0x004) == (expected, 0)
        await access(ctx, bank, 0x008, 0xFFFFFFFF, 0b1011)
        assert ctx.get(bank.mixed.pulse.value) == 0
        # Bits 14 and 15 of the field are in the byte that is written, 16 and 17 are not.
        assert ctx.get(bank.mixed.stored.value) == 3
        ctx.set(bank.code.code.set, 5)
        await ctx.tick()
        ctx.set(bank.code.code.set, 0)
        await access(ctx, bank, 0x014, 0, 0)
        assert ctx.get(bank.code.code.value) == 5, "no byte was written"
    simulate(testbench)


def test_response_is_held():
    async def testbench(ctx, bank):
        ctx.set(bank.response.ready, 0)
        await access(ctx, bank, 0x000)
        ctx.set(bank.request.p, {"address": 4, "write": 1, "data": 0, "strobe": 0xF})
        ctx.set(bank.request.valid, 1)
        for _ in range(5):
            assert not ctx.get(bank.request.ready)
            assert ctx.get(bank.response.valid)
            assert ctx.get(bank.response.p.data) == 0x12345678
            await ctx.tick()
        assert ctx.get(bank.plain.value.value) == 0xA5A5A5A5
        ctx.set(bank.response.ready, 1)
        await ctx.tick()
        assert not ctx.get(bank.response.valid)
        for _ in range(bank.latency):
            assert ctx.get(bank.plain.value.value) == 0xA5A5A5A5
            await ctx.tick()
            ctx.set(bank.request.valid, 0)
        assert ctx.get(bank.plain.value.value) == 0 and ctx.get(bank.response.valid)
    simulate(testbench)


def test_bad_parameters():
    with pytest.raises(TypeError, match="Registers must be a RegisterMap, not \\[\\]"):
        RegisterBank([])
    with pytest.raises(ValueError, match="Register name 'request' is reserved"):
        RegisterBank(RegisterMap([Register.whole("request", 0, Access.READ_WRITE, "")]))
