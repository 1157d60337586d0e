"""`select` chooses the value of an index, for any number of values; the lowest bit of a set, and its number."""

import pytest
from amaranth.hdl import C, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from hw.stream.select import any_of, lowest_bit, number_of, select


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


class LowestBit(wiring.Component):
    """The lowest bit of `i`, alone, and its number; and whether any is set."""

    def __init__(self, width):
        super().__init__({"i": In(width), "bit": Out(width), "number": Out(8), "some": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.bit.eq(lowest_bit(self.i)), self.number.eq(number_of(self.bit)),
                     self.some.eq(any_of(list(self.i)))]
        return m


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8])
def test_lowest_bit_of_every_value(width):
    dut = LowestBit(width)

    async def bench(ctx):
        for value in range(1 << width):
            ctx.set(dut.i, value)
            number = min((place for place in range(width) if value >> place & 1), default=0)
            assert (ctx.get(dut.bit), ctx.get(dut.number)) == (bool(value) << number, number)
            assert ctx.get(dut.some) == (value != 0)

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
