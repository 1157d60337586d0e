"""A shell around a small engine, with bus models."""

from hw.shell import Shell
from tests.shell.axi import (
    OKAY,
    Manager,
    axi_lite_pins,
    hold_checker,
    receive_packet,
    response_checkers,
    send_packet,
    stream_pins,
)
from tests.shell.loopback import Loopback
from tests.streams import generator, run


class Bench:
    """Bus models stall at random with probability `stall`; what the shell offers is checked to hold.

    The engine is a loopback with `parameters` unless another is given.
    """

    def __init__(self, *, stall=0.0, seed=None, parameters=None, engine=None, **kwargs):
        self.rng = generator(seed)
        self.stall = stall
        self.shell = Shell(engine or Loopback(parameters), "loopback", "1.2.3", **kwargs)
        self.registers = self.shell.registers
        self.source, self.sink = stream_pins(self.shell, "s_axis"), stream_pins(self.shell, "m_axis")
        bus = axi_lite_pins(self.shell)
        self.manager = Manager(bus, stall=stall, rng=self.rng)
        self.checkers = [*response_checkers(bus),
                         hold_checker(self.sink.tvalid, self.sink.tready, self.sink.tdata, self.sink.tlast)]

    def run(self, *testbenches, background=()):
        """Simulate until the testbenches end."""
        run(self.shell, *testbenches, background=[*self.checkers, *background])

    async def read(self, ctx, name):
        """Read a register by name."""
        data, code = await self.manager.read(ctx, self.registers[name].address)
        assert code == OKAY
        return data

    async def write(self, ctx, name, value, strobe=0xF):
        """Write a register by name and return the response code."""
        return await self.manager.write(ctx, self.registers[name].address, value, strobe)

    async def send(self, ctx, beats, **kwargs):
        """Send a task, or a part of it."""
        await send_packet(ctx, self.source, beats, stall=self.stall, rng=self.rng, **kwargs)

    async def receive(self, ctx, **kwargs):
        """Take a result."""
        return await receive_packet(ctx, self.sink, stall=self.stall, rng=self.rng, **kwargs)

    def sender(self, unsent):
        """Background: send the tasks of a list that grows; what is sent leaves it."""
        async def background(ctx):
            while True:
                await ctx.tick()
                while unsent:
                    await self.send(ctx, unsent[0])
                    del unsent[0]
        return background

    def receiver(self, received):
        """Background: add the results to a list, for ever."""
        async def background(ctx):
            while True:
                received.append(await self.receive(ctx, timeout=10**6))
        return background
