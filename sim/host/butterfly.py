"""Host side of `butterfly`: vectors as groups of words of the stream, and back."""

from dataclasses import dataclass

import numpy as np

from hw.butterfly.task import HEADER_BITS, HEADER_MAGIC, Header
from hw.butterfly.unit_row import write_latency
from sim.golden.butterfly import bit_reversed

from .words import split_trailer, whole_beats

__all__ = ["GroupPlan", "pack_header", "pack_task", "plan_groups", "unpack_payload", "unpack_result"]


@dataclass(frozen=True)
class GroupPlan:
    """How a batch lies in groups: ``vectors`` in each row of units, ``memory_rows`` long, ``groups`` of them.

    The first ``worked`` stages are worked on.
    """

    fft: bool
    points: int
    batch: int
    vectors: int
    memory_rows: int
    groups: int
    worked: int


def plan_groups(batch, points, fft, parameters, worked=None):
    """Cut a batch into equal groups.

    A group is as small as it can be without waiting between its stages, so that loading, computing and storing
    overlap, and no smaller than a vector; the last one is filled up with zeros.

    Raises
    ------
    ValueError
        The batch is empty, or the vectors are not what the accelerator takes.
    """
    p = parameters
    if points < 2 or points & (points - 1):
        raise ValueError(f"the number of points must be a power of two of at least 2, not {points}")
    if points > p.pass_points:
        raise ValueError(f"a task of this accelerator takes vectors of up to {p.pass_points} points, not {points}")
    if batch < 1:
        raise ValueError("the batch is empty")
    if not (p.fft if fft else p.bpmm):
        raise ValueError(f"this accelerator was built without the mode {'fft' if fft else 'bpmm'!r}")
    vector_rows, vectors_of_row = max(1, points // p.banks), max(1, p.banks // points)
    wanted = 2 * (write_latency(p) + 1) if fft else write_latency(p) + 1
    rows = min(p.memory_rows, max(vector_rows, 1 << (wanted - 1).bit_length()))
    most = rows * p.banks // points                          # vectors of a row of units
    columns = batch if fft else -(-batch // 2)               # words hold an element each of two real vectors
    groups = -(-columns // (p.rows * most))
    vectors = -(-columns // (p.rows * groups))
    vectors = -(-vectors // vectors_of_row) * vectors_of_row
    groups = -(-columns // (p.rows * vectors))
    return GroupPlan(fft, points, batch, vectors, vectors * points // p.banks, groups,
                     worked or points.bit_length() - 1)


def element_bits(values, parameters):
    """Elements of the accelerator's format as integers."""
    values = np.ascontiguousarray(values)
    if parameters.fixed_point:
        limit = 1 << (parameters.element_width - 1)
        if values.dtype.kind != "i" or np.any((values < -limit) | (values >= limit)):
            raise TypeError(f"elements must be integers from {-limit} to {limit - 1}")
        values = values.astype("<i2")
    if values.dtype.itemsize * 8 != parameters.element_width:
        raise TypeError(f"elements must have {parameters.element_width} bits, not the type {values.dtype}")
    return values.view(f"<u{values.dtype.itemsize}")


def pack_vectors(low, high, plan, parameters):
    """Bytes of all groups: word planes `low` and `high`, each (columns, points), in the order of the stream."""
    p = parameters
    words = np.zeros((plan.groups * p.rows * plan.vectors, plan.points, 2), dtype="<u2")
    words[:len(low), :, 0], words[:len(high), :, 1] = low, high
    beats = words.reshape(plan.groups, p.row_sets, p.rows_at_once, plan.memory_rows, p.pieces, p.piece_words, 2)
    return np.ascontiguousarray(beats.transpose(0, 3, 1, 4, 2, 5, 6)).tobytes()


def unpack_vectors(payload, plan, parameters):
    """The opposite of `pack_vectors`: planes of all columns, those that fill up included."""
    p = parameters
    beats = np.frombuffer(payload, dtype="<u2").reshape(
        plan.groups, plan.memory_rows, p.row_sets, p.pieces, p.rows_at_once, p.piece_words, 2)
    words = beats.transpose(0, 2, 4, 1, 3, 5, 6).reshape(-1, plan.points, 2)
    return words[..., 0], words[..., 1]


def pair_order(points, stride, lanes):
    """Numbers of the pairs that the units work on, ``(steps, lanes)``, for one vector, or a memory row of them."""
    banks = 2 * lanes
    unit = np.arange(lanes)
    if stride >= banks:
        step = np.arange(points // banks)
        distance = stride // banks
        pair, phase = step >> 1, step & 1
        row = (pair // distance) * 2 * distance + pair % distance
        first = row[:, None] * banks + phase[:, None] + 2 * unit
    else:
        place = (unit // stride) * 2 * stride + unit % stride
        first = (np.arange(max(1, points // banks))[:, None] * banks + place) % points
    return first // (2 * stride) * stride + first % stride


def pack_coefficients(w, parameters):
    """Bytes of the coefficients ``(log2 N, N/2, 2, 2)``, row by row in the order of the steps, in whole beats."""
    stages, half = w.shape[:2]
    rows = np.concatenate([element_bits(w, parameters)[stage][pair_order(2 * half, half >> stage, parameters.lanes)]
                           for stage in range(stages)])
    return whole_beats(rows.tobytes(), parameters.bus_width)


def pack_header(fields, parameters):
    """Bytes of a header with these fields, in whole beats."""
    value = Header().const({"magic": HEADER_MAGIC} | fields).as_value().value
    return whole_beats(value.to_bytes(HEADER_BITS // 8, "little"), parameters.bus_width)


def unpack_payload(packet, size, parameters):
    """What comes before the trailer of a result packet, `size` bytes, or None when the task failed; and its error code.

    Raises
    ------
    ValueError
        The packet is not as long as its task says, or ends without a trailer.
    """
    payload, code = split_trailer(packet, parameters.bus_width)
    if code:
        return None, code
    if len(payload) != size:
        raise ValueError(f"the result has {len(payload)} bytes, not {size}")
    return payload, 0


def pack_task(x, parameters, w=None, keep=False, worked=None, first_block=0, scaling=None, **overrides):
    """A task: a batch of vectors and what becomes of them.

    Parameters
    ----------
    x : array (batch, N) or tuple of two
        Elements of the format: real vectors, or real and imaginary parts for a Fourier transform.
    parameters : ButterflyParameters
    w : array (worked, N/2, 2, 2) or None
        Elements of the format, of real vectors, unless with `keep`.
    keep : bool
        Use the coefficients of the task before.
    worked : int, optional
        Number of stages to work on, the first ones; all without.
    first_block : int
        Number of the block of a longer vector, after its earlier stages, that the vectors of a Fourier transform are.
    scaling : sequence of int or None
        Of fixed point: 1 for each stage whose results are halved, the longest stride first; None halves none.
    **overrides
        Fields of the header, as they are.

    Returns
    -------
    tuple of (bytes, GroupPlan)
    """
    p = parameters
    fft = isinstance(x, tuple)
    planes = [element_bits(plane, p) for plane in (x if fft else (x[0::2], x[1::2]))]
    batch, points = (x[0] if fft else x).shape
    plan = plan_groups(batch, points, fft, p, worked)
    fields = dict(fft=fft, keep_coefficients=keep, stages=points.bit_length() - 1,
                  worked=worked or 0, memory_rows=plan.memory_rows, groups=plan.groups, first_block=first_block,
                  scaling=sum(int(bit) << stage for stage, bit in enumerate(scaling or ()))) | overrides
    coefficients = b"" if fft or keep else pack_coefficients(w, p)
    return pack_header(fields, p) + coefficients + pack_vectors(*planes, plan, p), plan


def unpack_result(packet, plan, parameters, dtype, natural=True):
    """Vectors of a result and its error code.

    Parameters
    ----------
    packet : bytes
    plan : GroupPlan
    parameters : ButterflyParameters
    dtype : dtype
        Of the elements.
    natural : bool
        Put results of a Fourier transform, which come in bit-reversed order, into natural order.

    Returns
    -------
    tuple of (array or tuple of arrays, int)
        Real vectors, or real and imaginary parts in natural order; None when the task failed.

    Raises
    ------
    ValueError
        The packet is not as long as its task says, or ends without a trailer.
    """
    p = parameters
    payload, code = unpack_payload(
        packet, plan.groups * p.rows * plan.memory_rows * p.banks * p.word_width // 8, p)
    if code:
        return None, code
    stored = np.dtype("<i2") if p.fixed_point else dtype
    low, high = (np.ascontiguousarray(plane).view(stored).astype(dtype, copy=False)
                 for plane in unpack_vectors(payload, plan, p))
    if plan.fft:
        order = bit_reversed(plan.points) if natural else slice(None)
        return (low[:plan.batch, order], high[:plan.batch, order]), 0
    result = np.empty((2 * len(low), plan.points), dtype=dtype)
    result[0::2], result[1::2] = low, high
    return result[:plan.batch], 0
