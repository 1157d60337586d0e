"""Binary multiplexers, and what else chooses among bits."""

from amaranth.hdl import Cat, Mux

__all__ = ["any_of", "is_single", "lowest_bit", "number_of", "select"]


def select(index, values):
    """Value number `index`, by a tree of two-way multiplexers.

    A `Switch` over the index gives a decoder and an AND-OR plane, which takes about twice the look-up tables of
    this tree. An index beyond the values gives any of them.

    Parameters
    ----------
    index : Value
        Unsigned.
    values : sequence of Value
        At least one, of equal shape.
    """
    values = list(values)
    for bit in range(len(index)):
        if len(values) == 1:
            break
        values = [Mux(index[bit], values[place + 1], values[place]) if place + 1 < len(values) else values[place]
                  for place in range(0, len(values), 2)]
    return values[0]


def any_of(values):
    """Bitwise OR of values; at least one."""
    total, *others = values
    for value in others:
        total = total | value
    return total


def is_single(value):
    """Whether at most one bit of a value is set."""
    return ~any_of([value[n] & value[:n].any() for n in range(len(value))])


def lowest_bit(value):
    """The lowest bit of a value that is set, alone; 0 if none is. Not ``value & -value``, a chain of carries."""
    return Cat(value[n] & ~value[:n].any() for n in range(len(value)))


def number_of(bit):
    """Number of the one bit that is set, 0 if none is; of at least one bit."""
    width = max(1, (len(bit) - 1).bit_length())
    return Cat((bit & sum(1 << place for place in range(len(bit)) if place >> weight & 1)).any()
               for weight in range(width))
