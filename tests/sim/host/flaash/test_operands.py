"""Tensors of the user, from named arrays, SciPy and PyData sparse."""

import numpy as np
import pytest
import scipy.sparse

from sim.golden.flaash import FiberError, FiberTensor
from sim.host.flaash import check_fits, from_pydata, from_scipy, read_operand, to_pydata, to_scipy


def arrays(**changes):
    return dict(a_coords=np.array([[1, 2], [0, 0]]), a_values=np.array([3, 4]), a_shape=np.array([2, 3])) | changes


def test_named_arrays():
    coords, values, shape = read_operand(arrays(), "a")
    assert shape == (2, 3) and (FiberTensor.from_coo(coords, values, shape).to_dense() == [[4, 0, 0], [0, 0, 3]]).all()


@pytest.mark.parametrize("changes, name, message", [
    ({}, "b", "the array b_coords is missing"),
    (dict(a_coords=np.array([[1, 3], [0, 0]])), "a", r"tensor a: entry 0 has coordinate 3 in mode 1, out of 0\.\.2"),
    (dict(a_shape=np.array([2.0, 3.0])), "a", "tensor a: the length of mode 0 must be an integer"),
    (dict(a_shape=np.array(3)), "a", "tensor a: a shape must be a list of lengths"),
    (dict(a_values=np.array([1])), "a", r"tensor a: there are 2 coordinates, but values of shape \(1,\)"),
])
def test_named_arrays_refused(changes, name, message):
    with pytest.raises(ValueError, match=message):
        read_operand(arrays(**changes), name)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "dok", "lil", "bsr", "dia"])
@pytest.mark.parametrize("make", [scipy.sparse.coo_array, scipy.sparse.coo_matrix])
def test_scipy(kind, make):
    dense = np.random.default_rng(1).integers(-1, 2, (6, 9)).astype(np.float32)
    tensor = FiberTensor.from_coo(*from_scipy(make(dense).asformat(kind)))
    assert (tensor.to_dense() == dense).all()
    back = to_scipy(tensor)
    assert back.has_canonical_format and (back.toarray() == dense).all()


def test_scipy_entries_twice_are_refused():
    twice = scipy.sparse.coo_array(([1, 2], ([0, 0], [1, 1])), shape=(2, 2))
    with pytest.raises(FiberError, match="entries 0 and 1 have the same coordinates"):
        FiberTensor.from_coo(*from_scipy(twice))
    with pytest.raises(FiberError, match="has 2 modes, the tensor has 3"):
        to_scipy(FiberTensor.from_dense(np.ones((1, 1, 1))))


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 1, 5)])
@pytest.mark.parametrize("kind", ["coo", "gcxs"])
def test_pydata(shape, kind):
    sparse = pytest.importorskip("sparse", reason="the Python package sparse is not installed")
    dense = np.random.default_rng(1).integers(-1, 2, shape)
    tensor = FiberTensor.from_coo(*from_pydata(sparse.COO.from_numpy(dense).asformat(kind)))
    assert (tensor.to_dense() == dense).all()
    assert (to_pydata(tensor).todense() == dense).all()


def test_pydata_fill_value():
    sparse = pytest.importorskip("sparse", reason="the Python package sparse is not installed")
    with pytest.raises(FiberError, match="must be zero, not 2"):
        from_pydata(sparse.COO.from_numpy(np.full((2, 2), 2), fill_value=2))


def test_fits():
    tensor = FiberTensor.from_dense(np.ones((4, 3)))
    check_fits("a", tensor, entries=12, pointers=5)
    with pytest.raises(FiberError, match="tensor a has 12 entries, but the memory of the accelerator holds 11"):
        check_fits("a", tensor, entries=11, pointers=5)
    with pytest.raises(FiberError, match="tensor b has 5 fiber pointers, but the memory of the accelerator holds 4"):
        check_fits("b", tensor, entries=12, pointers=4)
