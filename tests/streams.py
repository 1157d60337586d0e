"""Drive and check streams in Amaranth's simulator.

`send` and `collect` stall at random, each cycle with probability `stall` (so stalls last geometrically), and
`collect` asserts that a stream holds what it offers until it is taken.
"""

import os
import random

from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.sim import Simulator

PERIOD = 1e-8


def generator(seed=None):
    """Return a seeded random generator and print its seed.

    The seed is the argument, else environment variable ``THRESHER_SEED``, else drawn; pytest shows the
    printed line of a failing test, and setting the variable replays it.
    """
    if seed is None:
        seed = int(os.environ.get("THRESHER_SEED", random.SystemRandom().getrandbits(32)))
    print(f"THRESHER_SEED={seed}")
    return random.Random(seed)


async def send(ctx, stream, items, stall=0.0, rng=None, *, cycles=None, timeout=10_000):
    """Offer `items` in order; append the cycle in which each is taken to list `cycles` if given.

    Raises
    ------
    AssertionError
        If an item is not taken for `timeout` cycles.
    """
    cycle = 0
    for index, item in enumerate(items):
        while stall and rng.random() < stall:
            await ctx.tick()
            cycle += 1
        ctx.set(stream.payload, item)
        ctx.set(stream.valid, 1)
        taken = False
        waited = 0
        while not taken:
            assert waited < timeout, f"item {index} not taken within {timeout} cycles"
            _, _, taken = await ctx.tick().sample(stream.ready)
            cycle += 1
            waited += 1
        if cycles is not None:
            cycles.append(cycle - 1)
        ctx.set(stream.valid, 0)


async def collect(ctx, stream, count, stall=0.0, rng=None, *, cycles=None, timeout=10_000):
    """Take `count` items and return them; append the cycle in which each is taken to list `cycles` if given.

    Raises
    ------
    AssertionError
        If `valid` falls or the payload changes before an item is taken, or nothing is offered for `timeout`
        cycles.
    """
    items = []
    offered = None
    cycle = waited = 0
    bits = Value.cast(stream.payload)
    while len(items) < count:
        ready = not (stall and rng.random() < stall)
        ctx.set(stream.ready, ready)
        _, _, valid, raw, payload = await ctx.tick().sample(stream.valid, bits, stream.payload)
        if offered is not None:
            assert valid, f"valid fell before item {len(items)} was taken"
            assert raw == offered, (
                f"payload changed before item {len(items)} was taken: {offered:#x} to {raw:#x}")
        offered = raw if valid and not ready else None
        if valid and ready:
            items.append(payload)
            if cycles is not None:
                cycles.append(cycle)
        waited = 0 if valid else waited + 1
        assert waited < timeout, f"no item {len(items)} of {count} within {timeout} cycles"
        cycle += 1
    ctx.set(stream.ready, 0)
    return items


async def is_registered(ctx, output, *inputs):
    """Whether no single-bit input in `inputs` moves `output` within the present cycle."""
    before = ctx.get(output)
    moved = False
    for value in inputs:
        original = ctx.get(value)
        ctx.set(value, not original)
        await ctx.delay(PERIOD / 100)
        moved |= ctx.get(output) != before
        ctx.set(value, original)
        await ctx.delay(PERIOD / 100)
    return not moved


def run(dut, *testbenches, background=(), traces=None):
    """Simulate `dut` with its clock until all `testbenches` return; `background` ones do not hold it up."""
    top = Module()
    # Named here because a design without registers has no domain, and the test benches count its cycles.
    top.domains.sync = ClockDomain()
    top.submodules.dut = dut
    simulator = Simulator(top)
    simulator.add_clock(PERIOD)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    if traces is None:
        simulator.run()
    else:
        with simulator.write_vcd(traces):
            simulator.run()


def rearranged(outputs_of, count, settings):
    """Which of `count` inputs each output of a rearrangement shows, for each setting from 0 to ``settings - 1``.

    ``outputs_of(inputs, setting)`` makes a list of Values of a list of Signals and a Signal, without registers.
    """
    m, setting = Module(), Signal(range(max(2, settings)))
    inputs = [Signal(range(max(2, count)), name=f"in{n}") for n in range(count)]
    outputs = []
    for n, value in enumerate(outputs_of(inputs, setting)):
        outputs.append(Signal.like(inputs[0], name=f"out{n}"))
        m.d.comb += outputs[n].eq(value)
    shown = []

    async def testbench(ctx):
        for n, value in enumerate(inputs):
            ctx.set(value, n)
        for number in range(settings):
            ctx.set(setting, number)
            await ctx.delay(PERIOD)
            shown.append([ctx.get(output) for output in outputs])

    run(m, testbench)
    return shown


def transfer(dut, source, sink, items, *, count=None, stalls=(0.0, 0.0), rng=None):
    """Send `items` into `source`, return what leaves `sink` and the cycles of both sides.

    Returns
    -------
    received : list
    sent_cycles, received_cycles : list of int
    """
    received, sent_cycles, received_cycles = [], [], []

    async def producer(ctx):
        await send(ctx, source, items, stalls[0], rng, cycles=sent_cycles)

    async def consumer(ctx):
        total = len(items) if count is None else count
        received.extend(await collect(ctx, sink, total, stalls[1], rng, cycles=received_cycles))
        for _ in range(4):
            _, _, extra = await ctx.tick().sample(sink.valid)
            assert not extra, "more items came out than were expected"

    run(dut, producer, consumer)
    return received, sent_cycles, received_cycles
