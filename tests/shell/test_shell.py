# amaranth: UnusedElaboratable=no
"""The shell around a small engine, without resets."""

import re
from dataclasses import dataclass
from enum import Enum

import pytest
from amaranth.lib import wiring

from hw.shared import shared
from hw.shell import CounterDescription, EngineSignature, Shell, ShellError, parameters_hash
from tests.shell.axi import OKAY, SLVERR, receive_packet, send_packet, stream_pins
from tests.shell.bench import Bench
from tests.shell.loopback import Loopback, LoopbackError, LoopbackParameters, model, packet, random_packet
from tests.streams import run


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_packets_and_counts(stall):
    bench = Bench(stall=stall)
    packets = [random_packet(bench.rng) for _ in range(25)]
    results = [model(beats) for beats in packets]

    async def producer(ctx):
        for beats in packets:
            await bench.send(ctx, beats)

    async def consumer(ctx):
        for expected, _error in results:
            assert await bench.receive(ctx) == expected
        await ctx.tick().repeat(5)
        errors = [error for _expected, error in results if error]
        assert await bench.read(ctx, "status") == 0b1000
        assert await bench.read(ctx, "error") == errors[0]
        assert await bench.read(ctx, "interrupt") == 0b11
        assert await bench.read(ctx, "tasks_done") == len(packets)
        assert await bench.read(ctx, "tasks_failed") == len(errors)
        assert await bench.read(ctx, "counter_input_words") == sum(map(len, packets))
        assert await bench.read(ctx, "counter_output_words") == sum(len(expected) for expected, _ in results)
        assert await bench.read(ctx, "counter_items") == sum(len(expected) - 1 for expected, _ in results)
    bench.run(producer, consumer)


def test_identity_and_parameters():
    parameters = LoopbackParameters(bus_width=64, bias=-2, inverted=True)
    bench = Bench(parameters=parameters)

    async def testbench(ctx):
        assert await bench.read(ctx, "identity") == int.from_bytes(b"THRS", "big")
        assert await bench.read(ctx, "version") == 0x00010203
        assert await bench.read(ctx, "engine") == int.from_bytes(b"loop", "big")
        assert await bench.read(ctx, "parameters_hash") == parameters_hash(parameters)
        assert await bench.read(ctx, "control") == 1
        assert await bench.read(ctx, "status") == 0
        assert await bench.read(ctx, "parameter_bus_width") == 64
        assert await bench.read(ctx, "parameter_bias") == 0xFFFFFFFE
        assert await bench.read(ctx, "parameter_inverted") == 1
        assert ctx.get(bench.shell.m_axis_tkeep) == 0xFF
    bench.run(testbench)


def test_packets_follow_each_other_without_a_gap():
    # The second packet is in the input register while the engine ends the first; the engine itself takes
    # one cycle for the trailer and one for `done`.
    bench = Bench()
    beats = packet(list(range(8)))
    taken = []

    async def producer(ctx):
        for _ in range(3):
            await bench.send(ctx, beats)

    async def consumer(ctx):
        ctx.set(bench.sink.tready, 1)
        cycle = 0
        while len(taken) < 27:
            _clk, _rst, valid = await ctx.tick().sample(bench.sink.tvalid)
            if valid:
                taken.append(cycle)
            cycle += 1
        await ctx.tick().repeat(3)
        # 3 packets of 9 input beats, 2 more cycles for each, 2 of them in the registers.
        assert await bench.read(ctx, "counter_cycles") == taken[-1] - taken[0] + 1 + 3
    bench.run(producer, consumer)
    for start in (0, 9, 18):
        assert taken[start:start + 9] == list(range(taken[start], taken[start] + 9))
    assert taken[9] - taken[8] == 3


def test_counters_of_stalls_and_clear():
    bench = Bench()

    async def testbench(ctx):
        beats = packet([1, 2, 3])
        await bench.send(ctx, beats, end=2)
        await ctx.tick().repeat(20)
        assert await bench.read(ctx, "status") == 0b0111
        await bench.send(ctx, beats, begin=2)
        await ctx.tick().repeat(30)
        assert await bench.receive(ctx) == model(beats)[0]
        assert await bench.read(ctx, "counter_input_stalled") >= 20
        assert await bench.read(ctx, "counter_output_stalled") >= 30
        cycles = await bench.read(ctx, "counter_cycles")
        assert cycles > 50
        # The cycle in which the first beat arrives is not busy yet.
        assert await bench.read(ctx, "counter_busy") == cycles - 1
        assert await bench.read(ctx, "counter_longest") == 3

        await bench.write(ctx, "control", 0b101)
        for counter in bench.shell.counters:
            assert await bench.read(ctx, f"counter_{counter.name}") == 0, counter.name
        assert await bench.read(ctx, "tasks_done") == 1
        await bench.send(ctx, packet([7]))
        await bench.receive(ctx)
        assert await bench.read(ctx, "counter_input_words") == 2
        assert await bench.read(ctx, "counter_longest") == 1
        assert 5 <= await bench.read(ctx, "counter_cycles") < 10
    bench.run(testbench)


def test_stop_and_start():
    bench = Bench()
    first, second = packet([1, 2, 3]), packet([4, 5])

    async def producer(ctx):
        await bench.send(ctx, first, end=2)
        await bench.write(ctx, "control", 0)
        # The packet that is open goes on although the shell is stopped.
        await bench.send(ctx, first, begin=2)
        ctx.set(bench.source.tdata, second[0])
        ctx.set(bench.source.tlast, 0)
        ctx.set(bench.source.tvalid, 1)
        for _ in range(20):
            _clk, _rst, ready = await ctx.tick().sample(bench.source.tready)
            assert not ready
        assert await bench.read(ctx, "status") == 0b1000
        ctx.set(bench.source.tvalid, 0)
        await bench.write(ctx, "control", 1)
        await bench.send(ctx, second)

    async def consumer(ctx):
        assert await bench.receive(ctx) == model(first)[0]
        assert await bench.receive(ctx) == model(second)[0]
    bench.run(producer, consumer)


def test_interrupt():
    bench = Bench()

    async def testbench(ctx):
        ctx.set(bench.sink.tready, 1)
        await bench.send(ctx, packet([1]))
        await ctx.tick().repeat(10)
        assert await bench.read(ctx, "interrupt") == 0b01
        assert not ctx.get(bench.shell.interrupt)
        await bench.write(ctx, "control", 0b1001)
        assert ctx.get(bench.shell.interrupt)
        assert await bench.read(ctx, "control") == 0b1001
        await bench.write(ctx, "interrupt", 0b10)
        assert ctx.get(bench.shell.interrupt)
        await bench.write(ctx, "interrupt", 0b01)
        assert not ctx.get(bench.shell.interrupt)
        assert await bench.read(ctx, "status") == 0
        await bench.send(ctx, packet([1], count=2))
        await ctx.tick().repeat(10)
        assert ctx.get(bench.shell.interrupt)
        assert await bench.read(ctx, "interrupt") == 0b11
        await bench.write(ctx, "interrupt", 0b11)
        assert not ctx.get(bench.shell.interrupt)
        assert await bench.read(ctx, "error") == LoopbackError.SHORT_PACKET.value
    bench.run(testbench)


def test_error_keeps_the_first():
    bench = Bench()

    async def testbench(ctx):
        ctx.set(bench.sink.tready, 1)
        assert await bench.manager.read(ctx, 0x0FC) == (0, SLVERR)
        assert await bench.read(ctx, "error") == ShellError.BAD_REGISTER.value
        assert await bench.read(ctx, "interrupt") == 0b10
        await bench.send(ctx, packet([1], magic=0))
        await ctx.tick().repeat(10)
        assert await bench.read(ctx, "error") == ShellError.BAD_REGISTER.value
        assert await bench.write(ctx, "error", 0) == OKAY
        assert await bench.read(ctx, "error") == 0
        await bench.send(ctx, packet([1], magic=0))
        await ctx.tick().repeat(10)
        assert await bench.write(ctx, "identity", 1) == SLVERR
        assert await bench.read(ctx, "error") == LoopbackError.BAD_HEADER.value
        assert await bench.read(ctx, "tasks_failed") == 2
    bench.run(testbench)


def test_without_counters():
    bench = Bench(counters=False)
    assert not bench.shell.counters
    assert not any(register.name.startswith("counter_") for register in bench.registers)

    async def testbench(ctx):
        ctx.set(bench.sink.tready, 1)
        await bench.send(ctx, packet([1]))
        await ctx.tick().repeat(10)
        assert await bench.manager.read(ctx, 0x100) == (0, SLVERR)
        assert await bench.read(ctx, "tasks_done") == 1
    bench.run(testbench)


def test_shared_engine():
    shell = Shell(shared(Loopback, LoopbackParameters()), "loopback")
    source, sink = stream_pins(shell, "s_axis"), stream_pins(shell, "m_axis")
    received = []

    async def producer(ctx):
        await send_packet(ctx, source, packet([1, 2]))

    async def consumer(ctx):
        received.extend(await receive_packet(ctx, sink))
    run(shell, producer, consumer)
    assert received == model(packet([1, 2]))[0]


def test_description():
    shell = Shell(Loopback(), "loopback", "1.2.3")
    described = shell.to_dict()
    assert described["name"] == "loopback"
    assert described["bus_width"] == 32
    assert described["parameters"] == [
        {"name": "bus_width", "value": 32, "address": 0x40},
        {"name": "bias", "value": 5, "address": 0x44},
        {"name": "inverted", "value": 0, "address": 0x48},
    ]
    assert [(counter["name"], counter["address"]) for counter in described["counters"]] == [
        ("cycles", 0x100), ("input_stalled", 0x104), ("output_stalled", 0x108), ("input_words", 0x10C),
        ("output_words", 0x110), ("busy", 0x114), ("items", 0x118), ("longest", 0x11C)]
    assert described["counters"][-1]["kind"] == "max"
    assert [(code["code"], code["name"]) for code in described["error_codes"]] == [
        (0, "NONE"), (1, "BAD_HEADER"), (2, "SHORT_PACKET"), (3, "LONG_PACKET"),
        (0x81, "BAD_REGISTER"), (0x82, "SOFT_RESET")]
    assert {"name": "m_axis_tkeep", "direction": "output", "width": 4} in described["ports"]
    assert Shell(Loopback(), "loopback", counters=False).to_dict()["counters"] == []


class Broken(Loopback):
    """A loopback engine with one attribute replaced."""

    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


@dataclass(frozen=True)
class Huge:
    size: int = 1 << 32


@pytest.mark.parametrize(("engine", "kind", "message"), [
    (object(), TypeError, "Engine must be a component with an EngineSignature, not <object"),
    (Broken(parameters={}), TypeError, "Engine parameters must be a dataclass object, not {}"),
    (Broken(parameters=Huge()), ValueError, "Parameter 'size' must fit 32 bits, not 4294967296"),
    (Broken(counters=()), ValueError, "Engine counters must be those of its signature, not ()"),
    (Broken(error_codes=int), TypeError, "Engine error codes must be an enum.Enum, not <class 'int'>"),
    (Broken(error_codes=Enum("Codes", {"BAD": 1})), ValueError,
     "Engine error codes must have a member NONE with value 0, not [<Codes.BAD: 1>]"),
    (Broken(error_codes=Enum("Codes", {"NONE": 0, "BAD": 128})), ValueError,
     "Engine error code must be between 1 and 127, not <Codes.BAD: 128>"),
])
def test_bad_engine(engine, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        Shell(engine, "loopback")


def test_engine_without_attributes():
    class Bare(wiring.Component):
        def __init__(self):
            super().__init__(EngineSignature(32))
    with pytest.raises(TypeError, match="must have the attribute 'counters'"):
        Shell(Bare(), "bare")


def test_counter_name_of_the_shell():
    class Greedy(Loopback):
        counters = (CounterDescription("busy", "cycles", "Mine"),)

        def __init__(self):
            self.parameters = LoopbackParameters()
            wiring.Component.__init__(self, EngineSignature(32, self.counters))
    with pytest.raises(ValueError, match="Counter name 'busy' is taken by the shell"):
        Shell(Greedy(), "greedy")


@pytest.mark.parametrize(("name", "version", "message"), [
    ("Loopback", "0.1.0", "Shell name must be a lower-case ASCII identifier, not 'Loopback'"),
    (7, "0.1.0", "Shell name must be a lower-case ASCII identifier, not 7"),
    ("loopback", "0.1", "Shell version must have the form 'MAJOR.MINOR.PATCH', not '0.1'"),
])
def test_bad_name_or_version(name, version, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Shell(Loopback(), name, version)
