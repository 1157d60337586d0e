"""AXI bus models for Amaranth's simulator."""

from types import SimpleNamespace

from amaranth.hdl import Value

from hw.shell import AxiLiteSignature

OKAY, SLVERR = 0, 2


def axi_lite_pins(top):
    """The flat `s_axi_*` ports of a top under the names of the AXI4-Lite signature."""
    return SimpleNamespace(**{name: getattr(top, f"s_axi_{name}") for name in AxiLiteSignature().members})


def stream_pins(top, prefix):
    """The flat ports of an AXI4-Stream of a top."""
    names = ("tdata", "tvalid", "tready", "tlast")
    return SimpleNamespace(**{name: getattr(top, f"{prefix}_{name}") for name in names})


class Manager:
    """Reads and writes over AXI4-Lite; each channel stalls at random with probability `stall`."""

    def __init__(self, bus, *, stall=0.0, rng=None, timeout=300):
        self.bus, self.stall, self.rng, self.timeout = bus, stall, rng, timeout

    def _stalled(self):
        return self.stall and self.rng.random() < self.stall

    async def _beat(self, ctx, channels, response):
        """Send one beat on each of some channels, each at its own time, then take a response."""
        waiting = dict(channels)
        offered, response_values = set(), None
        for _ in range(self.timeout):
            for valid, (_ready, payload) in waiting.items():
                if valid not in offered and not self._stalled():
                    offered.add(valid)
                    ctx.set(getattr(self.bus, valid), 1)
                    for signal, value in payload.items():
                        ctx.set(getattr(self.bus, signal), value)
            response_valid, response_ready, response_payload = response
            ready = not self._stalled()
            ctx.set(getattr(self.bus, response_ready), ready)
            names = [channel[0] for channel in waiting.values()]
            sampled = await ctx.tick().sample(
                getattr(self.bus, response_valid),
                *(Value.cast(getattr(self.bus, name)) for name in response_payload),
                *(getattr(self.bus, name) for name in names))
            _clk, _rst, got, *values = sampled
            readies = values[len(response_payload):]
            for valid, taken in zip(list(waiting), readies, strict=True):
                if valid in offered and taken:
                    ctx.set(getattr(self.bus, valid), 0)
                    del waiting[valid]
            if got:
                assert not waiting, f"response before {sorted(waiting)} was taken"
                if ready:
                    response_values = values[:len(response_payload)]
                    break
        ctx.set(getattr(self.bus, response_ready), 0)
        assert response_values is not None, f"no response within {self.timeout} cycles"
        return response_values

    async def write(self, ctx, address, data, strobe=0xF):
        """Write a word and return the response code."""
        code, = await self._beat(ctx, {
            "awvalid": ("awready", {"awaddr": address}),
            "wvalid": ("wready", {"wdata": data, "wstrb": strobe}),
        }, ("bvalid", "bready", ["bresp"]))
        return code

    async def read(self, ctx, address):
        """Read a word and return data and response code."""
        data, code = await self._beat(ctx, {"arvalid": ("arready", {"araddr": address})},
                                      ("rvalid", "rready", ["rdata", "rresp"]))
        return data, code


def hold_checker(valid, ready, *payload):
    """A background testbench that asserts that a channel holds what it offers until it is taken."""
    payload = [Value.cast(value) for value in payload]

    async def check(ctx):
        offered = None
        async for _clk, _rst, now_valid, now_ready, *now in ctx.tick().sample(valid, ready, *payload):
            if offered is not None:
                assert now_valid, "valid fell before the beat was taken"
                assert now == offered, f"payload changed before the beat was taken: {offered} to {now}"
            offered = now if now_valid and not now_ready else None
    return check


def response_checkers(bus):
    """Hold checkers of both response channels."""
    return [hold_checker(bus.bvalid, bus.bready, bus.bresp),
            hold_checker(bus.rvalid, bus.rready, bus.rdata, bus.rresp)]


async def send_packet(ctx, pins, beats, *, stall=0.0, rng=None, begin=0, end=None, timeout=2000):
    """Send beats `begin` to `end` of a packet, by default all; the last beat of `beats` ends it."""
    for index, beat in list(enumerate(beats))[begin:end]:
        while stall and rng.random() < stall:
            await ctx.tick()
        ctx.set(pins.tdata, beat)
        ctx.set(pins.tlast, index == len(beats) - 1)
        ctx.set(pins.tvalid, 1)
        for _ in range(timeout):
            _clk, _rst, taken = await ctx.tick().sample(pins.tready)
            if taken:
                break
        else:
            raise AssertionError(f"beat {index} not taken within {timeout} cycles")
        ctx.set(pins.tvalid, 0)


async def receive_packet(ctx, pins, *, stall=0.0, rng=None, timeout=2000):
    """Take beats up to the end of a packet."""
    beats = []
    for _ in range(timeout):
        ready = not (stall and rng.random() < stall)
        ctx.set(pins.tready, ready)
        _clk, _rst, valid, data, last = await ctx.tick().sample(pins.tvalid, pins.tdata, pins.tlast)
        if valid and ready:
            beats.append(data)
            if last:
                ctx.set(pins.tready, 0)
                return beats
    raise AssertionError(f"no end of packet within {timeout} cycles after {len(beats)} beats")
