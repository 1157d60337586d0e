"""Right shift that remembers whether it lost anything."""

from amaranth.hdl import Cat, Const, Mux

__all__ = ["lost_bits", "shift_right"]


def shift_right(value, amount, bits):
    """Shift right by some of the bits of an amount, the highest first: a level of two-way multiplexers each.

    Parameters
    ----------
    value, amount : Value
    bits : range
        Which bits of `amount`, from the lowest.

    Returns
    -------
    Value
        Of the width of `value`.
    """
    for bit in reversed(bits):
        value = Mux(amount[bit], value >> (1 << bit), value)
    return value


def lost_bits(value, amount, bits, beyond=None):
    """What a shift by the same bits loses, without waiting for it.

    Parameters
    ----------
    value, amount : Value
    bits : range
        Which bits of `amount`, from the lowest.
    beyond : Value or None
        Whether all is lost anyway, 1 bit.

    Returns
    -------
    Value
        Not 0 if any bit is lost that is not 0. It has a bit for two groups of `value`, each of as many bits as the
        lowest bit of the amount stands for, which makes two levels of look-up tables where these are up to four.
    """
    size = 1 << bits.start
    number = amount[bits.start:bits.stop]
    terms = []
    for group in range(min(len(value) // size + 1, 1 << len(number)) if beyond is None else -(-len(value) // size)):
        # A table, for a comparison would be a carry chain.
        larger = sum(1 << n for n in range(group + 1, 1 << len(number)))
        shifted = Const(larger, 1 << len(number)).bit_select(number, 1)
        if beyond is not None:
            shifted = shifted | beyond
        terms.append(shifted & value[group * size:(group + 1) * size].any())
    return Cat(Cat(pair).any() for pair in zip(terms[::2], [*terms[1::2], Const(0, 1)], strict=False))
