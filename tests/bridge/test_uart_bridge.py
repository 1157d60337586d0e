"""The bridge around a small engine that fetches rows, one bit after the other."""

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.lib import wiring

from hw.bridge import BridgedShell, Command, Flags, Status, UartBridge
from hw.bridge.protocol import END, ESCAPE, VERSION
from hw.shell import Shell
from tests.bridge.line import frame, put, take_frame
from tests.shell.loopback import Loopback, packet
from tests.shell.loopback import model as loopback_model
from tests.shell.row_sum import RowSum, model, to_bytes
from tests.streams import run

DIVISOR, CHUNK = 4, 64
CONTROL = 0x010


class Line:
    """A bridged shell whose host is a testbench."""

    def __init__(self, engine):
        self.reset = Signal()
        self.dut = BridgedShell(Shell(engine, "engine", "1.2.3"), DIVISOR, chunk=CHUNK)

    def run(self, testbench):
        """Simulate."""
        class Resettable(wiring.Component):
            def __init__(self, inner, reset):
                self.inner, self.reset = inner, reset
                super().__init__({})

            def elaborate(self, platform):
                return ResetInserter(self.reset)(self.inner)

        run(Resettable(self.dut, self.reset), testbench)

    async def ask(self, ctx, command, sequence, payload=b""):
        """Make a request; returns status, sequence, flags and payload."""
        await put(ctx, self.dut.uart_rx, frame([command, sequence, *payload]), DIVISOR)
        return await self.answer(ctx)

    async def answer(self, ctx):
        """Take an answer."""
        data = await take_frame(ctx, self.dut.uart_tx, DIVISOR)
        return Status(data[0]), data[1], Flags(data[2]), data[3:]


def u16(value):
    return value.to_bytes(2, "little")


def test_requests_one_after_the_other():
    line = Line(RowSum())

    async def testbench(ctx):
        assert await line.ask(ctx, Command.HELLO, 0) == (
            Status.OK, 0, 0, bytes([VERSION, 1]) + u16(4) + u16(CHUNK) + u16(0) + u16(0))
        assert await line.ask(ctx, Command.READ, 1, u16(0)) == (Status.OK, 1, 0, b"SRHT")
        assert await line.ask(ctx, Command.WRITE, 2, u16(CONTROL) + bytes([0x09, 0, 0, 0])) == (Status.OK, 2, 0, b"")
        assert await line.ask(ctx, Command.READ, 3, u16(CONTROL)) == (Status.OK, 3, 0, bytes([0x09, 0, 0, 0]))
        # A row whose bytes have to be escaped in both directions; one word without a row after it.
        requests, row = [0xC0DB_DCDD, 0x5], [0xC0DB_C0DB, 0x1]
        status, _, flags, _ = await line.ask(ctx, Command.SEND, 4, u16(8) + to_bytes(requests))
        assert status == Status.OK
        status, _, flags, fetched = await line.ask(ctx, Command.FETCH, 5)
        assert (status, fetched) == (Status.OK, to_bytes(requests))
        assert (await line.ask(ctx, Command.RECEIVE, 6))[::3] == (Status.OK, b"")
        assert (await line.ask(ctx, Command.SERVE, 7, u16(8) + to_bytes(row)))[0] == Status.OK
        assert (await line.ask(ctx, Command.SERVE, 8, u16(4) + bytes(4)))[0] == Status.OK
        status, _, flags, result = await line.ask(ctx, Command.RECEIVE, 9)
        assert (status, result) == (Status.OK, to_bytes(model(requests, {requests[0]: row})))
        assert flags == Flags.ENDS | Flags.INTERRUPT

    line.run(testbench)


def test_refused_requests():
    line = Line(Loopback())

    async def testbench(ctx):
        for number, (command, payload, status) in enumerate([
                (Command.READ, u16(0xFFC), Status.REFUSED),
                (Command.READ, u16(0x1000), Status.REFUSED),
                (Command.READ, b"\0", Status.BAD_LENGTH),
                (Command.WRITE, u16(0) + bytes(4), Status.REFUSED),
                (Command.WRITE, u16(0x1010) + bytes(4), Status.REFUSED),
                (Command.WRITE, u16(CONTROL) + bytes(3), Status.BAD_LENGTH),
                (Command.HELLO, b"\0", Status.BAD_LENGTH),
                (Command.RESET, b"\0", Status.BAD_LENGTH),
                (Command.SEND, u16(0), Status.BAD_LENGTH),
                (Command.SEND, u16(0) + bytes(5), Status.BAD_LENGTH),
                (Command.SEND, u16(2) + bytes(4), Status.BAD_LENGTH),
                (Command.FETCH, b"", Status.BAD_COMMAND),
                (Command.SERVE, u16(4) + bytes(4), Status.BAD_COMMAND),
                (0x77, b"", Status.BAD_COMMAND)], start=1):
            assert (await line.ask(ctx, command, number, payload))[:2] == (status, number), (command, payload)
        # And the engine has not seen any of it, but the register that there is not.
        assert (await line.ask(ctx, Command.READ, 99, u16(CONTROL)))[3] == bytes([1, 0, 0, 0])

    line.run(testbench)


def test_damaged_frames_and_garbage():
    line = Line(Loopback())
    good = frame([Command.READ, 7, 0, 0])

    async def testbench(ctx):
        for damaged in (
                frame([Command.READ, 7, 0, 0], crc=0x1234),
                good[:-3] + good[-1:],
                bytes([END, 1, 2, 3, END]),
                bytes([END, 1, ESCAPE, 5, 3, 4, 5, 6, END]),
                bytes([END, 1, 2, 3, 4, ESCAPE, END]),
                bytes([END, *range(CHUNK + 20), END])):
            await put(ctx, line.dut.uart_rx, damaged, DIVISOR)
            assert (await line.answer(ctx))[:2] == (Status.BAD_FRAME, 0), damaged
        # Garbage without an end; the frame's own END ends it, and the frame behind it counts.
        await put(ctx, line.dut.uart_rx, b"garbage" + good, DIVISOR)
        answers = [await line.answer(ctx)]
        if answers[0][0] == Status.BAD_FRAME:
            answers.append(await line.answer(ctx))
        assert answers[-1] == (Status.OK, 7, 0, b"SRHT")
        # Frames without a byte are none.
        await put(ctx, line.dut.uart_rx, bytes([END] * 5), DIVISOR)
        hello = await line.ask(ctx, Command.HELLO, 0)
        assert hello[3][-2:] == u16(7)

    line.run(testbench)


def test_a_repeated_request_is_done_once():
    line = Line(Loopback())
    task = packet([1, 2, 3])

    async def testbench(ctx):
        for _ in range(2):
            assert (await line.ask(ctx, Command.SEND, 5, u16(16) + to_bytes(task)))[:2] == (Status.OK, 5)
        answers = [await line.ask(ctx, Command.RECEIVE, 6) for _ in range(3)]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][3] == to_bytes(loopback_model(task)[0])
        assert (await line.ask(ctx, Command.RECEIVE, 7))[3] == b""

    line.run(testbench)


def test_back_pressure_and_reset():
    """A host that takes no results fills the queues; RESET empties them in the middle of a packet."""
    line = Line(Loopback())
    task = packet(list(range(255)))

    async def testbench(ctx):
        piece = u16(0) + to_bytes(task)[:CHUNK]
        sequence, taken = 1, 0
        while (await line.ask(ctx, Command.SEND, sequence, piece))[0] == Status.OK:
            sequence, taken = sequence + 1, taken + 1
            assert taken < 20
        # The queue before, the one behind, and what the engine and the registers hold.
        assert 2 <= taken <= 4
        assert (await line.ask(ctx, Command.SEND, sequence + 1, piece))[0] == Status.BUSY
        # The line is as free as before.
        assert (await line.ask(ctx, Command.READ, sequence + 2, u16(0)))[3] == b"SRHT"
        assert (await line.ask(ctx, Command.RESET, sequence + 3))[0] == Status.OK
        assert (await line.ask(ctx, Command.RECEIVE, sequence + 4))[2:] == (Flags(0), b"")
        short = packet([4, 5])
        assert (await line.ask(ctx, Command.SEND, sequence + 5, u16(12) + to_bytes(short)))[0] == Status.OK
        status, _, flags, data = await line.ask(ctx, Command.RECEIVE, sequence + 6)
        assert (status, data) == (Status.OK, to_bytes(loopback_model(short)[0]))
        assert Flags.ENDS in flags

    line.run(testbench)


@pytest.mark.parametrize("after", [1, 37, 150])
def test_a_reset_in_the_middle_of_a_frame(after):
    line = Line(Loopback())

    async def testbench(ctx):
        request = frame([Command.READ, 7, 0, 0])
        bits = [bit for byte in request for bit in (0, *(byte >> place & 1 for place in range(8)), 1)]
        for number, bit in enumerate(bits):
            ctx.set(line.dut.uart_rx, bit)
            ctx.set(line.reset, number == after)
            await ctx.tick().repeat(DIVISOR)
        # What is left of the frame is garbage, or nothing.
        await ctx.tick().repeat(20 * 10 * DIVISOR)
        assert await line.ask(ctx, Command.READ, 8, u16(0)) == (Status.OK, 8, 0, b"SRHT")

    line.run(testbench)


@pytest.mark.parametrize("arguments, sentence", [
    ((4, 24), "Bus width must be a power of two of at least 8, not 24"),
    ((4, 4), "Bus width must be a power of two of at least 8, not 4"),
    ((4, 64, 8), "Chunk must be a power of two of at least 16 bytes, not 8"),
    ((4, 64, 48), "Chunk must be a power of two of at least 16 bytes, not 48"),
])
def test_parameters(arguments, sentence):
    divisor, bus_width, *chunk = arguments
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        UartBridge(divisor, bus_width, **({"chunk": chunk[0]} if chunk else {}))
