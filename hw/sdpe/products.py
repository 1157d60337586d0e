"""What both kinds of sums of products share: their ports, one match after another, and where results go."""

from amaranth.hdl import Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.stream import PointerFifo
from hw.stream.select import any_of, is_single, lowest_bit

from .layouts import Job, Result
from .match import Matches

__all__ = ["give_results", "pick_matches", "sum_members"]


def sum_members(parameters):
    """Members of :class:`~hw.sdpe.integer_sum.IntegerSum`, as others of its kind have them."""
    p = parameters
    return {
        "i": In(stream.Signature(Matches(p))), "job": In(stream.Signature(Job())), "drop_zeros": In(1),
        "o": Out(stream.Signature(Result(p))), "finished": Out(1), "product": Out(1), "busy": Out(1),
    }


def pick_matches(m, parameters, source, goes):
    """One match after another out of a queue of them, the lowest index first.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    parameters : FlaashParameters
    source : stream of Matches
    goes : Value
        One may be taken.

    Returns
    -------
    a, b, hit, ends : Signal
        Registers: the two values, whether there are any, and whether the dot product ends with them.
    """
    p, head = parameters, source.payload
    left, taken = Signal(p.window), Signal(p.window)
    one = lowest_bit(left)
    final = Signal()
    m.d.comb += [left.eq(head.hits & ~taken), final.eq(is_single(left)), source.ready.eq(goes & final)]
    now = goes & source.valid
    with m.If(now):
        m.d.sync += taken.eq(Mux(final, 0, taken | one))
    a, b = (Signal(p.value_width, name=side, reset_less=True) for side in "ab")
    hit, ends = Signal(), Signal()
    m.d.sync += [
        *(value.eq(any_of([head[side][n] & one[n].replicate(p.value_width) for n in range(p.window)]))
          for side, value in (("a", a), ("b", b))),
        hit.eq(now & one.any()), ends.eq(now & final & head.ends),
    ]
    return a, b, hit, ends


def give_results(m, parameters, unit, depth, gives, result, last):
    """Results to the port of a unit, by way of a queue; what is dropped is found in a cycle of its own.

    Parameters
    ----------
    m : Module
        Module that the registers and the submodule `results` are added to.
    parameters : FlaashParameters
    unit : Component
        With the members of `sum_members`; `o` and `finished` are assigned.
    depth : int
        Of the queue, which has a place for each result.
    gives : Value
        There is a result.
    result : Result
    last : Value
        It is the last one of its bundle.

    Returns
    -------
    Signal
        Pulse: a result was dropped.
    """
    m.submodules.results = results = PointerFifo(Result(parameters), depth)
    connect(m, results.o, flipped(unit.o))
    tested, stays, dropped, final = Signal(Result(parameters), reset_less=True), Signal(), Signal(), Signal()
    zero = unit.drop_zeros & (result.value == 0)
    m.d.sync += [tested.eq(result), stays.eq(gives & ~zero), dropped.eq(gives & zero), final.eq(gives & last),
                 unit.finished.eq(final)]
    m.d.comb += [results.i.payload.eq(tested), results.i.valid.eq(stays)]
    return dropped
