"""Files of sparse tensors as the authors of FLAASH write them, ``.csfbin``.

Little endian: u32 order, u32 shape[order], u32 nnz, {i32 index, f32 value}[nnz], u32 pointers, u32 pointer[pointers].
"""

from pathlib import Path

import numpy as np

from sim.golden.flaash import MAX_ORDER, FiberError, FiberTensor

__all__ = ["csfbin_bytes", "parse_csfbin", "read_csfbin", "write_csfbin"]

WORD = np.dtype("<u4")
ENTRY = np.dtype([("index", "<i4"), ("value", "<f4")])


def csfbin_bytes(tensor):
    """The file of a tensor.

    Raises
    ------
    FiberError
        A value is not a number that fp32 holds, or there are 2^32 entries or more.
    """
    if tensor.nnz >= 1 << 32:
        raise FiberError(f"a .csfbin file counts up to {(1 << 32) - 1} entries, not {tensor.nnz}")
    entries = np.empty(tensor.nnz, dtype=ENTRY)
    entries["index"] = tensor.indices
    with np.errstate(over="ignore", invalid="ignore"):
        entries["value"] = tensor.values
        wrong = (entries["value"].astype(tensor.values.dtype) != tensor.values) & (tensor.values == tensor.values)
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        raise FiberError(f"value {place} is {tensor.values[place]}, which the fp32 of a .csfbin file does not hold")
    head = np.array([tensor.order, *tensor.shape, tensor.nnz], dtype=WORD)
    tail = np.concatenate([[len(tensor.pointers)], tensor.pointers]).astype(WORD)
    return head.tobytes() + entries.tobytes() + tail.tobytes()


def parse_csfbin(data):
    """The tensor of a file, its values float32.

    Raises
    ------
    FiberError
        The file is cut off, has bytes left over, or its tensor is not one (see `FiberTensor`).
    """
    place = 0

    def take(what, count, dtype=WORD):
        nonlocal place
        size = count * dtype.itemsize
        if len(data) - place < size:
            raise FiberError(f"the .csfbin data ends at byte {len(data)}, within its {what}, which take {size} bytes "
                             f"from byte {place} on")
        array = np.frombuffer(data, dtype=dtype, count=count, offset=place)
        place += size
        return array

    order = int(take("order", 1)[0])
    if not 1 <= order <= MAX_ORDER:
        raise FiberError(f"the .csfbin data has order {order} at byte 0, not 1..{MAX_ORDER}")
    shape = take("lengths", order)
    nnz = int(take("number of entries", 1)[0])
    entries = take("entries", nnz, ENTRY)
    pointers = take("pointers", int(take("number of pointers", 1)[0]))
    if place != len(data):
        raise FiberError(f"the .csfbin data should end at byte {place}, but has {len(data)} bytes")
    return FiberTensor(tuple(shape.tolist()), pointers, entries["index"], entries["value"])


def read_csfbin(path):
    """The tensor of a file; see `parse_csfbin`. Errors name the file."""
    try:
        return parse_csfbin(Path(path).read_bytes())
    except FiberError as error:
        raise FiberError(f"{path}: {error}") from None


def write_csfbin(path, tensor):
    """Write a tensor to a file; see `csfbin_bytes`. Nothing is written of a tensor that cannot be."""
    Path(path).write_bytes(csfbin_bytes(tensor))
