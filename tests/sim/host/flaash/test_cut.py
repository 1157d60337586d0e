"""Contractions of any size as tasks that fit: sizes, order, results put together, and what is refused."""

import numpy as np
import pytest

from hw.flaash.parameters import FlaashParameters
from hw.shell import TRAILER_MARKER
from sim.golden.flaash import FP32, FiberTensor, contract_fibers, find_value_format
from sim.host.flaash import pack_contraction, plan_tasks, portion_length, unpack_contraction
from tests.flaash.device import answer
from tests.sim.golden.flaash.draw import draw_pair


def parameters(**changes):
    return FlaashParameters(**{"bus_width": 128, "engines": 2, "window": 2, "entries": 64, "fibers": 8, "sums": 64}
                            | changes)


def run(a, b, p, portions=1, drop_zeros=False):
    """Results of the tasks of a contraction, as the device in Python answers them."""
    tasks = plan_tasks(a, b, p, portions)
    packets = pack_contraction(a, b, tasks, p, portions=portions, drop_zeros=drop_zeros)
    answers = answer(packets, p, TRAILER_MARKER << 8)
    return unpack_contraction(answers, tasks, p, drop_zeros), tasks


@pytest.mark.parametrize("values, accumulator", [("int8", 32), ("int16", 48), ("fp32", 32)])
@pytest.mark.parametrize("portions, drop_zeros", [(1, False), (1, True), (3, False), (8, True)])
def test_results_of_all_tasks(values, accumulator, portions, drop_zeros):
    p, form = parameters(values=values, accumulator=accumulator), find_value_format(values, accumulator)
    a, b = draw_pair(portions, (5, 3), (7,), 29, 0.4, form)
    (c, code), tasks = run(a, b, p, portions, drop_zeros)
    assert code == 0 and len(tasks) > 2
    assert c.tobytes() == contract_fibers(a, b, form, portion_length(29, portions)).c.tobytes()


def test_fibers_stay_as_long_as_they_can():
    """Each task loads at most one tensor, save the first; b is taken to and fro."""
    form = find_value_format("int8")
    a, b = draw_pair(3, (20,), (20,), 8, 0.5, form)
    tasks = plan_tasks(a, b, parameters())
    assert [(task.fibers_a, task.fibers_b) for task in tasks[:4]] == [
        (range(8), range(8)), (range(8), range(8, 16)), (range(8), range(16, 20)),
        (range(8, 16), range(16, 20))]
    assert [(task.load_a, task.load_b) for task in tasks] == [
        (True, True), (False, True), (False, True)] + [(True, False), (False, True), (False, True)] * 2
    assert len(plan_tasks(a, b, parameters(fibers=32, entries=128))) == 1


def test_entries_that_just_fit():
    dense = FiberTensor.from_dense(np.ones((4, 32), dtype=np.int16))
    assert [len(task.fibers_a) for task in plan_tasks(dense, dense, parameters())][::2] == [2, 2]
    assert len(plan_tasks(dense, dense, parameters(entries=128))) == 1


def test_sums_bound_the_results_of_a_task():
    dense = FiberTensor.from_dense(np.ones((4, 4), dtype=np.int16))
    assert [task.shape for task in plan_tasks(dense, dense, parameters(sums=16), 2)] == [(2, 4), (2, 4)]
    assert {task.shape for task in plan_tasks(dense, dense, parameters(sums=4), 2)} == {(1, 2)}


def test_a_single_fiber_and_nothing():
    empty = FiberTensor((3, 5), [0, 0, 0, 0], [], np.zeros(0, dtype=np.float32))
    vector = FiberTensor.from_dense(np.arange(5, dtype=np.float32))
    (c, code), tasks = run(vector, empty, parameters(values="fp32"))
    assert code == 0 and c.shape == (1, 3) and not c.any() and len(tasks) == 1
    (c, _), _ = run(vector, vector, parameters(values="fp32"), 5)
    assert c == contract_fibers(vector, vector, FP32).c == 30


LONG = FiberTensor.from_dense(np.ones((2, 70), dtype=np.int16))
SHORT = FiberTensor.from_dense(np.ones((2, 4), dtype=np.int16))


@pytest.mark.parametrize("a, b, changes, portions, sentence", [
    (LONG, LONG, {}, 1, "fiber 0 of tensor b has 70 entries, but the memory of the accelerator holds 64"),
    (LONG, LONG, {"index_bits": 6}, 1, "the contracted modes are 70 long together, more than the 64 that an index of 6 "
                                       "bits counts (--set index_bits=...)"),
    (SHORT, SHORT, {}, 0, "the number of portions must be 1..65535, not 0"),
    (SHORT, SHORT, {}, 5, "the contracted mode has 4 indices, which cannot be cut into 5 portions"),
    (SHORT, SHORT, {"sums": 0}, 2, "2 portions need at least as many sums (--set sums=...), and the accelerator was "
                                   "built with 0"),
    (LONG, LONG, {}, 9, "9 portions need at least as many fibers (--set fibers=...), and the accelerator was built "
                        "with 8"),
])
def test_refused(a, b, changes, portions, sentence):
    with pytest.raises(ValueError) as failure:
        plan_tasks(a, b, parameters(**changes), portions)
    assert str(failure.value) == sentence
