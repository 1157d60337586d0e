"""Sparse tensors as fibers: what the memories of `flaash` hold."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["MAX_ORDER", "MOST_FIBERS", "FiberError", "FiberTensor", "check_coordinates", "check_shape"]

MAX_ORDER = 8

#: Indices are words of 32 bits with a sign.
LONGEST_MODE = 1 << 31

#: The pointer array is dense; of more fibers than this it alone would take 512 MB on the host.
MOST_FIBERS = 1 << 26


class FiberError(ValueError):
    """A tensor that is not one; its message is one sentence and names the first offending position."""


def check_shape(shape):
    """Lengths of the modes as a tuple of int.

    Raises
    ------
    FiberError
        The order is not in 1..8, or a length not an integer in 1..2^31.
    """
    lengths = np.asarray(shape)
    if lengths.ndim != 1:
        raise FiberError(f"a shape must be a list of lengths, not {shape!r}")
    if not 1 <= len(lengths) <= MAX_ORDER:
        raise FiberError(f"a tensor must have 1..{MAX_ORDER} modes, not {len(lengths)}")
    for mode, length in enumerate(lengths.tolist()):
        if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= LONGEST_MODE:
            raise FiberError(f"the length of mode {mode} must be an integer in 1..{LONGEST_MODE}, not {length!r}")
    return tuple(lengths.tolist())


def check_fibers(shape):
    """Number of fibers of a tensor.

    Raises
    ------
    FiberError
        There are more than `MOST_FIBERS`.
    """
    fibers = math.prod(shape[:-1])
    if fibers > MOST_FIBERS:
        raise FiberError(f"a tensor may have at most {MOST_FIBERS} fibers, as their pointers are a dense array, "
                         f"not {fibers}")
    return fibers


def check_coordinates(coords, values, shape):
    """Coordinates (nnz, order) as int64 and values (nnz,) of a list of entries.

    Raises
    ------
    FiberError
        The arrays do not fit each other or the shape, or a coordinate is out of range.
    """
    shape = check_shape(shape)
    coords, values = integers("coordinates", coords), np.asarray(values)
    if coords.ndim != 2 or coords.shape[1] != len(shape):
        raise FiberError(f"coordinates of a tensor of {len(shape)} modes must be an array (nnz, {len(shape)}), "
                         f"not {coords.shape}")
    if values.shape != coords.shape[:1]:
        raise FiberError(f"there are {len(coords)} coordinates, but values of shape {values.shape}")
    outside = (coords < 0) | (coords >= np.array(shape))
    place = first(outside.any(axis=1))
    if place is not None:
        mode = first(outside[place])
        raise FiberError(f"entry {place} has coordinate {coords[place, mode]} in mode {mode}, out of "
                         f"0..{shape[mode] - 1}")
    return coords, values


def first(condition):
    """Position of the first true element, or None."""
    positions = np.flatnonzero(condition)
    return int(positions[0]) if len(positions) else None


def integers(what, values):
    """A copy as int64, which cannot be written to.

    Raises
    ------
    FiberError
        They are not integers, or more than int64 holds.
    """
    values = np.asarray(values)
    if values.size and values.dtype.kind not in "iu":
        raise FiberError(f"{what} must be integers, not {values.dtype}")
    if values.dtype == np.uint64 and values.size and int(values.max()) >= 1 << 63:
        raise FiberError(f"{what} must fit 64 bits with a sign, not {int(values.max())}")
    values = values.astype(np.int64)
    values.flags.writeable = False
    return values


@dataclass(frozen=True, eq=False)
class FiberTensor:
    """A sparse tensor, only its last mode compressed.

    A fiber is all entries of one coordinate of the other modes, the free ones. ``pointers`` is a dense array over the
    free modes, row-major, the last free mode fastest: fiber f is the entries ``pointers[f]`` up to and without
    ``pointers[f + 1]``.

    Parameters
    ----------
    shape : sequence of int
        Lengths of 1..8 modes.
    pointers : array (product of shape[:-1], plus 1) of int
    indices : array (nnz,) of int
        Places in the last mode, ascending within a fiber.
    values : array (nnz,)
        Of any type; an entry may be zero.

    Raises
    ------
    FiberError
        The pointers do not start at 0, decrease, overrun the entries or leave some over; an index is out of range, not
        above the one before, or the lengths of the arrays do not fit each other.

    Source: FLAASH (arXiv 2404.16317), its "CSF", which is compressed sparse rows of any order.
    """

    shape: tuple
    pointers: np.ndarray
    indices: np.ndarray
    values: np.ndarray

    def __post_init__(self):
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        put("shape", check_shape(self.shape))
        put("pointers", integers("fiber pointers", self.pointers))
        put("indices", integers("indices", self.indices))
        values = np.array(self.values)
        values.flags.writeable = False
        put("values", values)
        self._check_pointers()
        self._check_indices()

    def _check_pointers(self):
        pointers, entries = self.pointers, len(self.indices)
        if self.indices.ndim != 1 or self.values.shape != self.indices.shape:
            raise FiberError(f"indices and values must be two arrays (nnz,), not of shapes {self.indices.shape} and "
                             f"{self.values.shape}")
        fibers = check_fibers(self.shape)
        if pointers.shape != (fibers + 1,):
            raise FiberError(f"a tensor of shape {self.shape} needs {fibers + 1} fiber pointers, not an array of shape "
                             f"{pointers.shape}")
        if pointers[0] != 0:
            raise FiberError(f"the first fiber pointer must be 0, not {pointers[0]}")
        place = first(pointers[1:] < pointers[:-1])
        if place is not None:
            raise FiberError(f"fiber pointer {place + 1} decreases from {pointers[place]} to {pointers[place + 1]}")
        place = first(pointers > entries)
        if place is not None:
            raise FiberError(f"fiber pointer {place} is {pointers[place]}, beyond the {entries} entries")
        if pointers[-1] != entries:
            raise FiberError(f"the last fiber pointer is {pointers[-1]}, but there are {entries} entries")

    def _check_indices(self):
        place = first((self.indices < 0) | (self.indices >= self.shape[-1]))
        if place is not None:
            raise FiberError(f"entry {place}, in fiber {self.fiber_of(place)}, has index {self.indices[place]}, out of "
                             f"0..{self.shape[-1] - 1}")
        inner = np.ones(max(0, self.nnz - 1), dtype=bool)
        starts = self.pointers[1:-1]
        inner[starts[(starts > 0) & (starts < self.nnz)] - 1] = False
        place = first(inner & (self.indices[1:] <= self.indices[:-1]))
        if place is not None:
            kind = "again" if self.indices[place + 1] == self.indices[place] else f"after {self.indices[place]}"
            raise FiberError(f"entry {place + 1}, in fiber {self.fiber_of(place + 1)}, has index "
                             f"{self.indices[place + 1]} {kind}; indices of a fiber must ascend")

    @property
    def order(self):
        return len(self.shape)

    @property
    def nnz(self):
        return len(self.indices)

    @property
    def fibers(self):
        return len(self.pointers) - 1

    def fiber_of(self, entry):
        """Number of the fiber that an entry, or each of an array of entries, lies in."""
        return np.searchsorted(self.pointers, entry, side="right") - 1

    def fiber(self, number):
        """Indices and values of a fiber."""
        part = slice(self.pointers[number], self.pointers[number + 1])
        return self.indices[part], self.values[part]

    def with_values(self, values):
        """The same entries with other values."""
        return FiberTensor(self.shape, self.pointers, self.indices, values)

    @classmethod
    def from_coo(cls, coords, values, shape):
        """Fibers of a list of coordinates in any order.

        Parameters
        ----------
        coords : array (nnz, order) of int
        values : array (nnz,)
        shape : sequence of int

        Raises
        ------
        FiberError
            The arrays do not fit each other, a coordinate is out of range or is there twice.
        """
        shape = check_shape(shape)
        count = check_fibers(shape)
        coords, values = check_coordinates(coords, values, shape)
        fibers = np.zeros(len(coords), dtype=np.int64)
        for mode, length in enumerate(shape[:-1]):
            fibers = fibers * length + coords[:, mode]
        order = np.lexsort((coords[:, -1], fibers))
        ascending, indices = fibers[order], coords[order, -1]
        place = first((ascending[1:] == ascending[:-1]) & (indices[1:] == indices[:-1]))
        if place is not None:
            raise FiberError(f"entries {order[place]} and {order[place + 1]} have the same coordinates")
        counts = np.bincount(fibers, minlength=count)
        return cls(shape, np.concatenate([[0], np.cumsum(counts)]), indices, values[order])

    @classmethod
    def from_dense(cls, array):
        """Fibers of what is not zero in an array of 1..8 dimensions; minus zero is zero, NaN is not."""
        array = np.asarray(array)
        return cls.from_coo(np.argwhere(array != 0), array[array != 0], array.shape)

    def to_coo(self):
        """Coordinates (nnz, order), row-major ascending, and values (nnz,)."""
        fibers = np.repeat(np.arange(self.fibers), np.diff(self.pointers))
        columns = np.unravel_index(fibers, self.shape[:-1]) if self.order > 1 else ()
        return np.stack([*columns, self.indices], axis=1), np.array(self.values)

    def to_dense(self):
        """An array of the shape, zero where there is no entry."""
        array = np.zeros((self.fibers, self.shape[-1]), dtype=self.values.dtype)
        array[self.fiber_of(np.arange(self.nnz)), self.indices] = self.values
        return array.reshape(self.shape)
