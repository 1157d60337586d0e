# amaranth: UnusedElaboratable=no
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from tests.streams import generator, run


class Delayed(wiring.Component):
    i: In(signed(5))
    o: Out(signed(5))

    def __init__(self, cycles):
        self.cycles = cycles
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(delay(m, self.i, self.cycles, "value"))
        return m


@pytest.mark.parametrize("cycles", [0, 1, 2, 7])
def test_delays_by_the_cycles_asked_for(cycles):
    rng = generator()
    values = [rng.randint(-16, 15) for _ in range(30)]
    seen = []
    dut = Delayed(cycles)

    async def testbench(ctx):
        for value in values:
            ctx.set(dut.i, value)
            _, _, sampled = await ctx.tick().sample(dut.o)
            seen.append(sampled)

    run(dut, testbench)
    assert seen == ([0] * cycles + values)[:len(values)]


def test_no_cycles_is_the_value_itself():
    value = Signal(3)
    assert delay(Module(), value, 0, "value") is value
