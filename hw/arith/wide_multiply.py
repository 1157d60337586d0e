"""Multiplier of operands that are wider than a multiplier block's."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay

from ._check import require_range
from .multiply import Multiply


class WideMultiply(wiring.Component):
    """``p = a * b`` of unsigned operands from four products of their halves.

    Latency ``Multiply.latency + 2`` cycles, one product a cycle, free running: no handshake, enable or reset.

    Parameters
    ----------
    width : int
        Width of each operand, 2..36.
    vendor : str
        As of `Multiply`.

    Members
    -------
    a, b : In(width)
    p : Out(2 * width)

    Raises
    ------
    TypeError, ValueError
        If `width` is not an integer of the stated range, or the vendor is unknown.
    """

    latency = Multiply.latency + 2

    def __init__(self, width, vendor="generic"):
        require_range("width", width, 2, 36)
        self._width = width
        self._vendor = vendor
        # Low and high half; made here to see the vendor refused.
        self._split = (width + 1) // 2
        halves = (self._split, width - self._split)
        self._products = {(i, j): Multiply(halves[i], halves[j], vendor) for i in range(2) for j in range(2)}
        super().__init__({
            "a": In(width),
            "b": In(width),
            "p": Out(2 * width),
        })

    def elaborate(self, platform):
        m = Module()
        split = self._split
        a, b = ((operand[:split], operand[split:]) for operand in (self.a, self.b))
        for (i, j), product in self._products.items():
            m.submodules[f"product{i}{j}"] = product
            m.d.comb += [product.a.eq(a[i]), product.b.eq(b[j])]
        low, crossed, across, high = (self._products[halves].p for halves in ((0, 0), (0, 1), (1, 0), (1, 1)))

        outer = delay(m, Cat(low, high), 1, "outer", payload=True)
        middle = Signal(self._width + 1, reset_less=True)
        p = Signal(2 * self._width, reset_less=True)
        m.d.sync += [
            middle.eq(crossed + across),
            p.eq(Cat(outer[:split], outer[split:] + middle)),
        ]
        m.d.comb += self.p.eq(p)
        return m
