"""Registered adder tree."""

from amaranth.hdl import Signal, signed
from amaranth.utils import ceil_log2

__all__ = ["sum_tree", "sum_tree_latency"]


def sum_tree_latency(count):
    """Cycles from the terms of a tree to their sum: a level of adders each."""
    return ceil_log2(count)


def sum_tree(m, terms):
    """Add signed terms in pairs, a register behind each level; one bit more a level, so that nothing overflows.

    Parameters
    ----------
    m : Module
        Module that the adders are added to.
    terms : list of Value
        A power of two of equal shape.

    Returns
    -------
    Value
        The sum, ``sum_tree_latency(len(terms))`` cycles later. One sum a cycle.
    """
    level = 0
    while len(terms) > 1:
        level += 1
        sums = [Signal(signed(len(terms[0]) + 1), name=f"sum{level}_{index}", reset_less=True)
                for index in range(len(terms) // 2)]
        m.d.sync += [total.eq(terms[2 * index] + terms[2 * index + 1]) for index, total in enumerate(sums)]
        terms = sums
    return terms[0]
