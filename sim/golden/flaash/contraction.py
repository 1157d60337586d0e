"""Contraction of two sparse tensors by their fibers: one dot product for each pair of fibers.

``C[i.., j..] = sum over k < L of A[i.., k] B[j.., k]``, the source's equation: the last modes are contracted.
"""

from dataclasses import dataclass

import numpy as np

from .fibers import FiberError, FiberTensor
from .intersect import intersect_many

__all__ = ["Contraction", "Jobs", "contract_fibers", "count_work", "dot_product", "enumerate_jobs", "sparse_result"]


@dataclass(frozen=True, eq=False)
class Jobs:
    """Dot products in the order of their issue, as arrays: ranges of entries, the place of the result in the row-major
    C, and the number of the portion."""

    a_start: np.ndarray
    a_end: np.ndarray
    b_start: np.ndarray
    b_end: np.ndarray
    destination: np.ndarray
    portion: np.ndarray

    def __len__(self):
        return len(self.a_start)

    @property
    def empty(self):
        """Which of them have an empty side, and so the result 0."""
        return (self.a_start == self.a_end) | (self.b_start == self.b_end)


@dataclass(frozen=True, eq=False)
class Contraction:
    """Results (fibers of a, fibers of b), and how many of the exact sums did not fit the accumulator."""

    c: np.ndarray
    overflows: int


def check_operands(a, b, portion):
    if a.shape[-1] != b.shape[-1]:
        raise FiberError(f"the contracted modes have lengths {a.shape[-1]} of a and {b.shape[-1]} of b, which must be "
                         f"equal")
    if portion is not None and portion < 1:
        raise ValueError(f"a portion must be at least 1 index long, not {portion}")


def dot_product(indices_a, values_a, indices_b, values_b, form):
    """One dot product by the definition: ascending indices, each operation on its own.

    Slow and plain; `contract_fibers` is measured against it.

    Returns
    -------
    scalar of `form.result_dtype`
    """
    p = q = 0
    total = np.zeros(1, dtype=np.float32 if form.is_float else np.int64)
    with np.errstate(all="ignore"):
        while p < len(indices_a) and q < len(indices_b):
            if indices_a[p] == indices_b[q]:
                total = total + form.products(values_a[p:p + 1], values_b[q:q + 1])
                p, q = p + 1, q + 1
            elif indices_a[p] < indices_b[q]:
                p += 1
            else:
                q += 1
    return form.finish(total)[0][0]


def contract_fibers(a, b, form, portion=None):
    """All dot products of fibers of a with fibers of b.

    Parameters
    ----------
    a, b : FiberTensor
        Of the same length of the last mode; values of `form`.
    form : ValueFormat
    portion : int or None
        Cut the contracted mode at multiples of it: portion n is the indices ``n * portion`` up to and without
        ``(n + 1) * portion``. Each portion is a sum of its own, from +0 and in ascending order of indices; the sums of
        the portions are then added one after another, in ascending order of portions, from +0 on. Integers give the
        same results as without; fp32 gives those of exactly this order. A portion without matches changes nothing: no
        sum is ever -0. None: one portion.

    Returns
    -------
    Contraction

    Raises
    ------
    FiberError
        The contracted modes differ.
    """
    check_operands(a, b, portion)
    length, count = a.shape[-1], b.fibers
    portion = length if portion is None else min(portion, length)
    parts = -(-length // portion)
    fiber_of_b = np.repeat(np.arange(count), np.diff(b.pointers))
    c = np.zeros((a.fibers, count), dtype=form.result_dtype)
    overflows = 0
    for number in range(a.fibers):
        indices, values = a.fiber(number)
        if not len(indices):
            continue
        place = np.minimum(np.searchsorted(indices, b.indices), len(indices) - 1)
        hit = np.flatnonzero(indices[place] == b.indices)
        products = form.products(values[place[hit]], b.values[hit])
        # Entries of b ascend by fiber, then by index, so that portions of a fiber stand together and in order.
        segments, inverse = np.unique(fiber_of_b[hit] * parts + b.indices[hit] // portion, return_inverse=True)
        partial = form.sums(products, inverse, len(segments))
        c[number], lost = form.finish(form.sums(partial, segments // parts, count))
        overflows += lost
    return Contraction(c, overflows)


def enumerate_jobs(a, b, portion=None):
    """Jobs of a contraction: fibers of a outside, fibers of b within, portions innermost.

    Returns
    -------
    Jobs
        Those with an empty side included.
    """
    check_operands(a, b, portion)
    length = a.shape[-1]
    portion = length if portion is None else min(portion, length)
    parts = -(-length // portion)
    bounds = []
    for tensor in (a, b):
        keys = tensor.fiber_of(np.arange(tensor.nnz)) * parts + tensor.indices // portion
        bounds.append(np.searchsorted(keys, np.arange(tensor.fibers * parts + 1)))
    fiber_a, fiber_b, part = (grid.ravel() for grid in np.meshgrid(
        np.arange(a.fibers), np.arange(b.fibers), np.arange(parts), indexing="ij"))
    of_a, of_b = fiber_a * parts + part, fiber_b * parts + part
    return Jobs(bounds[0][of_a], bounds[0][of_a + 1], bounds[1][of_b], bounds[1][of_b + 1],
                fiber_a * b.fibers + fiber_b, part)


def count_work(a, b, window=1, portion=None, rule="counted"):
    """Work of a contraction that does not depend on the cluster; see `intersect` for windows and rules.

    Returns
    -------
    dict of str to int
        ``jobs``, of them ``jobs_skipped`` with an empty side, ``compare_cycles`` of one engine with ideal memory,
        ``comparisons`` of pairs of indices, ``macs``, and entries that windows have seen: ``reads_a`` and ``reads_b``
        when each job reads its two fibers, ``reads_a_kept`` when a fiber of a stays for all fibers of b and is read
        as far as the job that sees most of it.
    """
    jobs = enumerate_jobs(a, b, portion)
    work = intersect_many(a.indices, b.indices, jobs, window, rule)
    farthest = np.zeros(a.nnz + 1, dtype=np.int64)
    np.maximum.at(farthest, jobs.a_start, work.read_a)
    return dict(jobs=len(jobs), jobs_skipped=int(jobs.empty.sum()), compare_cycles=int(work.cycles.sum()),
                comparisons=int(work.comparisons.sum()), macs=int(work.matches.sum()), reads_a=int(work.read_a.sum()),
                reads_b=int(work.read_b.sum()), reads_a_kept=int(farthest.sum()))


def sparse_result(c):
    """A dense result without its zeros, its last mode compressed.

    Results that are zero are dropped whatever they are sums of, -0 is never one of them, and NaN is kept.

    Raises
    ------
    FiberError
        The result has no mode, or more than 8.
    """
    return FiberTensor.from_dense(c)
