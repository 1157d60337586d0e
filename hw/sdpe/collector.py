"""Results of all engines as beats of the bus."""

from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.stream import Arbiter, Buffer

from .layouts import Result

__all__ = ["Collector"]


class Collector(wiring.Component):
    """A lane of the bus for each group of engines; of a group, one result a cycle.

    Members
    -------
    i : In(stream of Result).array(engines)
    lanes : Out(stream of Result).array(lanes)
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
        count = self.lanes_count
        for lane in range(count):
            sources = [self.i[number] for number in range(lane, p.engines, count)]
            m.submodules[f"buffer{lane}"] = buffer = Buffer(Result(p))
            if len(sources) == 1:
                connect(m, flipped(sources[0]), buffer.i)
            else:
                m.submodules[f"arbiter{lane}"] = arbiter = Arbiter(Result(p), len(sources))
                for number, source in enumerate(sources):
                    connect(m, flipped(source), arbiter.i[number])
                connect(m, arbiter.o, buffer.i)
            connect(m, buffer.o, flipped(self.lanes[lane]))
        m.d.comb += self.busy.eq(Cat([source.valid for source in self.i] + [lane.valid for lane in self.lanes]).any())
        return m
