"""Fiber tensors: made, taken apart again, and refused with the place of what is wrong."""

import numpy as np
import pytest

from sim.golden.flaash import FiberError, FiberTensor


def small(**changes):
    """(2, 3, 5) with entries in four of the six fibers."""
    fields = dict(shape=(2, 3, 5), pointers=[0, 2, 2, 3, 3, 5, 6], indices=[1, 4, 0, 2, 3, 4], values=np.arange(1.0, 7))
    return FiberTensor(**fields | changes)


def test_small_is_what_it_says():
    dense = np.zeros((2, 3, 5))
    dense[0, 0, [1, 4]], dense[0, 2, 0], dense[1, 1, [2, 3]], dense[1, 2, 4] = [1, 2], 3, [4, 5], 6
    tensor = small()
    assert (tensor.to_dense() == dense).all()
    assert (tensor.order, tensor.nnz, tensor.fibers) == (3, 6, 6)
    assert [list(part) for part in tensor.fiber(4)] == [[2, 3], [4, 5]]
    assert list(tensor.fiber_of(np.arange(6))) == [0, 0, 2, 4, 4, 5]


@pytest.mark.parametrize("shape", [(1,), (7,), (1, 1), (3, 5), (2, 3, 5), (2, 1, 2, 3), (1, 2, 1, 2, 1, 2, 1, 3)])
@pytest.mark.parametrize("density", [0, 0.3, 1])
def test_dense_there_and_back(shape, density):
    generator = np.random.default_rng(5)
    dense = generator.integers(1, 9, shape) * (generator.random(shape) < density)
    tensor = FiberTensor.from_dense(dense)
    assert (tensor.to_dense() == dense).all()
    coords, values = tensor.to_coo()
    mixed = generator.permutation(len(coords))
    again = FiberTensor.from_coo(coords[mixed], values[mixed], shape)
    for name in ("pointers", "indices", "values"):
        assert (getattr(again, name) == getattr(tensor, name)).all()


def test_fiber_tensor_cannot_be_changed():
    source = np.array([1, 4, 0, 2, 3, 4])
    tensor = small(indices=source)
    source[0] = 3
    assert tensor.indices[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        tensor.values[0] = 0


@pytest.mark.parametrize("changes, message", [
    (dict(shape=(2,) * 9), r"must have 1\.\.8 modes, not 9"),
    (dict(shape=()), r"must have 1\.\.8 modes, not 0"),
    (dict(shape=(2, 0, 5)), r"length of mode 1 must be an integer in 1\.\.2147483648, not 0"),
    (dict(shape=(2, 3, (1 << 31) + 1)), "length of mode 2 .* not 2147483649"),
    (dict(shape=(2, 3.0, 5)), "length of mode 0 must be an integer"),
    (dict(shape=(1 << 14, 1 << 14, 5)), "at most 67108864 fibers, .* not 268435456"),
    (dict(shape=(2, 2, 5)), r"needs 5 fiber pointers, not an array of shape \(7,\)"),
    (dict(pointers=[1, 2, 2, 3, 3, 5, 6]), "first fiber pointer must be 0, not 1"),
    (dict(pointers=[0, 2, 1, 3, 3, 5, 6]), "fiber pointer 2 decreases from 2 to 1"),
    (dict(pointers=[0, 2, 2, 3, 3, 7, 7]), "fiber pointer 5 is 7, beyond the 6 entries"),
    (dict(pointers=[0, 2, 2, 3, 3, 5, 5]), "last fiber pointer is 5, but there are 6 entries"),
    (dict(pointers=[0, 2, 2, 3, 3, 5, 6.0]), "fiber pointers must be integers, not float64"),
    (dict(indices=[1, 5, 0, 2, 3, 4]), r"entry 1, in fiber 0, has index 5, out of 0\.\.4"),
    (dict(indices=[1, 4, -1, 2, 3, 4]), "entry 2, in fiber 2, has index -1"),
    (dict(indices=[1, 4, 0, 3, 2, 4]), "entry 4, in fiber 4, has index 2 after 3"),
    (dict(indices=[1, 4, 0, 3, 3, 4]), "entry 4, in fiber 4, has index 3 again"),
    (dict(values=np.arange(5.0)), r"indices and values must be two arrays"),
])
def test_refused(changes, message):
    with pytest.raises(FiberError, match=message):
        small(**changes)


@pytest.mark.parametrize("coords, values, message", [
    ([[0, 0], [1, 3]], [1, 2], r"entry 1 has coordinate 3 in mode 1, out of 0\.\.2"),
    ([[0, 0], [-1, 0]], [1, 2], "entry 1 has coordinate -1 in mode 0"),
    ([[1, 2], [0, 0], [1, 2]], [1, 2, 3], "entries 0 and 2 have the same coordinates"),
    ([[0, 0, 0]], [1], r"must be an array \(nnz, 2\), not \(1, 3\)"),
    ([[0, 0]], [1, 2], r"there are 1 coordinates, but values of shape \(2,\)"),
    ([[0.5, 0]], [1], "coordinates must be integers, not float64"),
    (np.array([[1 << 63, 0]], dtype=np.uint64), [1], "must fit 64 bits with a sign"),
])
def test_coordinates_refused(coords, values, message):
    with pytest.raises(FiberError, match=message):
        FiberTensor.from_coo(coords, values, (2, 3))
