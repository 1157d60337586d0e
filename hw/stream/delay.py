"""Delay lines for what accompanies a pipeline."""

from amaranth.hdl import Signal, Value

from .apart import APART

__all__ = ["delay"]


def delay(m, value, cycles, name, *, payload=False, apart=False):
    """Delay a value by registers.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    value : Value
        What to delay.
    cycles : int
        Number of registers.
    name : str
        Stem of their names.
    payload : bool
        The value counts only beside something that says so, and its registers have no reset.
    apart : bool
        See :data:`~hw.stream.apart.APART`.
    """
    value = Value.cast(value)
    if not len(value):
        return value                                         # nothing, as which it would be a warning in Verilog
    for cycle in range(1, cycles + 1):
        later = Signal(value.shape(), name=f"{name}_{cycle}", reset_less=payload,
                       attrs=APART if apart else {})
        m.d.sync += later.eq(value)
        value = later
    return value
