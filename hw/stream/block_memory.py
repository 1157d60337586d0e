"""A memory with one writing and one reading port."""

from amaranth.hdl import Module
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["BlockMemory"]


class BlockMemory(wiring.Component):
    """Simple dual-port memory, all zero at power-up.

    Parameters
    ----------
    width, depth : int
        Bits of a word, number of words.
    distributed : bool
        Use LUT RAM where the target has it, and not block RAM.

    Members
    -------
    write_enable, write_address, write_data : In
    read_enable, read_address : In
    read_data : Out(width)
        One cycle after its address; held while `read_enable` is low. Undefined when the word is written in the
        cycle in which it is read: without that freedom Yosys adds a bypass of registers to every block RAM.
    """

    def __init__(self, width, depth, distributed=False):
        self._width, self._depth = width, depth
        self._attributes = {"no_rw_check": 1} | ({"ram_style": "distributed"} if distributed else {})
        super().__init__({
            "write_enable": In(1),
            "write_address": In(ceil_log2(depth)),
            "write_data": In(width),
            "read_enable": In(1),
            "read_address": In(ceil_log2(depth)),
            "read_data": Out(width),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=self._width, depth=self._depth, init=[],
                                               attrs=self._attributes)
        write, read = ram.write_port(), ram.read_port()
        m.d.comb += [
            write.en.eq(self.write_enable), write.addr.eq(self.write_address), write.data.eq(self.write_data),
            read.en.eq(self.read_enable), read.addr.eq(self.read_address), self.read_data.eq(read.data),
        ]
        return m
