import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.arith import lost_bits, shift_right
from tests.streams import run


class Shifter(wiring.Component):
    def __init__(self, width, amount, bits, beyond):
        self._bits, self._beyond = bits, beyond
        super().__init__({"value": In(width), "amount": In(amount), "all": In(1), "o": Out(width), "lost": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.eq(shift_right(self.value, self.amount, self._bits)),
            self.lost.eq(lost_bits(self.value, self.amount, self._bits, self.all if self._beyond else None).any()),
        ]
        return m


@pytest.mark.parametrize("beyond", [False, True])
@pytest.mark.parametrize("width, amount, bits", [(7, 3, range(3)), (6, 4, range(1, 4)), (8, 3, range(2)),
                                                 (5, 3, range(2, 3)), (4, 2, range(0)), (9, 2, range(2))])
def test_exhaustive(width, amount, bits, beyond):
    dut = Shifter(width, amount, bits, beyond)
    taken = sum(1 << bit for bit in bits)

    async def testbench(ctx):
        for everything in range(1 + beyond):
            ctx.set(dut.all, everything)
            for places in range(1 << amount):
                ctx.set(dut.amount, places)
                shift = places & taken
                for value in range(1 << width):
                    ctx.set(dut.value, value)
                    await ctx.delay(1e-11)
                    assert ctx.get(dut.o) == value >> shift
                    lost = value if everything else value & ((1 << shift) - 1)
                    assert ctx.get(dut.lost) == (lost != 0), (value, places)

    run(dut, testbench)
