"""Places of a queue for what is on its way to it."""

from amaranth.hdl import C, Signal

__all__ = ["credits"]


def credits(m, depth, room, came, leaves, name):
    """Count what is on its way to a queue, or in it, so that it need not be refused.

    Everything is counted a cycle late, which keeps the handshakes of both ends apart; meanwhile two more may set out.

    Parameters
    ----------
    m : Module
        Module that the registers are added to.
    depth : int
        Places of the queue, more than 3.
    room : Signal
        To be assigned: a register, 1 at first, whether something may set out.
    came : Signal
        Register: something has set out in the cycle before.
    leaves : sequence of Value
        Something leaves the queue, or does not come after all; one thing each.
    name : str
        Stem of the registers' names.

    Returns
    -------
    Value
        Whether there is anything.
    """
    stored = Signal(range(depth + 1), name=f"{name}_stored")
    left = [Signal(name=f"{name}_left{number}") for number in range(len(leaves))]
    m.d.sync += [*(register.eq(value) for register, value in zip(left, leaves, strict=True)),
                 stored.eq(stored + came - sum(left, C(0, 1))), room.eq(stored < depth - 3)]
    return came | (stored != 0)
