"""The order of pairs."""

from hw.stream.select import select

__all__ = ["paired", "unpaired"]


def _first_place(unit, exponent):
    """Place of the first word of a unit, when pairs are ``2^exponent`` apart."""
    below = (1 << exponent) - 1
    return ((unit & ~below) << 1) | (unit & below)


def paired(values, pairing):
    """First and second words of the units, whose distance is ``2^pairing``."""
    units = range(len(values) // 2)
    exponents = range((len(values) - 1).bit_length())
    first = [select(pairing, [values[_first_place(unit, e)] for e in exponents]) for unit in units]
    second = [select(pairing, [values[_first_place(unit, e) | (1 << e)] for e in exponents]) for unit in units]
    return first, second


def unpaired(first, second, pairing):
    """Words in the order of their places, from the first and the second words of the units."""
    exponents = range((2 * len(first) - 1).bit_length())

    def word(place, e):
        unit = ((place >> (e + 1)) << e) | (place & ((1 << e) - 1))
        return (second if place >> e & 1 else first)[unit]

    return [select(pairing, [word(place, e) for e in exponents]) for place in range(2 * len(first))]
