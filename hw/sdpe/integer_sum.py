"""Sums of products of integers."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring

from hw.arith.multiply import Multiply
from hw.stream.credits import credits
from hw.stream.delay import delay

from .layouts import Result
from .products import give_results, pick_matches, sum_members

__all__ = ["IntegerSum"]


class IntegerSum(wiring.Component):
    """``sum += a * b``, a product a cycle; sums wrap.

    Latency from the last match of a dot product to its result: 7 cycles.

    Members
    -------
    i : In(stream of Matches)
        Behind a queue: ready follows valid.
    job : In(stream of Job)
        Where the sums go, in order.
    drop_zeros : In(1)
        Results that are zero are dropped.
    o : Out(stream of Result)
    finished : Out(1)
        Pulse: the last result of a bundle is there, or dropped.
    product : Out(1)
        Pulse, for counting.
    busy : Out(1)
    """

    _QUEUE = 16

    def __init__(self, parameters):
        self._parameters = parameters
        super().__init__(sum_members(parameters))

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        value = signed(p.value_width)
        m.submodules.multiply = multiply = Multiply(value, value, p.vendor)
        # Results that are on their way have places, too.
        room = Signal(init=1)
        a, b, hit, ends = pick_matches(m, p, self.i, room)
        m.d.comb += [multiply.a.eq(a), multiply.b.eq(b), self.product.eq(hit)]
        valid, end = delay(m, hit, Multiply.latency, "hit"), delay(m, ends, Multiply.latency, "ends")

        total, following = Signal(signed(p.accumulator)), Signal(signed(p.accumulator))
        m.d.comb += following.eq(total + Mux(valid, multiply.p, 0))
        result, ready, last = Signal(Result(p), reset_less=True), Signal(), Signal()
        with m.If(valid | end):
            m.d.sync += total.eq(Mux(end, 0, following))
        m.d.sync += [
            ready.eq(end), result.value.eq(following), result.destination.eq(self.job.payload.destination),
            last.eq(self.job.payload.last),
        ]
        m.d.comb += self.job.ready.eq(end)
        dropped = give_results(m, p, self, self._QUEUE, ready, result, last)
        underway = credits(m, self._QUEUE, room, ends, (self.o.valid & self.o.ready, dropped), "underway")
        m.d.comb += self.busy.eq(underway | self.i.valid)
        return m
