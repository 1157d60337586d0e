"""Real tensors as integers, so that no sum of a contraction leaves the accumulator."""

import numpy as np

from sim.golden.flaash import FiberError

__all__ = ["quantise_pair"]


def longest_fiber(tensor, values):
    """Largest Euclidean norm of a fiber."""
    squares = np.bincount(tensor.fiber_of(np.arange(tensor.nnz)), weights=values ** 2, minlength=tensor.fibers)
    return float(np.sqrt(squares.max()))


def quantise_pair(a, b, form):
    """Both tensors as integers of a format, rounded to nearest even.

    A tensor that the format holds unchanged stays as it is. Any other is scaled to the range of the format or, if then
    ``|fiber of a| |fiber of b|`` of the longest fibers, which no sum exceeds, were beyond the accumulator, to less.

    Parameters
    ----------
    a, b : FiberTensor
        Of real values.
    form : ValueFormat
        Of integers.

    Returns
    -------
    tuple of (FiberTensor, FiberTensor, float)
        Integers, and what results are multiplied with to be those of the real tensors.

    Raises
    ------
    FiberError
        A value is infinite or no number.
    """
    tensors = {"a": a, "b": b}
    limits, largest = {}, {}
    for name, tensor in tensors.items():
        if not np.all(np.isfinite(tensor.values)):
            raise FiberError(f"tensor {name} has values that are not finite, which {form.name} does not hold")
        if not np.all(form.holds(tensor.values)):
            limits[name] = float((1 << (form.width - 1)) - 1)
            largest[name] = float(np.abs(tensor.values).max())
    most = float((1 << (form.accumulator - 1)) - 1)
    while True:
        integers = {name: np.rint(tensor.values.astype(np.float64) * (limits[name] / largest[name]))
                    if name in limits else tensor.values.astype(np.float64) for name, tensor in tensors.items()}
        bound = longest_fiber(a, integers["a"]) * longest_fiber(b, integers["b"])
        shrinking = [name for name, limit in limits.items() if limit > 1]
        if bound <= most or not shrinking:
            break
        for name in shrinking:
            limits[name] = max(1.0, np.floor(limits[name] * (most / bound) ** (1 / len(shrinking))))
    scale = float(np.prod([largest[name] / limits[name] for name in limits]))
    return *(tensor.with_values(integers[name].astype(form.dtype)) for name, tensor in tensors.items()), scale
