"""Cycles of a task on `butterfly`, from a model of its schedule in which a group of vectors is the unit of work."""

from gen.errors import ThresherError
from hw.butterfly.task import HEADER_BITS, HeaderCheck
from hw.butterfly.unit_row import write_latency
from sim.host.butterfly import plan_groups

from .arrays import load_arrays

__all__ = ["predict_cycles", "predict_vectors"]

_VECTORS = 64
# Cycles that are the same for every configuration: states of the loader, queues on the way, and the trailer.
_FIXED = 20


def predict_cycles(plan, parameters):
    """Cycles from the first word of a task to the last of its result, if no stream ever stalls.

    A group takes ``memory_rows`` steps a stage, or as long as it takes to load it; the first group is loaded before,
    and the last one stored behind.
    """
    p = parameters
    stages, latency = plan.points.bit_length() - 1, write_latency(p)
    steps = plan.memory_rows * (1 if plan.fft else 2)
    # A stage waits until what it reads first is written.
    gap = max(0, latency + 1 - (steps // 2 if plan.fft else plan.memory_rows - 1))
    beats = plan.memory_rows * p.pieces * p.row_sets
    coefficients = 0 if plan.fft else -(-stages * max(1, plan.points // p.banks) * p.coefficient_width // p.bus_width)
    group = max(stages * steps + (stages - 1) * gap, beats + 1)
    return (-(-HEADER_BITS // p.bus_width) + HeaderCheck.latency + coefficients + 2 * beats + latency + _FIXED
            + plan.groups * group)


def predict_vectors(parameters, options):
    """Cycles of the vectors that options name by a file, or of 64 of the longest ones.

    Returns
    -------
    dict
        For each mode: ``cycles``, ``utilisation``, ``points`` and ``batch``.

    Raises
    ------
    ThresherError
        The file has no vectors, or the configuration does not take them.
    """
    p = parameters
    batch, points = _VECTORS, p.max_points
    if options.input is not None:
        arrays = load_arrays(options.input)
        if "x" not in arrays or arrays["x"].ndim != 2:
            raise ThresherError(f"{options.input} has no array 'x' (batch, N)")
        batch, points = arrays["x"].shape
    predicted = {}
    for mode in ("bpmm", "fft"):
        if getattr(p, mode):
            try:
                plan = plan_groups(batch, points, mode == "fft", p)
            except ValueError as error:
                raise ThresherError(str(error)) from error
            cycles = predict_cycles(plan, p)
            products = 2 * batch * points * (points.bit_length() - 1)
            predicted[mode] = {"cycles": cycles, "utilisation": products / (p.multipliers * cycles),
                               "points": points, "batch": batch}
    return predicted
