"""Where the elements of a vector lie in the memory of the units, and which of them are read together."""

import numpy as np

from .transform import stages_of

__all__ = ["bank_of", "conflicts", "schedule"]


def bank_of(element, banks, row_bits=None):
    """Bank of an element: ``(i mod P + ones(i // P)) mod P``, with the number of ones in the row's number.

    Parameters
    ----------
    element : int or array of int
    banks : int
        P, two for each unit; a power of two.
    row_bits : int, optional
        How many bits of the row's number are counted, the lowest first; all by default.
    """
    element = np.asarray(element)
    row = element // banks
    if row_bits is not None:
        row = row & ((1 << row_bits) - 1)
    return (element % banks + np.bitwise_count(row)) % banks


def schedule(points, stride, banks):
    """Elements that the units read in each cycle of a stage.

    A stride of at least P pairs rows r and ``r + stride / P``: they take two cycles, of the even and of the odd places
    of both. Pairs of a shorter stride are in one row, which takes a cycle.

    Parameters
    ----------
    points : int
        A power of two, at least `banks`.
    stride : int
    banks : int
        P.

    Returns
    -------
    ndarray (points / P, P)
        A row is a cycle.

    Raises
    ------
    ValueError
        There are fewer points than banks.
    """
    if points < banks:
        raise ValueError(f"The points must be at least the {banks} banks, not {points}")
    rows = np.arange(points // banks)
    if stride < banks:
        return rows[:, None] * banks + np.arange(banks)
    distance = stride // banks
    lower = rows[(rows // distance) % 2 == 0]
    places = np.arange(banks).reshape(-1, 2).T                            # [phase, place]
    pairs = (lower[:, None] + np.array([0, distance])) * banks            # [pair, which]
    return (pairs[:, None, :, None] + places[None, :, None, :]).reshape(-1, banks)


def conflicts(points, banks, row_bits=None):
    """Cycles of a whole transform in which two elements are in one bank, and all its cycles."""
    bad = total = 0
    for stage in range(stages_of(points)):
        together = np.sort(bank_of(schedule(points, points >> (stage + 1), banks), banks, row_bits), axis=-1)
        bad += int((np.diff(together, axis=-1) == 0).any(axis=-1).sum())
        total += len(together)
    return bad, total
