"""What an einsum of two tensors asks of an accelerator that contracts last modes."""

import math
from dataclasses import dataclass

import numpy as np

from sim.golden.flaash import FiberError, FiberTensor, check_coordinates, check_shape

__all__ = ["ContractionPlan", "parse_einsum", "plan_contraction"]


def parse_einsum(einsum):
    """Modes of a, of b and of the result, a letter each.

    Without ``->`` the result has, as in NumPy, the free modes in the order of the alphabet.

    Raises
    ------
    ValueError
        It is not two tensors' modes with at least one in common; a mode is twice in a tensor; one in common is in the
        result; or the result lacks a free mode or has one of neither tensor.
    """
    if not isinstance(einsum, str):
        raise ValueError(f"the einsum must be text as 'ijk,lk->ijl', not {einsum!r}")
    text = einsum.replace(" ", "")
    inputs, arrow, result = text.partition("->")
    for place, letter in enumerate(text):
        inside = place < len(inputs) or place >= len(inputs) + len(arrow)
        if inside and not (letter.isascii() and letter.isalpha()) and not (letter == "," and place < len(inputs)):
            raise ValueError(f"the einsum {einsum!r} has {letter!r} at place {place}; modes are letters, as in "
                             f"'ijk,lk->ijl'")
    operands = inputs.split(",")
    if len(operands) != 2 or not all(operands):
        raise ValueError(f"the einsum {einsum!r} must have the modes of two tensors, as 'ijk,lk->ijl' has")
    a, b = operands
    common = set(a) & set(b)
    free = set(a) ^ set(b)
    if not arrow:
        result = "".join(sorted(free))
    for name, modes in (("a", a), ("b", b), ("the result", result)):
        for letter in modes:
            if modes.count(letter) > 1:
                raise ValueError(f"the einsum {einsum!r} has mode {letter!r} of {name} twice; diagonals are not taken")
    for letter in result:
        if letter in common:
            raise ValueError(f"the einsum {einsum!r} keeps mode {letter!r}, which both tensors have; all such modes "
                             f"are contracted")
        if letter not in free:
            raise ValueError(f"the einsum {einsum!r} has mode {letter!r} in the result, which neither tensor has")
    for letter in a + b:
        if letter in free and letter not in result:
            raise ValueError(f"the einsum {einsum!r} lacks mode {letter!r} in the result; a mode of one tensor only is "
                             f"not summed over")
    if not common:
        raise ValueError(f"the einsum {einsum!r} contracts nothing; the tensors must have a mode in common")
    return a, b, result


@dataclass(frozen=True)
class ContractionPlan:
    """How the host turns a contraction into one of last modes, and its result back.

    The free modes of each tensor stay in their order; the contracted ones, in the order that a has them, become one
    last mode, row-major: its index is that of the last of them, plus that of the one before times the last one's
    length, and so on. fp32 results depend on this order.

    Parameters
    ----------
    einsum : str
    a_shape, b_shape : tuple of int
        As the user has them.
    a_free, b_free, a_contracted, b_contracted : tuple of int
        Places of the modes in the user's tensors.
    result_order : tuple of int
        For each mode of the result, its place among the free modes of a and, behind them, of b.
    """

    einsum: str
    a_shape: tuple
    b_shape: tuple
    a_free: tuple
    b_free: tuple
    a_contracted: tuple
    b_contracted: tuple
    result_order: tuple

    @property
    def length(self):
        """Length of the contracted modes, merged."""
        return math.prod(self.a_shape[mode] for mode in self.a_contracted)

    @property
    def free_shape(self):
        """Lengths of the free modes of a, then of b."""
        return (*(self.a_shape[mode] for mode in self.a_free), *(self.b_shape[mode] for mode in self.b_free))

    @property
    def result_shape(self):
        return tuple(self.free_shape[place] for place in self.result_order)

    def fibers_a(self, coords, values):
        """The first tensor, the contracted modes merged and last.

        Parameters
        ----------
        coords : array (nnz, order of a) of int
            In any order.
        values : array (nnz,)

        Returns
        -------
        FiberTensor

        Raises
        ------
        FiberError
            See `FiberTensor.from_coo`; entries and modes are those of the arguments.
        """
        return self._fibers("a", coords, values, self.a_shape, self.a_free, self.a_contracted)

    def fibers_b(self, coords, values):
        """The second tensor, as `fibers_a`."""
        return self._fibers("b", coords, values, self.b_shape, self.b_free, self.b_contracted)

    def _fibers(self, name, coords, values, shape, free, contracted):
        try:
            coords, values = check_coordinates(coords, values, shape)
            merged = np.zeros(len(coords), dtype=np.int64)
            for mode in contracted:
                merged = merged * shape[mode] + coords[:, mode]
            lengths = (*(shape[mode] for mode in free), self.length)
            return FiberTensor.from_coo(np.column_stack([coords[:, list(free)], merged]), values, lengths)
        except FiberError as error:
            raise FiberError(f"tensor {name}: {error}") from None

    def result(self, c):
        """Results of all pairs of fibers, fibers of a outside, as an array in the einsum's order."""
        return np.array(np.reshape(c, self.free_shape).transpose(self.result_order), order="C")


def plan_contraction(einsum, a_shape, b_shape):
    """Plan a contraction.

    Parameters
    ----------
    einsum : str
        As ``ijk,lk->ijl``; see `parse_einsum`.
    a_shape, b_shape : sequences of int
        1..8 lengths each.

    Returns
    -------
    ContractionPlan

    Raises
    ------
    ValueError
        The einsum is none, does not fit the orders, lengths of a contracted mode differ, or the contracted modes
        together are longer than an index of 32 bits counts.
    """
    a, b, result = parse_einsum(einsum)
    shapes = {}
    for name, modes, shape in (("a", a, a_shape), ("b", b, b_shape)):
        try:
            shapes[name] = check_shape(shape)
        except FiberError as error:
            raise FiberError(f"tensor {name}: {error}") from None
        if len(modes) != len(shapes[name]):
            raise ValueError(f"the einsum {einsum!r} gives tensor {name} {len(modes)} modes, but its shape "
                             f"{shapes[name]} has {len(shapes[name])}")
    common = [letter for letter in a if letter in b]
    for letter in common:
        place_a, place_b = a.index(letter), b.index(letter)
        if shapes["a"][place_a] != shapes["b"][place_b]:
            raise ValueError(f"mode {letter!r} has length {shapes['a'][place_a]} in tensor a (mode {place_a}), but "
                             f"{shapes['b'][place_b]} in tensor b (mode {place_b})")
    free = [letter for letter in a + b if letter not in common]
    plan = ContractionPlan(
        einsum, shapes["a"], shapes["b"],
        *(tuple(place for place, letter in enumerate(modes) if letter not in common) for modes in (a, b)),
        *(tuple(modes.index(letter) for letter in common) for modes in (a, b)),
        tuple(free.index(letter) for letter in result))
    try:
        check_shape((plan.length,))
    except FiberError:
        raise FiberError(f"the contracted modes {''.join(common)!r} are {plan.length} long together, more than the "
                         f"2147483648 that an index counts") from None
    return plan
