"""Places of a column's memories for what is sent to them."""

from amaranth.hdl import Mux, Signal, Value

__all__ = ["group_places"]


def group_places(m, last_row, row_places, most, restart, left, goes):
    """Count the places that are free: at first those of two groups, one on either side of the memories.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    last_row : Value
        Number of a group's last memory row, less than ``most / (2 row_places)``.
    row_places : int
        Places in a memory row.
    most : int
        Places of all memory rows of both sides.
    restart : Value
        Nothing is there, or on its way.
    left : Value
        Number of places that become free.
    goes : Value
        One is taken; only where there is one.

    Returns
    -------
    Signal
        Register: there is a place.
    """
    free, some, left = Signal(range(most + 1), name="places"), Signal(name="some_places"), Value.cast(left)
    m.d.sync += [
        free.eq(Mux(restart, (last_row + 1) * (2 * row_places), free + left - goes)),
        # Of the sum itself it would be known a carry later.
        some.eq(restart | left.any() | (free[1:] != 0) | (free[0] & ~goes)),
    ]
    return some
