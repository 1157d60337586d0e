"""Powers of two, the models of `hw.arith.exp2`."""

import numpy as np


def exp2(f, table):
    """Model of `Exp2`.

    Parameters
    ----------
    f : array of int
        Arguments, ``table.fraction_bits`` bits.
    table : hw.arith.BipartiteTable
        Attribute `table` of the component.

    Returns
    -------
    ndarray of int64
        ``2**f`` with ``table.output_bits`` fraction bits.
    """
    f = np.asarray(f, dtype=np.int64)
    total = np.asarray(table.coarse, dtype=np.int64)[f >> table.low_bits]
    if table.fine:
        high = f >> (table.low_bits + table.middle_bits)
        low = f & ((1 << table.low_bits) - 1)
        total = total + np.asarray(table.fine, dtype=np.int64)[(high << table.low_bits) | low]
    return (1 << table.output_bits) + (total >> table.guard_bits)


def scaled_exp2(z, table, zclip, output_fraction):
    """Model of `ScaledExp2`.

    Parameters
    ----------
    z : array of int
        Arguments with ``table.fraction_bits`` fraction bits.
    table : hw.arith.BipartiteTable
        Attribute `table` of the component.
    zclip, output_fraction : int
        As for the component.

    Returns
    -------
    result : ndarray of int64
        ``2**z`` with `output_fraction` fraction bits.
    clipped, positive : ndarray of bool
    """
    z = np.asarray(z, dtype=np.int64)
    integer = z >> table.fraction_bits
    mantissa = exp2(z & ((1 << table.fraction_bits) - 1), table)
    clipped = integer >= zclip

    # result = floor(mantissa * 2**(integer - output_bits + output_fraction) + 1/2), with the half added as a
    # last bit. Shifts are limited to stay legal where the result is decided anyway.
    places = np.maximum(np.minimum(integer, zclip - 1) + output_fraction + 1 - table.output_bits, -62)
    halves = np.where(places < 0, mantissa >> np.maximum(-places, 0), mantissa << np.maximum(places, 0))
    result = (halves + 1) >> 1
    return np.where(clipped, 1 << (zclip + output_fraction), result), clipped, z > 0
