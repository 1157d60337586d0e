"""How full a queue is, with flags that tell what may be done."""

from amaranth.hdl import Mux, Signal

__all__ = ["occupancy"]


def occupancy(m, depth, push, pop):
    """Items that a memory holds. Whether there are any, and room for more, are registers that follow from how the
    number changes: no path goes through a comparison of it.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    depth : int
        Most items, at least 1.
    push, pop : Signal
        An item comes, only with room; one goes, only if there are some. Which way the number changes follows from
        `push` alone, so that `pop` may be known last.

    Returns
    -------
    stored, some, room : Signal
    """
    stored, some, room = Signal(range(depth + 1)), Signal(), Signal(init=1)
    with m.If(push ^ pop):
        m.d.sync += [stored.eq(Mux(push, stored + 1, stored - 1)), some.eq(push | (stored != 1)),
                     room.eq(~push | (stored != depth - 1))]
    return stored, some, room
