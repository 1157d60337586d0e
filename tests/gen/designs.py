"""Small designs that the tests emit and synthesise."""

from amaranth.hdl import EnableInserter, Module, Mux, ResetInserter, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.shared import shared


class CompareExchange(wiring.Component):
    latency = 1

    def __init__(self, width, rising=True):
        self.rising = rising
        super().__init__({"a": In(width), "b": In(width), "low": Out(width), "high": Out(width)})

    def elaborate(self, platform):
        m = Module()
        swap = Signal()
        m.d.comb += swap.eq(self.a > self.b if self.rising else self.a < self.b)
        m.d.sync += [self.low.eq(Mux(swap, self.b, self.a)), self.high.eq(Mux(swap, self.a, self.b))]
        return m


class BitonicSorter(wiring.Component):
    def __init__(self, width, items):
        self.width, self.items = width, items
        super().__init__({"i": In(data.ArrayLayout(width, items)), "o": Out(data.ArrayLayout(width, items))})

    def elaborate(self, platform):
        m = Module()
        values = [self.i[index] for index in range(self.items)]
        block = 2
        while block <= self.items:
            stride = block // 2
            while stride:
                for index in range(self.items):
                    if index & stride:
                        continue
                    step = shared(CompareExchange, self.width, rising=not index & block)
                    m.submodules[f"step_{block}_{stride}_{index}"] = step
                    m.d.comb += [step.a.eq(values[index]), step.b.eq(values[index | stride])]
                    values[index], values[index | stride] = step.low, step.high
                stride //= 2
            block *= 2
        m.d.comb += [output.eq(value) for output, value in zip(self.o, values, strict=True)]
        return m


class SorterChain(wiring.Component):
    def __init__(self, sorters, width=8, items=4):
        self.sorters, self.width, self.items = sorters, width, items
        super().__init__({"i": In(data.ArrayLayout(width, items)), "o": Out(data.ArrayLayout(width, items))})

    def elaborate(self, platform):
        m = Module()
        value = self.i
        for index in range(self.sorters):
            m.submodules[f"sorter_{index}"] = sorter = shared(BitonicSorter, self.width, self.items)
            m.d.comb += sorter.i.eq(value)
            value = sorter.o
        m.d.comb += self.o.eq(value)
        return m


class MultiplyAccumulate(wiring.Component):
    a: In(signed(8))
    b: In(signed(8))
    clear: In(1)
    o: Out(signed(24))

    latency = 2

    def elaborate(self, platform):
        m = Module()
        product = Signal(signed(16))
        m.d.sync += [product.eq(self.a * self.b), self.o.eq(Mux(self.clear, 0, self.o) + product)]
        return m


class Table(wiring.Component):
    """A memory with a write and a read port; ``init`` are its first words."""

    def __init__(self, width, depth, init=()):
        self.width, self.depth, self.init = width, depth, init
        super().__init__({"write_address": In(range(depth)), "write_data": In(width), "write": In(1),
                          "read_address": In(range(depth)), "o": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=self.init)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.addr.eq(self.write_address), write.data.eq(self.write_data),
                     write.en.eq(self.write), read.addr.eq(self.read_address), self.o.eq(read.data)]
        return m


class Adder(wiring.Component):
    """A component without registers."""

    a: In(8)
    b: In(8)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.a + self.b)
        return m


class Counter(wiring.Component):
    """Counts from 3, beside a register that no reset touches and, if wanted, a table."""

    def __init__(self, has_table=True):
        self.has_table = has_table
        super().__init__({"i": In(8), "count": Out(8, init=3), "total": Out(8), "looked_up": Out(8)})

    def elaborate(self, platform):
        m = Module()
        kept = Signal(8, reset_less=True)
        m.submodules.adder = adder = shared(Adder)
        m.d.comb += [adder.a.eq(kept), adder.b.eq(self.i), self.total.eq(kept)]
        m.d.sync += [self.count.eq(self.count + 1), kept.eq(adder.o)]
        if self.has_table:
            m.submodules.table = table = shared(Table, 8, 4)
            m.d.comb += [table.write_address.eq(self.i), table.write_data.eq(self.count),
                         table.write.eq(self.i[7]), table.read_address.eq(self.i[2:]),
                         self.looked_up.eq(table.o)]
        return m


class Controlled(wiring.Component):
    """Shared counters under every order of inserted resets and enables."""

    def __init__(self, tables=True):
        self.tables = tables
        self.wrappers = (
            lambda r, e, f: lambda x: x,
            lambda r, e, f: ResetInserter(r),
            lambda r, e, f: EnableInserter(e),
            lambda r, e, f: lambda x: ResetInserter(r)(EnableInserter(e)(x)),
            lambda r, e, f: lambda x: EnableInserter(e)(ResetInserter(r)(x)),
            lambda r, e, f: lambda x: EnableInserter(f)(ResetInserter(r)(EnableInserter(e)(x))),
            lambda r, e, f: lambda x: ResetInserter(f)(EnableInserter(e)(ResetInserter(r)(x))),
        )
        super().__init__({"i": In(8), "reset": In(1), "enable": In(1), "other": In(1),
                          "o": Out(data.ArrayLayout(24, len(self.wrappers)))})

    def elaborate(self, platform):
        m = Module()
        for index, wrapper in enumerate(self.wrappers):
            counter = shared(Counter, self.tables)
            m.submodules[f"counter_{index}"] = wrapper(self.reset, self.enable, self.other)(counter)
            m.d.comb += [counter.i.eq(self.i), self.o[index][:8].eq(counter.count),
                         self.o[index][8:16].eq(counter.total), self.o[index][16:].eq(counter.looked_up)]
        return m


class Accelerator(wiring.Component):
    """A memory that feeds multipliers, beside a sorter."""

    def __init__(self, lanes, depth=512):
        self.lanes, self.depth = lanes, depth
        super().__init__({
            "write_address": In(range(depth)), "write_data": In(8 * lanes), "write": In(1),
            "read_address": In(range(depth)), "b": In(signed(8)), "clear": In(1),
            "o": Out(data.ArrayLayout(signed(24), lanes)),
            "unsorted": In(data.ArrayLayout(8, 4)), "sorted": Out(data.ArrayLayout(8, 4)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.table = table = shared(Table, 8 * self.lanes, self.depth)
        m.submodules.sorter = sorter = shared(BitonicSorter, 8, 4)
        m.d.comb += [table.write_address.eq(self.write_address), table.write_data.eq(self.write_data),
                     table.write.eq(self.write), table.read_address.eq(self.read_address),
                     sorter.i.eq(self.unsorted), self.sorted.eq(sorter.o)]
        for lane in range(self.lanes):
            m.submodules[f"mac_{lane}"] = mac = shared(MultiplyAccumulate)
            m.d.comb += [mac.a.eq(table.o.word_select(lane, 8)), mac.b.eq(self.b), mac.clear.eq(self.clear),
                         self.o[lane].eq(mac.o)]
        return m
