"""Counters of a nested walk, with a flag for their last value."""

from amaranth.hdl import Mux, Signal, Value
from amaranth.utils import bits_for

__all__ = ["counter"]


def counter(m, last, advance, restart, name):
    """Count from 0 to `last`, again and again. That it is at `last` is told by a register, and not by a comparison.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    last : Value or int
        A value that does not change between `restart` and the last `advance`, nor in the cycle before `restart`.
    advance : Value
        On to the next number.
    restart : Value
        Back to 0, whatever `advance` says. Needed before the first `advance`, unless `last` is an int.
    name : str
        Stem of the registers' names.

    Returns
    -------
    value, at_last : Signal
    """
    width = max(1, bits_for(last) if isinstance(last, int) else len(last))
    value = Signal(width, name=name)
    if isinstance(last, int):
        single, before_last = int(last == 0), value == max(last - 1, 0)
        at_last = Signal(init=single, name=f"{name}_at_last")
    else:
        # A second counter says how many are left: it is compared with a constant, and not with a value.
        at_last = Signal(name=f"{name}_at_last")
        single, left = Signal(name=f"{name}_single"), Signal(width, name=f"{name}_left")
        m.d.sync += single.eq(Value.cast(last) == 0)
        before_last = left == 1
        with m.If(restart):
            m.d.sync += left.eq(last)
        with m.Elif(advance):
            m.d.sync += left.eq(Mux(at_last, last, left - 1))
    with m.If(restart):
        m.d.sync += [value.eq(0), at_last.eq(single)]
    with m.Elif(advance):
        m.d.sync += [value.eq(Mux(at_last, 0, value + 1)), at_last.eq(Mux(at_last, single, before_last))]
    return value, at_last
