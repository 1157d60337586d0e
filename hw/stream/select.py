"""Binary multiplexers, and what else chooses among bits."""

from amaranth.hdl import C, Cat, Mux, Signal, Value

__all__ = ["above_lowest", "any_of", "lowest_bit", "number_of", "select", "several"]


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


def lowest_bit(value):
    """The lowest bit of a value that is set, alone; 0 if none is."""
    return (value & (~value + 1))[:len(value)]


def above_lowest(m, value, name):
    """Mask of the bits that are above the lowest one that is set, whether they are set or not.

    In groups of four, and groups of these: the depth grows with the logarithm of the width.

    Parameters
    ----------
    m : Module
        Module that the signals are added to.
    value : Value
    name : str
        Stem of their names.
    """
    value = Value.cast(value)
    parts = [value[start:start + 4] for start in range(0, len(value), 4)]
    above = Signal(len(value), name=f"{name}_above{len(value)}")
    before = C(0, 1)
    if len(parts) > 1:
        some = Signal(len(parts), name=f"{name}_some{len(value)}")
        m.d.comb += some.eq(Cat(part.any() for part in parts))
        before = above_lowest(m, some, name)
    m.d.comb += above.eq(Cat(before[number] | (part[:place].any() if place else 0)
                             for number, part in enumerate(parts) for place in range(len(part))))
    return above


def several(m, value, name):
    """Whether more than one bit of a value is set; see :func:`above_lowest`."""
    value = Value.cast(value)
    parts = [value[start:start + 4] for start in range(0, len(value), 4)]
    two = any_of([part[place] & part[:place].any() if place else C(0, 1)
                  for part in parts for place in range(len(part))])
    if len(parts) == 1:
        return two
    some = Signal(len(parts), name=f"{name}_some{len(value)}")
    m.d.comb += some.eq(Cat(part.any() for part in parts))
    return two | several(m, some, name)


def number_of(bit):
    """Number of the one bit that is set, 0 if none is; of at least one bit."""
    width = max(1, (len(bit) - 1).bit_length())
    return Cat((bit & sum(1 << place for place in range(len(bit)) if place >> weight & 1)).any()
               for weight in range(width))
