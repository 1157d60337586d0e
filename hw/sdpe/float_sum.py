"""Products of the matches and their sums, of floating point."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring

from hw.arith.float_add import FloatAdd
from hw.arith.float_format import FP32
from hw.arith.float_multiply import FloatMultiply
from hw.shared import shared
from hw.stream import PointerFifo
from hw.stream.credits import credits
from hw.stream.delay import delay
from hw.stream.select import select

from .layouts import Job, Result
from .products import give_results, pick_matches, sum_members

__all__ = ["FloatSum"]

#: Dot products that are summed at the same time. With as many as divide the adder's latency and one, a turn comes just
#: when a sum is back.
_SUMS = 4
_QUEUE = 16


class FloatSum(wiring.Component):
    """``sum = fl(sum + fl(a * b))`` in ascending order of the index, from +0 on; fp32.

    A sum waits for the adder, 7 cycles, before its next product. Four dot products are summed at a time, so that a
    product every other cycle is taken as long as they are evenly spread; the end of a dot product without a match is
    one more addition, of +0, which changes nothing. Results leave as they are done, not in order.

    Members
    -------
    i, job, drop_zeros, o, finished, product, busy :
        As of :class:`~hw.sdpe.integer_sum.IntegerSum`, but other results of a bundle may follow the one that is
        `finished`.
    """

    def __init__(self, parameters):
        self._parameters = parameters
        super().__init__(sum_members(parameters))

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.multiply = multiply = shared(FloatMultiply, FP32, p.vendor)
        # A product that is underway may be of any of the sums; so may a result.
        of_products, of_results = Signal(init=1), Signal(init=1)
        a, b, hit, ends = pick_matches(m, p, self.i, of_products & of_results)
        m.d.comb += [multiply.a.as_value().eq(a), multiply.b.as_value().eq(b), self.product.eq(hit)]

        # Products go to the queue of their dot product.
        latency = multiply.latency
        valid, end = delay(m, hit, latency, "hit"), delay(m, ends, latency, "ends")
        turn = Signal(range(_SUMS))
        with m.If(end):
            m.d.sync += turn.eq(turn + 1)
        item = data.StructLayout({"product": p.value_width, "ends": 1, "job": Job()})
        m.d.comb += self.job.ready.eq(end)
        queues = []
        for number in range(_SUMS):
            queue = m.submodules[f"queue{number}"] = PointerFifo(item, _QUEUE)
            queues.append(queue)
            m.d.comb += [
                queue.i.valid.eq((valid | end) & (turn == number)), queue.i.payload.ends.eq(end),
                queue.i.payload.product.eq(Mux(valid, multiply.p.as_value(), 0)),
                queue.i.payload.job.eq(self.job.payload),
            ]
        added, result = self._add(m, queues, item)

        # Results.
        # No sum is ever -0.
        given = Signal(Result(p))
        m.d.comb += [given.value.eq(result.product), given.destination.eq(result.job.destination)]
        dropped = give_results(m, p, self, _QUEUE, added & result.ends, given, result.job.last)
        adds = Cat(queue.o.valid & queue.o.ready for queue in queues).any()
        credits(m, _QUEUE, of_products, hit | ends, (adds,), "products")
        underway = credits(m, _QUEUE, of_results, ends, (self.o.valid & self.o.ready, dropped), "results")
        m.d.comb += self.busy.eq(underway | self.i.valid)
        return m

    def _add(self, m, queues, item):
        """Sums have their turn at the adder one after another; one that waits for its last addition lets it pass."""
        p = self._parameters
        m.submodules.add = add = shared(FloatAdd, FP32)
        turn = Signal(range(_SUMS))
        m.d.sync += turn.eq(turn + 1)
        sums = [Signal(p.value_width, name=f"sum{number}") for number in range(_SUMS)]
        waits = [Signal(name=f"waits{number}") for number in range(_SUMS)]
        for number, queue in enumerate(queues):
            m.d.comb += queue.o.ready.eq((turn == number) & ~waits[number])
        chosen, goes = Signal(item, reset_less=True), Signal()
        operand, place = Signal(p.value_width, reset_less=True), Signal(range(_SUMS))
        m.d.comb += [goes.eq(Cat(queue.o.valid & queue.o.ready for queue in queues).any()),
                     chosen.eq(select(turn, [queue.o.payload.as_value() for queue in queues])),
                     operand.eq(select(turn, sums))]
        m.d.comb += [add.a.as_value().eq(operand), add.b.as_value().eq(chosen.product), place.eq(turn)]
        came, at = delay(m, goes, add.latency, "adds"), delay(m, place, add.latency, "place")
        result = Signal(item)
        m.d.comb += [
            Cat(result.ends, result.job).eq(delay(m, Cat(chosen.ends, chosen.job), add.latency, "of", payload=True)),
            result.product.eq(add.o.as_value()),
        ]
        for number, (value, wait, queue) in enumerate(zip(sums, waits, queues, strict=True)):
            with m.If(came & (at == number)):
                m.d.sync += [value.eq(Mux(result.ends, 0, result.product)), wait.eq(0)]
            with m.If(queue.o.valid & queue.o.ready):
                m.d.sync += wait.eq(1)
        return came, result
