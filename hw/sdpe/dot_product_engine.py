"""A sparse dot product engine: bundles of work in, results out."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.stream.delay import delay

from .fiber_fetch import FiberFetch
from .float_sum import FloatSum
from .integer_sum import IntegerSum
from .intersection import Intersection
from .layouts import Bundle, Result
from .tensor_memory import ReadPort

__all__ = ["DotProductEngine"]


class DotProductEngine(wiring.Component):
    """Dot products of a fiber of a with fibers of b (SDPE).

    ::

        bundles -> fetch of both fibers -> intersection -> sum -> results

    Fetch works ahead, across bundles. What bounds the engine is the intersection, a pair of windows a cycle; next come
    the memory, a row a cycle, the sum, a product a cycle, and for jobs of one pair the cycle in which a merge gets its
    first windows.

    Members
    -------
    i : In(stream of Bundle)
        With entries of a, and of at least one fiber of b.
    restart : In(1)
        Pulse, while not busy: the memory has other tensors.
    drop_zeros : In(1)
        Results that are zero are dropped.
    read : Out(ReadPort)
    o : Out(stream of Result)
    finished : Out(1)
        Pulse: all results of a bundle are at `o`, or taken.
    busy : Out(1)
    compares, products, begins, waits, starved : Out(1)
        For counting: a pair of windows, a multiplication, a job, a row that is wanted when its bank is another's, a
        job that has no windows to compare.

    Source: FLAASH (arXiv 2404.16317), the SDPE.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Bundle(p))), "restart": In(1), "drop_zeros": In(1), "read": Out(ReadPort(p)),
            "o": Out(stream.Signature(Result(p))), "finished": Out(1), "busy": Out(1),
            "compares": Out(1), "products": Out(1), "begins": Out(1), "waits": Out(1), "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.fetch = fetch = FiberFetch(p)
        m.submodules.intersection = intersection = Intersection(p)
        m.submodules.sum = total = (FloatSum if p.is_float else IntegerSum)(p)
        connect(m, flipped(self.i), fetch.i)
        connect(m, fetch.read, flipped(self.read))
        connect(m, intersection.o, total.i)
        connect(m, intersection.jobs, total.job)
        connect(m, total.o, flipped(self.o))
        for name in ("valid_a", "window_a", "first_a", "valid_b", "window_b", "first_b", "job", "another", "long"):
            m.d.comb += getattr(intersection, name).eq(getattr(fetch, name))
        m.d.comb += [
            fetch.room_a.eq(intersection.room_a), fetch.room_b.eq(intersection.room_b),
            fetch.restart.eq(self.restart),
            total.drop_zeros.eq(delay(m, self.drop_zeros, 1, "drop_zeros", apart=True)),
            self.finished.eq(total.finished),
        ]
        m.d.sync += [
            self.busy.eq(fetch.busy | intersection.busy | total.busy),
            self.compares.eq(intersection.compares), self.products.eq(total.product),
            self.begins.eq(intersection.begins), self.waits.eq(fetch.waits), self.starved.eq(intersection.starved),
        ]
        return m
