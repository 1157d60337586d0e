"""AXI4-Lite front end with a register bank behind it."""

import itertools

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from hw.shell import Access, AxiLite, AxiLiteSignature, Register, RegisterBank, RegisterMap
from tests.shell.axi import OKAY, SLVERR, Manager, response_checkers
from tests.streams import generator, is_registered, run

WORDS = 8


class Memory(wiring.Component):
    """Eight read-write registers on an AXI4-Lite bus."""

    bus: In(AxiLiteSignature())

    def elaborate(self, platform):
        m = Module()
        m.submodules.front_end = front_end = AxiLite()
        m.submodules.bank = bank = RegisterBank(RegisterMap(
            Register.whole(f"word{index}", 4 * index, Access.READ_WRITE, "", init=index)
            for index in range(WORDS)))
        connect(m, outside=flipped(self.bus), front_end=front_end.bus)
        connect(m, front_end=front_end.request, bank=bank.request)
        connect(m, front_end=front_end.response, bank=bank.response)
        return m


@pytest.mark.parametrize("stall", [0.0, 0.3, 0.8])
def test_random_reads_and_writes(stall):
    rng = generator()
    dut = Memory()
    manager = Manager(dut.bus, stall=stall, rng=rng)

    async def testbench(ctx):
        words = list(range(WORDS))
        for _ in range(60):
            index = rng.randrange(WORDS + 2)
            legal = index < WORDS
            if rng.random() < 0.5:
                data, strobe = rng.getrandbits(32), rng.choice([0xF, rng.getrandbits(4)])
                assert await manager.write(ctx, 4 * index, data, strobe) == (OKAY if legal else SLVERR)
                if legal:
                    mask = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
                    words[index] = words[index] & ~mask | data & mask
            else:
                expected = (words[index], OKAY) if legal else (0, SLVERR)
                assert await manager.read(ctx, 4 * index) == expected
    run(dut, testbench, background=response_checkers(dut.bus))


def test_reads_and_writes_at_the_same_time():
    rng = generator()
    dut = Memory()
    manager = Manager(dut.bus, stall=0.4, rng=rng)

    async def writer(ctx):
        for value in range(40):
            assert await manager.write(ctx, 0, value) == OKAY

    async def reader(ctx):
        previous = 0
        for _ in range(40):
            value, code = await manager.read(ctx, 0)
            assert code == OKAY
            assert value >= previous
            previous = value
    run(dut, writer, reader, background=response_checkers(dut.bus))


@pytest.mark.parametrize(("aw_delay", "w_delay"), list(itertools.product([0, 1, 5], repeat=2)))
def test_address_and_data_in_any_order(aw_delay, w_delay):
    dut = Memory()
    bus = dut.bus
    latency = []

    async def channel(ctx, valid, ready, delay):
        await ctx.tick().repeat(2 + delay)
        ctx.set(valid, 1)
        await ctx.tick().until(ready)
        ctx.set(valid, 0)

    async def address(ctx):
        ctx.set(bus.awaddr, 12)
        await channel(ctx, bus.awvalid, bus.awready, aw_delay)

    async def data(ctx):
        ctx.set(bus.wdata, 0xCAFE)
        ctx.set(bus.wstrb, 0xF)
        await channel(ctx, bus.wvalid, bus.wready, w_delay)

    async def response(ctx):
        await ctx.tick().repeat(2)
        cycle = 0
        while not ctx.get(bus.bvalid):
            await ctx.tick()
            cycle += 1
        latency.append(cycle)
        for _ in range(4):
            assert ctx.get(bus.bvalid), "held until taken"
            assert not ctx.get(bus.awready), "one outstanding write"
            assert not ctx.get(bus.wready)
            await ctx.tick()
        ctx.set(bus.bready, 1)
        await ctx.tick()
        assert not ctx.get(bus.bvalid)
        assert ctx.get(bus.awready)
        assert ctx.get(bus.wready)
        assert await Manager(bus).read(ctx, 12) == (0xCAFE, OKAY)
    run(dut, address, data, response)
    assert latency == [max(aw_delay, w_delay) + 3 + RegisterBank.latency]


def test_one_outstanding_read():
    dut = Memory()
    bus = dut.bus

    async def testbench(ctx):
        ctx.set(bus.araddr, 12)
        ctx.set(bus.arvalid, 1)
        await ctx.tick().until(bus.arready)
        ctx.set(bus.araddr, 16)
        cycle = 1
        while not ctx.get(bus.rvalid):
            assert not ctx.get(bus.arready)
            await ctx.tick()
            cycle += 1
        assert cycle == RegisterBank.latency + 3
        for _ in range(6):
            assert not ctx.get(bus.arready)
            assert ctx.get(bus.rdata) == 3
            await ctx.tick()
        ctx.set(bus.rready, 1)
        await ctx.tick()
        assert ctx.get(bus.arready)
        await ctx.tick()
        ctx.set(bus.arvalid, 0)
        data, = await ctx.tick().sample(bus.rdata).until(bus.rvalid)
        assert data == 4
    run(dut, testbench)


def test_outputs_in_reset_and_after():
    dut = Memory()
    bus = dut.bus

    async def testbench(ctx):
        outputs = [bus.awready, bus.wready, bus.arready, bus.bvalid, bus.rvalid]
        assert [ctx.get(output) for output in outputs] == [0] * 5
        await ctx.tick()
        assert [ctx.get(output) for output in outputs] == [1, 1, 1, 0, 0]
        inputs = [bus.awvalid, bus.wvalid, bus.arvalid, bus.bready, bus.rready]
        for output in outputs:
            assert await is_registered(ctx, output, *inputs)
    run(dut, testbench)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"address_width": 0}, "AXI4-Lite address width must be between 1 and 64, not 0"),
    ({"data_width": 16}, "AXI4-Lite data width must be 32 or 64, not 16"),
])
def test_bad_width(arguments, message):
    with pytest.raises(ValueError, match=message):
        AxiLiteSignature(**arguments)
