"""Rotation of a list of values."""

from amaranth.hdl import Mux

__all__ = ["rotated"]


def rotated(values, amount, back=False):
    """Values ``(place + amount) % P``, of P values, or with `back` values ``(place - amount) % P``.

    Parameters
    ----------
    values : list of Value
        A power of two of them.
    amount : Value
        Unsigned.
    back : bool
    """
    values = list(values)
    for bit in range(min(len(amount), (len(values) - 1).bit_length())):
        by = -(1 << bit) if back else 1 << bit
        values = [Mux(amount[bit], values[(place + by) % len(values)], value) for place, value in enumerate(values)]
    return values
