"""A memory with one writing and one reading port."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .apart import APART
from .ecp5_memory import add_block_rams, block_width

__all__ = ["BlockMemory"]


class BlockMemory(wiring.Component):
    """Simple dual-port memory.

    Parameters
    ----------
    width, depth : int
        Bits of a word, number of words.
    distributed : bool
        Use LUT RAM where the target has it, and not block RAM. With a latency of 2 its address has registers of its
        own: those of memories that are read together would be one, which is far from most of them.
    latency : int
        1, or 2 with a register behind the memory: a block RAM of an ECP5 takes 5.7 ns to show a word.
    gated : bool
        The register behind the memory waits for `read_enable` as well, so that cycles in which it is low do not count.
    vendor : str
        ``"ecp5"``: the register is the one of the block RAM, which is instanced; else block RAM is inferred.
    init : tuple of int
        First words at power-up; those behind them are zero.

    Members
    -------
    write_enable, write_address, write_data : In
    read_enable, read_address : In
    read_data : Out(width)
        `latency` cycles after its address; held while `read_enable` is low. Undefined when the word is written in the
        cycle in which it is read: without that freedom Yosys adds a bypass of registers to every block RAM.

    Raises
    ------
    ValueError
        The latency is not 1 or 2.
    """

    def __init__(self, width, depth, distributed=False, latency=1, gated=False, vendor="generic",
                 init=()):
        if latency not in (1, 2):
            raise ValueError(f"latency must be 1 or 2, not {latency!r}")
        self._width, self.depth, self.latency, self._gated = width, depth, latency, gated
        self._distributed, self._vendor, self._init = distributed, vendor, init
        self._own_address = distributed and latency == 2
        self._attributes = {"ram_style": "distributed"} if distributed else {}
        if not self._own_address:                            # Yosys 0.70 stops with it where a port has no clock
            self._attributes["no_rw_check"] = 1
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
        block = block_width(self._width, self.depth)
        if self._init and block is not None and block < 9:
            block = None                                     # words lie otherwise in blocks that leave each ninth bit
        if self._vendor == "ecp5" and self.latency == 2 and not self._distributed and block is not None:
            add_block_rams(m, self, block, self._gated, self._init)
            return m
        m.submodules.ram = ram = memory.Memory(shape=self._width, depth=self.depth, init=self._init,
                                               attrs=self._attributes)
        write = ram.write_port()
        m.d.comb += [
            write.en.eq(self.write_enable), write.addr.eq(self.write_address), write.data.eq(self.write_data),
        ]
        if self._own_address:
            read, address = ram.read_port(domain="comb"), Signal.like(self.read_address, attrs=APART, reset_less=True)
            with m.If(self.read_enable):
                m.d.sync += address.eq(self.read_address)
            m.d.comb += read.addr.eq(address)
        else:
            read = ram.read_port()
            m.d.comb += [read.en.eq(self.read_enable), read.addr.eq(self.read_address)]
        if self.latency == 1:
            m.d.comb += self.read_data.eq(read.data)
        else:
            # Without a reset the register can be the one of the block RAM.
            shown = Signal(self._width, reset_less=True)
            with m.If(self.read_enable if self._gated else 1):
                m.d.sync += shown.eq(read.data)
            m.d.comb += self.read_data.eq(shown)
        return m
