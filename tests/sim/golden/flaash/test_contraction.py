"""Contraction of fibers, against NumPy's einsum, the plain definition and double precision."""

import numpy as np
import pytest
from hypothesis import given, settings

from sim.golden.flaash import (
    FP32,
    INT8,
    INT16,
    INT16_WIDE,
    WINDOWS,
    FiberError,
    FiberTensor,
    contract_fibers,
    count_work,
    dot_product,
    enumerate_jobs,
    sparse_result,
)

from .draw import draw_pair, pairs


def flat(tensor, dtype):
    return tensor.to_dense().astype(dtype).reshape(-1, tensor.shape[-1])


def wrap(exact, bits):
    return (exact + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


@pytest.mark.parametrize("form", [INT8, INT16, INT16_WIDE], ids=lambda form: f"{form.name}-{form.accumulator}")
@settings(deadline=None, max_examples=40)
@given(pair=pairs(INT16))
def test_integers_are_exact(form, pair):
    a, b = (tensor.with_values(tensor.values >> (16 - form.width)) for tensor in pair)
    exact = np.einsum("ik,jk->ij", flat(a, np.int64), flat(b, np.int64))
    for portion in (None, 1, 7):
        result = contract_fibers(a, b, form, portion)
        assert result.c.dtype == form.result_dtype
        assert (result.c == wrap(exact, form.accumulator)).all()
        assert result.overflows == (exact != wrap(exact, form.accumulator)).sum()


@settings(deadline=None, max_examples=40)
@given(pairs(FP32))
def test_single_precision_is_the_definition(pair):
    a, b = pair
    c = contract_fibers(a, b, FP32).c
    for i in range(a.fibers):
        for j in range(b.fibers):
            alone = dot_product(*a.fiber(i), *b.fiber(j), FP32)
            assert alone.view(np.uint32) == c[i, j].view(np.uint32)
    wide = flat(a, np.float64), flat(b, np.float64)
    bound = a.shape[-1] * 2.0**-23 * np.einsum("ik,jk->ij", *map(np.abs, wide)) + 1e-40
    assert (np.abs(c - np.einsum("ik,jk->ij", *wide)) <= bound).all()


@pytest.mark.parametrize("portion", [1, 7, 64, 1000])
def test_portions_of_single_precision_are_added_in_their_order(portion):
    a, b = draw_pair(11, (3,), (5,), 101, 0.6, FP32)
    c = contract_fibers(a, b, FP32, portion).c
    for i in range(3):
        for j in range(5):
            total = np.zeros(1, dtype=np.float32)
            for start in range(0, 101, portion):
                cut = [tuple(part[(fiber[0] >= start) & (fiber[0] < start + portion)] for part in fiber)
                       for fiber in (a.fiber(i), b.fiber(j))]
                total += dot_product(*cut[0], *cut[1], FP32)
            assert total[0] == c[i, j]
    whole = contract_fibers(a, b, FP32).c
    assert (whole == c).all() == (portion in (1, 1000))        # one match each, or one portion: the order is the same


@pytest.mark.parametrize("indices_b, matches", [([0, 2, 4], [0, 0, 3]), ([1, 3, 5], [9, 8, 7]), ([], []), ([4], [5])])
def test_fibers_identical_disjoint_empty_single(indices_b, matches):
    a = FiberTensor((6,), [0, 3], [0, 2, 4], [1, 2, 3])
    b = FiberTensor((1, 6), [0, len(indices_b)], indices_b, np.array(matches, dtype=np.int64))
    expected = flat(a, np.int64) @ flat(b, np.int64).T
    assert (contract_fibers(a, b, INT8).c == expected).all()


@pytest.mark.parametrize("portion", [None, 1, 10, 37])
@pytest.mark.parametrize("window", WINDOWS)
def test_jobs_and_counters(portion, window):
    a, b = draw_pair(3, (2, 3), (5,), 37, 0.2, INT8)
    jobs = enumerate_jobs(a, b, portion)
    parts = 1 if portion is None else -(-37 // portion)
    assert len(jobs) == 6 * 5 * parts
    sums = np.zeros(30, dtype=np.int64)
    for job in range(len(jobs)):
        part_a, part_b = slice(jobs.a_start[job], jobs.a_end[job]), slice(jobs.b_start[job], jobs.b_end[job])
        first = jobs.portion[job] * (portion or 37)
        for indices in (a.indices[part_a], b.indices[part_b]):
            assert ((indices >= first) & (indices < first + (portion or 37))).all()
        sums[jobs.destination[job]] += dot_product(a.indices[part_a], a.values[part_a], b.indices[part_b],
                                                   b.values[part_b], INT8)
    assert (sums.reshape(6, 5) == contract_fibers(a, b, INT8).c).all()

    work = count_work(a, b, window, portion)
    present = [flat(tensor.with_values(np.ones(tensor.nnz)), np.int64) for tensor in (a, b)]
    assert work["macs"] == np.einsum("ik,jk->", *present)
    assert work["jobs"] == len(jobs) and work["jobs_skipped"] == jobs.empty.sum()
    assert work["reads_a_kept"] <= min(a.nnz, work["reads_a"]) and work["reads_b"] <= 6 * b.nnz
    if window == 1:
        assert work["compare_cycles"] == work["comparisons"] >= work["macs"]


def test_zero_results_are_dropped():
    c = np.array([[0.0, -0.0, 2.0], [np.nan, 0.0, 0.0]], dtype=np.float32)
    tensor = sparse_result(c)
    assert list(tensor.pointers) == [0, 1, 2] and list(tensor.indices) == [2, 0]
    with pytest.raises(FiberError, match=r"1\.\.8 modes, not 0"):
        sparse_result(np.float32(3))


def test_refused():
    a, b = FiberTensor.from_dense(np.ones((2, 3))), FiberTensor.from_dense(np.ones((2, 4)))
    for call in (lambda: contract_fibers(a, b, INT8), lambda: count_work(a, b)):
        with pytest.raises(FiberError, match="lengths 3 of a and 4 of b"):
            call()
    with pytest.raises(ValueError, match="at least 1 index long, not 0"):
        enumerate_jobs(a, a, 0)


def test_the_merge_of_the_source_takes_as_long_as_it_says():
    # Source: its evaluation of (7, 7, 512) at 10 % with one engine; 231.7 k cycles with one more cycle for each job.
    a, b = draw_pair(1, (7, 7), (7, 7), 512, 0.1, INT8)
    cycles = count_work(a, b)["compare_cycles"] + 49 * 49
    assert abs(cycles / 231_700 - 1) < 0.02
