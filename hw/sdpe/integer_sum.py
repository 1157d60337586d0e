"""Products of the matches and their sums, of integers."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.arith.multiply import Multiply
from hw.stream import PointerFifo
from hw.stream.delay import delay
from hw.stream.select import any_of, lowest_bit

from .layouts import Job, Result
from .match import Matches

__all__ = ["IntegerSum", "pick_matches"]


def pick_matches(m, parameters, source, goes):
    """One match after another out of a queue of them, the lowest index first.

    Parameters
    ----------
    m : Module
    parameters : FlaashParameters
    source : stream of Matches
    goes : Value
        One may be taken.

    Returns
    -------
    a, b, hit, ends : Value
        The two values, whether there are any, and whether the dot product ends with this; only with `goes`.
    """
    p, head = parameters, source.payload
    left, taken = Signal(p.window), Signal(p.window)
    one = lowest_bit(left)
    final = Signal()
    m.d.comb += [left.eq(head.hits & ~taken), final.eq((left & ~one) == 0), source.ready.eq(goes & final)]
    now = goes & source.valid
    with m.If(now):
        m.d.sync += taken.eq(Mux(final, 0, taken | one))
    a, b = (any_of([head[side][n] & one[n].replicate(p.value_width) for n in range(p.window)]) for side in "ab")
    return a, b, now & one.any(), now & final & head.ends


class IntegerSum(wiring.Component):
    """``sum += a * b``, a product a cycle; sums wrap.

    Latency from the last match of a dot product to its result: 6 cycles.

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
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Matches(p))), "job": In(stream.Signature(Job())), "drop_zeros": In(1),
            "o": Out(stream.Signature(Result(p))), "finished": Out(1), "product": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        value = signed(p.value_width)
        m.submodules.multiply = multiply = Multiply(value, value, p.vendor)
        m.submodules.results = results = PointerFifo(Result(p), self._QUEUE)
        wiring.connect(m, results.o, wiring.flipped(self.o))
        # Results that are on their way have places, too.
        underway, room = Signal(range(self._QUEUE + 1)), Signal(init=1)
        a, b, hit, ends = pick_matches(m, p, self.i, room)
        operands = [Signal(value, name=name, reset_less=True) for name in "ab"]
        hits, ending = Signal(), Signal()
        m.d.sync += [operands[0].eq(a), operands[1].eq(b), hits.eq(hit), ending.eq(ends)]
        m.d.comb += [multiply.a.eq(operands[0]), multiply.b.eq(operands[1]), self.product.eq(hits)]
        valid, end = delay(m, hits, Multiply.latency, "hits"), delay(m, ending, Multiply.latency, "ending")

        total, following = Signal(signed(p.accumulator)), Signal(signed(p.accumulator))
        m.d.comb += following.eq(total + Mux(valid, multiply.p, 0))
        result, ready = Signal(Result(p), reset_less=True), Signal()
        last, zero = Signal(), Signal()
        with m.If(valid | end):
            m.d.sync += total.eq(Mux(end, 0, following))
        m.d.sync += [
            ready.eq(end), result.value.eq(following), result.destination.eq(self.job.payload.destination),
            last.eq(self.job.payload.last), self.finished.eq(ready & last),
        ]
        m.d.comb += [
            self.job.ready.eq(end), zero.eq(result.value == 0),
            results.i.payload.eq(result), results.i.valid.eq(ready & ~(zero & self.drop_zeros)),
        ]
        # Counted a cycle late; meanwhile two more may begin.
        taken, dropped = Signal(), Signal()
        m.d.sync += [
            taken.eq(self.o.valid & self.o.ready), dropped.eq(ready & zero & self.drop_zeros),
            underway.eq(underway + ending - taken - dropped), room.eq(underway < self._QUEUE - 3),
        ]
        m.d.comb += self.busy.eq(underway.any() | ending | self.i.valid)
        return m
