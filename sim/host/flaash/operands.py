"""Tensors of the user as lists of entries: from named arrays, SciPy and PyData sparse, and back; what memories hold."""

import numpy as np

from sim.golden.flaash import FiberError, check_coordinates

__all__ = ["check_fits", "from_pydata", "from_scipy", "read_operand", "to_pydata", "to_scipy"]


def read_operand(arrays, name):
    """One tensor of a contraction: ``NAME_coords`` (nnz, order), ``NAME_values`` (nnz,) and ``NAME_shape`` (order,).

    Parameters
    ----------
    arrays : mapping of str to array
    name : str
        ``a`` or ``b``.

    Returns
    -------
    tuple of (coords, values, shape)

    Raises
    ------
    ValueError
        An array is missing, or they are no tensor (`FiberError`).
    """
    for part in ("coords", "values", "shape"):
        if f"{name}_{part}" not in arrays:
            raise ValueError(f"the array {name}_{part} is missing; a tensor is {name}_coords (nnz, order), "
                             f"{name}_values (nnz,) and {name}_shape (order,)")
    shape = np.asarray(arrays[f"{name}_shape"])
    try:
        coords, values = check_coordinates(arrays[f"{name}_coords"], arrays[f"{name}_values"], shape)
    except FiberError as error:
        raise FiberError(f"tensor {name}: {error}") from None
    return coords, values, tuple(shape.tolist())


def check_fits(name, tensor, entries, pointers):
    """Refuse a tensor that is larger than its memories.

    Parameters
    ----------
    name : str
        What the message calls it.
    tensor : FiberTensor
    entries, pointers : int or None
        What the memories hold; None: any number.

    Raises
    ------
    FiberError
    """
    for what, needed, held in (("entries", tensor.nnz, entries), ("fiber pointers", len(tensor.pointers), pointers)):
        if held is not None and needed > held:
            raise FiberError(f"tensor {name} has {needed} {what}, but the memory of the accelerator holds {held}")


def from_scipy(matrix):
    """Coordinates, values and shape of a sparse matrix or array of SciPy, of any format.

    Entries that it has twice are refused by what takes them, not added.
    """
    entries = matrix.tocoo()
    columns = getattr(entries, "coords", None) or (entries.row, entries.col)
    return np.stack(columns, axis=1).astype(np.int64), entries.data, tuple(int(length) for length in entries.shape)


def to_scipy(tensor):
    """A sparse array of SciPy, compressed by rows, of a tensor of two modes.

    Raises
    ------
    FiberError
        It has not two modes.
    """
    from scipy.sparse import csr_array

    if tensor.order != 2:
        raise FiberError(f"a sparse array of SciPy has 2 modes, the tensor has {tensor.order}")
    return csr_array((np.array(tensor.values), np.array(tensor.indices), np.array(tensor.pointers)), shape=tensor.shape)


def from_pydata(array):
    """Coordinates, values and shape of an array of PyData's `sparse`, of any format and order.

    Raises
    ------
    FiberError
        What it does not hold is not zero.
    """
    if array.fill_value != 0:
        raise FiberError(f"what a sparse array does not hold must be zero, not {array.fill_value}")
    entries = array.asformat("coo")
    return entries.coords.T.astype(np.int64), entries.data, tuple(int(length) for length in entries.shape)


def to_pydata(tensor):
    """An array of PyData's `sparse`, by coordinates.

    Raises
    ------
    FiberError
        That package is not installed.
    """
    try:
        from sparse import COO
    except ImportError:
        raise FiberError("the Python package sparse is not installed; run `pip install sparse`") from None
    coords, values = tensor.to_coo()
    return COO(coords.T, values, shape=tensor.shape)
