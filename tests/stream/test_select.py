"""`select` chooses the value of an index, for any number of values."""

import pytest
from amaranth.hdl import C, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.stream.select import select


class Chooser(wiring.Component):
    """One output chosen among constants."""

    def __init__(self, values):
        self._values = values
        super().__init__({"index": In(range(max(2, len(values)))), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(select(self.index, [C(value, 8) for value in self._values]))
        return m


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 16])
def test_every_index(count):
    values = [(37 * index + 11) % 256 for index in range(count)]
    dut = Chooser(values)

    async def bench(ctx):
        for index, value in enumerate(values):
            ctx.set(dut.index, index)
            assert ctx.get(dut.o) == value

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def test_an_index_wider_than_the_values():
    assert select(Signal(4), [C(7, 3)]).value == 7
