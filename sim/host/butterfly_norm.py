"""Host side of the layer normalisation of `butterfly`: packets of its tasks, and their results."""

import numpy as np

from .butterfly import pack_header, unpack_payload
from .words import whole_beats

__all__ = ["pack_norm_task", "unpack_norm_result"]


def pack_norm_task(x, parameters, y=None, norm=None, **overrides):
    """A task: vectors to be normalised.

    Parameters
    ----------
    x : array of float16 (batch, N)
    parameters : ButterflyParameters
    y : array of float16 (batch, N), optional
        What is added to x before.
    norm : pair of array of float16 (N,), optional
        Weights and biases.
    **overrides
        Fields of the header, as they are.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        The batch is empty, or the vectors are not what the accelerator takes.
    """
    p, lanes = parameters, parameters.norm_lanes
    batch, points = x.shape
    if not p.norm:
        raise ValueError("this accelerator was built without the mode 'norm'")
    least = max(2, lanes)
    if points & (points - 1) or not least <= points <= p.max_points:
        raise ValueError(f"this accelerator normalises vectors of a power of two from {least} to {p.max_points} "
                         f"elements, not {points}")
    if batch < 1:
        raise ValueError("the batch is empty")
    fields = dict(norm=1, residual=y is not None, affine=norm is not None,
                  stages=points.bit_length() - 1, groups=batch) | overrides
    planes = [np.asarray(plane, dtype="<f2").reshape(-1, lanes) for plane in (x, y) if plane is not None]
    data = b"".join(np.asarray(each, dtype="<f2").tobytes() for each in (() if norm is None else norm))
    data += np.stack(planes, axis=1).tobytes()
    return pack_header(fields, p) + whole_beats(data, p.bus_width)


def unpack_norm_result(packet, shape, parameters):
    """Vectors of a result, float16 (batch, N), or None when the task failed; and its error code.

    Raises
    ------
    ValueError
        The packet is not as long as its task says, or ends without a trailer.
    """
    beat, size = parameters.bus_width // 8, 2 * shape[0] * shape[1]
    payload, code = unpack_payload(packet, -(-size // beat) * beat, parameters)
    if code:
        return None, code
    return np.frombuffer(payload[:size], dtype="<f2").astype(np.float16).reshape(shape), 0
