"""What a contraction is, whatever computes it."""

import numpy as np

from gen.claims.claim import between, claims, equal
from sim.golden.flaash import (
    FP32,
    INT16,
    FiberTensor,
    contract_fibers,
    count_work,
    dot_product,
    enumerate_jobs,
    intersect,
)
from sim.host.flaash import csfbin_bytes, parse_csfbin

__all__ = []

ORDERS = (2, 3, 4, 5)


def random_dense(order, draw):
    """A small tensor, of integers, with empty fibers."""
    shape = (*draw.integers(1, 4, order - 1), 17)
    return draw.integers(-99, 100, shape) * (draw.random(shape) < 0.2)


@claims("Contraction", "exact")
def contraction_of_any_order(evidence):
    draw, wrong, jobs, shapes = np.random.default_rng(1), 0, 0, 0
    for order_a in ORDERS:
        for order_b in ORDERS:
            a, b = random_dense(order_a, draw), random_dense(order_b, draw)
            tensors = [FiberTensor.from_dense(tensor.astype(np.int16)) for tensor in (a, b)]
            c = contract_fibers(*tensors, INT16).c
            exact = np.tensordot(a, b, axes=(-1, -1))
            wrong += int((c.reshape(exact.shape) != exact).sum())
            jobs += abs(len(enumerate_jobs(*tensors)) - exact.size)
            shapes += exact.ndim != order_a + order_b - 2
    yield equal("results that differ from a dense contraction, orders 2 to 5 with each other", "definition", 0, wrong)
    yield equal("dot products beyond one for each element of C", "one job for each pair of fibers", 0, jobs)
    yield equal("orders of C that are not order(A) + order(B) - 2", "definition", 0, shapes)


@claims("Contraction", "exact")
def order_of_summation(evidence):
    draw = np.random.default_rng(2)
    wrong = 0
    for _ in range(50):
        values = (draw.standard_normal((2, 40)) * 10.0 ** draw.integers(-6, 7, (2, 40))
                  * (draw.random((2, 40)) < 0.6)).astype(np.float32)
        a, b = (FiberTensor.from_dense(row) for row in values)
        total = np.float32(0)
        for x, y in values.T:
            total = np.float32(total + np.float32(x * y)) if x and y else total
        wrong += int(dot_product(*a.fiber(0), *b.fiber(0), FP32) != total)
        wrong += int(contract_fibers(a, b, FP32).c[0, 0] != total)
    yield equal("fp32 sums that are not those of ascending indices, each operation rounded, of 100", "merge of indices",
                0, wrong)


@claims("Contraction", "exact")
def steps_of_a_merge(evidence):
    """A window of one entry is the two-pointer merge, whatever the rule."""
    draw, wrong = np.random.default_rng(3), 0
    for _ in range(50):
        a, b = (np.flatnonzero(draw.random(60) < 0.3) for _ in range(2))
        steps, p, q = 0, 0, 0
        while p < len(a) and q < len(b):
            steps += 1
            p, q = p + (a[p] <= b[q]), q + (b[q] <= a[p])
        wrong += sum(len(intersect(a, b, 1, rule)) != steps for rule in ("counted", "rows"))
    yield equal("dot products whose steps are not those of a merge that ends with either fiber, of 100",
                "intersection unit", 0, wrong)


@claims("Format of files", "exact")
def files(evidence):
    tensor = FiberTensor.from_dense(np.array([[0, 1.5, 0], [0, 0, 0], [2, 0, -3]], dtype=np.float32))
    data = csfbin_bytes(tensor)
    again = parse_csfbin(data)
    same = again.shape == tensor.shape and all(
        np.array_equal(getattr(again, part), getattr(tensor, part)) for part in ("pointers", "indices", "values"))
    yield equal("a tensor written to a .csfbin and read again is the same", "CSF", True, same)
    yield equal("bytes of a file of order 2, 3 entries, 3 fibers", "CSF", 4 * (1 + 2 + 1 + 2 * 3 + 1 + 4), len(data))


@claims("Jobs", "exact")
def jobs_with_an_empty_side(evidence):
    a = FiberTensor.from_dense(np.array([[1, 0], [0, 0], [1, 1]]))
    work = count_work(a, a)
    yield equal("jobs of 3 x 3 fibers of which one of each is empty", "one job for each pair of fibers", 9,
                work["jobs"])
    yield between("of them left out, as their results are zero", "one job for each pair of fibers", 0,
                  work["jobs_skipped"], "", low=5, note="the source issues them all")
