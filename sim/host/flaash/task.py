"""Tasks of `flaash` as packets of the stream, and their results back."""

import numpy as np

from hw.flaash.task import HEADER_BITS, HEADER_MAGIC, NO_RESULT, Header
from sim.golden.flaash import find_value_format
from sim.host.words import split_trailer, whole_beats

__all__ = ["fiber_pieces", "pack_task", "portion_length", "unpack_result"]

ENTRY = np.dtype([("index", "<u4"), ("value", "<u4")])
RESULT = np.dtype([("destination", "<u4"), ("value", "<u4")])
WIDE_RESULT = np.dtype([("destination", "<u4"), ("zero", "<u4"), ("value", "<i8")])


def portion_length(length, portions):
    """Indices of a portion when the contracted mode is cut into equal ranges; the last ones may be shorter, or empty.

    `sim.golden.flaash.contract_fibers` takes it as ``portion``.
    """
    return -(-length // portions)


def fiber_pieces(tensor, portions=1):
    """A tensor, its fibers cut at equal ranges of indices.

    Parameters
    ----------
    tensor : FiberTensor
        Of F fibers.
    portions : int
        P, at least 1.

    Returns
    -------
    tuple of (pointers (P F + 1), indices, values)
        Piece ``p F + f`` is what fiber f has in portion p; indices stay those of the whole mode.
    """
    if portions == 1:
        return tensor.pointers, tensor.indices, tensor.values
    fiber = np.repeat(np.arange(tensor.fibers), np.diff(tensor.pointers))
    piece = tensor.indices // portion_length(tensor.shape[-1], portions) * tensor.fibers + fiber
    order = np.argsort(piece, kind="stable")
    counts = np.bincount(piece, minlength=portions * tensor.fibers)
    return np.concatenate([[0], np.cumsum(counts)]), tensor.indices[order], tensor.values[order]


def value_words(values):
    """Values as words of 32 bits: integers extended with their sign, fp32 as it is."""
    return values.view("<u4") if values.dtype.kind == "f" else values.astype("<i4").view("<u4")


def pack_task(a, b, parameters, *, portions=1, drop_zeros=False, contract=True, **overrides):
    """A task: tensors that are loaded, and whether those that are there are contracted.

    Sizes are not checked against the memories of the accelerator, which refuses what it cannot hold.

    Parameters
    ----------
    a, b : FiberTensor or None
        Values of the accelerator's format; None keeps the tensor of an earlier task.
    parameters : FlaashParameters
    portions : int
        Parts of the contracted mode; the same for all tasks that work on a tensor.
    drop_zeros : bool
        Do not send results that are zero.
    contract : bool
    **overrides
        Fields of the header, as they are.

    Returns
    -------
    bytes
    """
    p, form = parameters, find_value_format(parameters.values, parameters.accumulator)
    fields = {"magic": HEADER_MAGIC, "contract": contract, "drop_zeros": drop_zeros, "portions": portions}
    sections = b""
    for name, tensor in (("a", a), ("b", b)):
        if tensor is None:
            continue
        if tensor.values.dtype != form.dtype:
            raise TypeError(f"values of tensor {name} must be {form.dtype}, not {tensor.values.dtype}")
        pointers, indices, values = fiber_pieces(tensor, portions)
        entries = np.empty(len(indices), dtype=ENTRY)
        entries["index"], entries["value"] = indices, value_words(values)
        sections += whole_beats(pointers[1:].astype("<u4").tobytes(), p.bus_width)
        sections += whole_beats(entries.tobytes(), p.bus_width)
        fields |= {f"load_{name}": 1, f"fibers_{name}": len(pointers) - 1, f"entries_{name}": len(indices),
                   "length": tensor.shape[-1]}
    header = Header().const(fields | overrides).as_value().value
    return whole_beats(header.to_bytes(HEADER_BITS // 8, "little"), p.bus_width) + sections


def unpack_result(packet, parameters, shape=(0, 0), drop_zeros=False):
    """Results of a task and its error code.

    Parameters
    ----------
    packet : bytes
    parameters : FlaashParameters
    shape : pair of int
        Fibers of a and of b, of one portion; (0, 0) of a task that does not contract.
    drop_zeros : bool
        As the task was told.

    Returns
    -------
    tuple of (array of `shape` or None, int)
        Results of all pairs of fibers, zero where none came; None when the task failed.

    Raises
    ------
    ValueError
        The packet is no beats of results and a trailer; a result is of no pair of fibers, came twice, is wider than
        the accumulator, or is a zero that was to be dropped.
    """
    p, form = parameters, find_value_format(parameters.values, parameters.accumulator)
    payload, code = split_trailer(packet, p.bus_width)
    if code:
        return None, code
    if len(payload) % (p.bus_width // 8):
        raise ValueError(f"the result has {len(payload)} bytes before its trailer, which are no whole beats")
    lanes = np.frombuffer(payload, dtype=RESULT if p.result_width == 64 else WIDE_RESULT)
    lanes = lanes[lanes["destination"] != NO_RESULT]
    places = lanes["destination"].astype(np.int64)
    pairs = shape[0] * shape[1]
    outside = np.flatnonzero(places >= pairs)
    if len(outside):
        raise ValueError(f"a result has destination {places[outside[0]]}, but there are {pairs} pairs of fibers")
    numbers, counts = np.unique(places, return_counts=True)
    if np.any(counts > 1):
        raise ValueError(f"the result of destination {numbers[counts > 1][0]} came {counts.max()} times")
    values = lanes["value"]
    if p.result_width == 64:
        values = values.view("<f4" if form.is_float else "<i4")
    elif np.any(lanes["zero"]) or np.any(values >> (p.accumulator - 1) != values >> 63):
        raise ValueError(f"a result is wider than {p.accumulator} bits")
    if drop_zeros and np.any(values == 0):
        raise ValueError(f"the result of destination {places[values == 0][0]} is zero and was not dropped")
    c = np.zeros(pairs, dtype=form.result_dtype)
    c[places] = values
    return c.reshape(shape), 0
