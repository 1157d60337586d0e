"""Results of all engines as beats of the bus."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2

from hw.stream import Arbiter, Buffer

from .layouts import Result

__all__ = ["Collector"]


class Collector(wiring.Component):
    """A lane of the bus for each group of engines; of a group, one result a cycle.

    Two at a time share a buffer, and of these again two, so that no choice is among many: latency ``ceil(log2 n)``
    cycles for n engines of a group, and 1 for one.

    Members
    -------
    i : In(stream of Result).array(engines)
    lanes : Out(stream of Result).array(lanes)
    busy : Out(1)
        There are results, a cycle late.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        self.lanes_count = min(p.engines, p.results_of_beat)
        result = stream.Signature(Result(p))
        super().__init__({"i": In(result).array(p.engines), "lanes": Out(result).array(self.lanes_count),
                          "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        count, held = self.lanes_count, []
        for lane in range(count):
            sources = [flipped(self.i[number]) for number in range(lane, p.engines, count)]
            for level in range(max(1, ceil_log2(len(sources)))):
                pairs, sources = [sources[number:number + 2] for number in range(0, len(sources), 2)], []
                for number, pair in enumerate(pairs):
                    m.submodules[f"buffer{lane}_{level}_{number}"] = buffer = Buffer(Result(p))
                    if len(pair) == 1:
                        connect(m, pair[0], buffer.i)
                    else:
                        m.submodules[f"arbiter{lane}_{level}_{number}"] = arbiter = Arbiter(Result(p), 2)
                        connect(m, pair[0], arbiter.i[0])
                        connect(m, pair[1], arbiter.i[1])
                        connect(m, arbiter.o, buffer.i)
                    sources.append(buffer.o)
                held += [source.valid for source in sources]
            connect(m, sources[0], flipped(self.lanes[lane]))
        m.d.sync += self.busy.eq(Cat([source.valid for source in self.i] + held).any())
        return m
