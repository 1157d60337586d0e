"""Tensors that `flaash` is to contract: of files, shipped, or drawn."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gen.errors import ThresherError
from sim.golden.flaash import FP32, find_value_format
from sim.host.flaash import Prepared, prepare, quantise_pair, read_csfbin
from sim.workloads import contraction_case, shipped

from .arrays import load_arrays

__all__ = ["FlaashInputs", "drawn_case", "last_modes", "load_inputs", "read_inputs"]

#: What is drawn where the shipped case does not fit: the source's middle shape for both tensors.
SHAPE, DENSITY = (7, 7, 512), 0.1


@dataclass(frozen=True, eq=False)
class FlaashInputs:
    """A contraction: the user's arrays, the tensors as the hardware is given them, and the scale of its results.

    ``scale`` is None when the hardware was given the values as they are.
    """

    arrays: dict
    einsum: str
    prepared: Prepared
    scale: float | None


def last_modes(order_a, order_b):
    """The einsum that contracts the last modes, free modes of a before those of b."""
    a, b = "abcdefg"[:order_a - 1], "hijklmn"[:order_b - 1]
    return f"{a}z,{b}z->{a}{b}"


def csfbin_arrays(name, path):
    """A tensor of a ``.csfbin`` file as arrays, as if they came from an ``.npz``."""
    try:
        tensor = read_csfbin(path)
    except (OSError, ValueError) as error:
        raise ThresherError(str(error)) from error
    coords, values = tensor.to_coo()
    return {f"{name}_coords": coords, f"{name}_values": values, f"{name}_shape": np.array(tensor.shape)}


def drawn_case(parameters, seed):
    """Random tensors of the source's middle shape, a tenth of them, or as much as memories hold, not zero.

    Integers are of 8 bits for every format, so that sums stay in the accumulator.
    """
    p = parameters
    shape = (*SHAPE[:-1], min(SHAPE[-1], 1 << p.index_bits))
    density = min(DENSITY, p.entries / math.prod(shape))
    return contraction_case(shape, shape, density, form="fp32" if p.is_float else "int8", seed=seed)


def own_case(parameters, seed):
    """The shipped tensors, or drawn ones where an index has too few bits for their contracted mode."""
    arrays = shipped("flaash")
    if arrays["a_shape"][-1] > 1 << parameters.index_bits:
        return drawn_case(parameters, seed)
    return arrays, last_modes(len(arrays["a_shape"]), len(arrays["b_shape"]))


def load_inputs(parameters, options):
    """Arrays and einsum that the options name, or the shipped ones.

    Returns
    -------
    tuple of (dict of str to array, str)

    Raises
    ------
    ThresherError
        A file cannot be read, or the second tensor is missing or one too many.
    """
    files = [None if path is None else Path(path) for path in (options.input, options.input_b)]
    if files[0] is None:
        if files[1] is not None:
            raise ThresherError("--input-b is the second tensor of a contraction; give the first one by --input")
        if options.einsum is not None:
            raise ThresherError("--einsum is of tensors; give them by --input")
        return own_case(parameters, options.seed)
    if files[0].suffix == ".csfbin":
        if files[1] is None:
            raise ThresherError(f"{files[0]} holds one tensor; give the second one by --input-b")
        arrays = csfbin_arrays("a", files[0]) | csfbin_arrays("b", files[1])
    elif files[1] is not None:
        raise ThresherError(f"--input-b goes with an --input that is a .csfbin file; {files[0]} holds both tensors")
    else:
        arrays = load_arrays(files[0])
    orders = [np.size(arrays.get(f"{name}_shape", ())) for name in "ab"]
    return arrays, options.einsum or last_modes(*orders)


def read_inputs(parameters, options):
    """The contraction that the options name, checked, its values in the accelerator's format.

    Real values that a format of integers does not hold are scaled; see :func:`sim.host.flaash.quantise_pair`.

    Raises
    ------
    ThresherError
        See `load_inputs` and :func:`sim.host.flaash.prepare`.
    """
    form = find_value_format(parameters.values, parameters.accumulator)
    arrays, einsum = load_inputs(parameters, options)
    real = not form.is_float and any(
        np.asarray(arrays[f"{name}_values"]).dtype.kind == "f" and not np.all(form.holds(arrays[f"{name}_values"]))
        for name in "ab" if f"{name}_values" in arrays)
    try:
        prepared, scale = prepare(arrays, einsum, FP32 if real else form), None
        if real:
            a, b, scale = quantise_pair(prepared.a, prepared.b, form)
            prepared = Prepared(prepared.plan, a, b)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    return FlaashInputs(arrays, einsum, prepared, scale)
