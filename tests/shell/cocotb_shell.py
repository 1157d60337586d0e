"""Runs inside the simulator: the emitted shell under bus models that we did not write."""

import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink, AxiStreamSource

from hw.shell import TRAILER_MARKER, ShellError
from tests.shell.loopback import LoopbackError, model, random_packet

CONTROL, STATUS, ERROR, TASKS_DONE = 0x010, 0x014, 0x018, 0x020
SOFT_RESET_TRAILER = TRAILER_MARKER << 8 | ShellError.SOFT_RESET.value


def pauses(rng, probability):
    """Endless random stalls."""
    while True:
        yield rng.random() < probability


def to_bytes(beats):
    return b"".join(beat.to_bytes(4, "little") for beat in beats)


def to_beats(frame):
    return [int.from_bytes(frame.tdata[start:start + 4], "little") for start in range(0, len(frame.tdata), 4)]


class Host:
    """Bus models on the ports of the shell."""

    def __init__(self, dut, rng, stall):
        self.dut = dut
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst, byte_size=8)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        if stall:
            write, read = self.registers.write_if, self.registers.read_if
            for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel,
                            read.r_channel, self.source, self.sink):
                channel.set_pause_generator(pauses(rng, stall))

    async def start(self):
        """Clock and reset."""
        Clock(self.dut.clk, 10, unit="ns").start()
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def read(self, address):
        """Read a register that has to exist."""
        response = await with_timeout(self.registers.read(address, 4), 10, "us")
        assert response.resp == AxiResp.OKAY
        return int.from_bytes(response.data, "little")

    async def write(self, address, value):
        """Write a register that has to exist."""
        response = await with_timeout(self.registers.write(address, value.to_bytes(4, "little")), 10, "us")
        assert response.resp == AxiResp.OKAY

    async def receive(self):
        """Take a packet."""
        return to_beats(await with_timeout(self.sink.recv(compact=False), 20, "us"))

    async def settle(self):
        """Wait until nothing is in flight."""
        for _ in range(200):
            if not await self.read(STATUS) & 0b0111 and self.source.idle():
                return
        raise AssertionError("the shell does not come to rest")


@cocotb.test()
@cocotb.parametrize(stall=[0.0, 0.4])
async def tasks_and_soft_resets(dut, stall):
    """Tasks come back right, and go on coming back right after soft resets in their midst."""
    seed = int(os.environ["THRESHER_SEED"])
    rng = random.Random(seed)
    host = Host(dut, rng, stall)
    await host.start()
    assert await host.read(0x000) == int.from_bytes(b"THRS", "big")
    assert (await host.registers.read(0x0F0, 4)).resp == AxiResp.SLVERR
    assert await host.read(ERROR) == ShellError.BAD_REGISTER.value
    await host.write(ERROR, 0)

    done = 0
    for _ in range(6):
        packets = [random_packet(rng) for _ in range(4)]
        for beats in packets:
            await host.source.send(to_bytes(beats))
        for beats in packets:
            assert await host.receive() == model(beats)[0]
        done += len(packets)
        await host.settle()
        assert await host.read(TASKS_DONE) == done
        assert await host.read(ERROR) in [code.value for code in LoopbackError]

        lost = [random_packet(rng, longest=30) for _ in range(3)]
        for beats in lost:
            await host.source.send(to_bytes(beats))
        await ClockCycles(dut.clk, rng.randint(1, 40))
        await host.write(CONTROL, 0b011)
        await host.settle()
        expected = iter([model(beats)[0] for beats in lost])
        while not host.sink.empty():
            beats = to_beats(host.sink.recv_nowait(compact=False))
            closed = beats[-1] == SOFT_RESET_TRAILER
            assert any(beats == whole or (closed and beats[:-1] == whole[:len(beats) - 1])
                       for whole in expected)
        await host.write(ERROR, 0)
        done = await host.read(TASKS_DONE)
