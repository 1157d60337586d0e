"""Fiber pointers of a tensor, several a row."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream.block_memory import BlockMemory

__all__ = ["PointerMemory", "PointerRow", "pointer_row_bits"]


def pointer_row_bits(parameters):
    """Bits of the number of a row of pointers."""
    return max(1, ceil_log2(parameters.fibers // parameters.bundle))


class PointerRow(data.StructLayout):
    """Where consecutive fibers end, and where the first of them starts."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"start": p.pointer_bits, "ends": data.ArrayLayout(p.pointer_bits, p.bundle)})


class PointerMemory(wiring.Component):
    """Rows of pointers. Latency of a read: 2 cycles.

    Members
    -------
    write_enable, write_row : In
    write_data : In(PointerRow)
    row : In
    data : Out(PointerRow)
    """

    latency = 2

    def __init__(self, parameters):
        p = self._parameters = parameters
        address = pointer_row_bits(p)
        super().__init__({"write_enable": In(1), "write_row": In(address), "write_data": In(PointerRow(p)),
                          "row": In(address), "data": Out(PointerRow(p))})

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.ram = ram = shared(BlockMemory, PointerRow(p).size, 1 << pointer_row_bits(p), latency=self.latency,
                                        vendor=p.vendor)
        m.d.comb += [
            ram.write_enable.eq(self.write_enable), ram.write_address.eq(self.write_row),
            ram.write_data.eq(self.write_data), ram.read_enable.eq(1), ram.read_address.eq(self.row),
            self.data.eq(ram.read_data),
        ]
        return m
