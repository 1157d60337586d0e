"""Right shift that remembers whether it lost anything."""

from amaranth.hdl import Mux

__all__ = ["sticky_shift"]


def sticky_shift(value, lost, amount, bits):
    """Shift right by some of the bits of an amount, the highest first: a level of two-way multiplexers each.

    Parameters
    ----------
    value : Value
    lost : Value
        Whether bits that are not 0 were lost before, 1 bit.
    amount : Value
    bits : range
        Which bits of `amount`, from the lowest.

    Returns
    -------
    value, lost : Value
        The width of `value` stays.
    """
    for bit in reversed(bits):
        lost = lost | (amount[bit] & value[:1 << bit].any())
        value = Mux(amount[bit], value >> (1 << bit), value)
    return value, lost
