"""Delay lines for control signals that accompany a pipeline."""

from amaranth.hdl import Signal, Value

__all__ = ["delay"]


def delay(m, value, cycles, name):
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
    """
    value = Value.cast(value)
    if not len(value):
        return value                                         # nothing, as which it would be a warning in Verilog
    for cycle in range(1, cycles + 1):
        later = Signal(value.shape(), name=f"{name}_{cycle}")
        m.d.sync += later.eq(value)
        value = later
    return value
