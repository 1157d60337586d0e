"""A small memory that is read in the cycle of its address."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["RegisterFile"]


class RegisterFile(wiring.Component):
    """Memory with one writing port and one reading port without latency, for LUT RAM; all zero at power-up.

    Parameters
    ----------
    width, depth : int
        Bits of a word, number of words.

    Members
    -------
    write_enable, write_address, write_data : In
    read_address : In
    read_data : Out(width)
        What was written before this cycle.
    """

    def __init__(self, width, depth):
        self._width, self._depth = width, depth
        address = max(1, ceil_log2(depth))
        super().__init__({
            "write_enable": In(1), "write_address": In(address), "write_data": In(width),
            "read_address": In(address), "read_data": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=self._width, depth=max(2, self._depth), init=[],
                                               attrs={"ram_style": "distributed"})
        write, read = ram.write_port(), ram.read_port(domain="comb")
        m.d.comb += [
            write.en.eq(self.write_enable), write.addr.eq(self.write_address), write.data.eq(self.write_data),
            read.addr.eq(self.read_address), self.read_data.eq(read.data),
        ]
        return m
