"""Cycles of a task on `butterfly`, from a model of its schedule in which a group of vectors is the unit of work."""

from gen.errors import ThresherError
from hw.butterfly.stage_share import share_of
from hw.butterfly.task import HEADER_BITS, HeaderCheck
from hw.butterfly.unit_row import write_latency
from sim.host.butterfly import plan_groups
from sim.host.butterfly_passes import plan_passes

from .arrays import load_arrays

__all__ = ["predict_cycles", "predict_passes", "predict_vectors"]

_VECTORS = 64
# Cycles that are the same for every configuration: states of the loader, queues on the way, and the trailer.
_FIXED = 18
# From the last beat that is loaded to the first step; from the end of a group to the first row that leaves; on the way
# of a row to the next column.
_BEGIN, _LEAVE, _HAND = 5, 2, 2
# From the last beat of coefficients to the first one of vectors.
_COEFFICIENTS = 5


def predict_cycles(plan, parameters):
    """Cycles from the first word of a task to the last of its result, if no stream ever stalls.

    A group is loaded, worked on and handed over column by column, and stored. Each of these begins when the group
    before is through and the one two groups before makes place for it, and takes: a cycle a beat of the bus, a cycle
    a step, and a cycle a memory row.
    """
    p, rows, latency = parameters, plan.memory_rows, write_latency(parameters)
    steps = rows * (1 if plan.fft else 2)
    # A stage waits until what it reads first is written.
    gap = max(0, latency + 1 - (steps // 2 if plan.fft else rows - 1))
    beats = rows * p.pieces * p.row_sets
    coefficients = 0 if plan.fft else _COEFFICIENTS - (-plan.worked * max(1, plan.points // p.banks)
                                                       * p.coefficient_width // p.bus_width)
    # Of a column's group before, and of the one before that: when it began and ended to leave.
    left = [[(0, 0), (0, 0)] for _ in range(p.columns)]
    load_end, walk_end = 0, [0] * p.columns
    for group in range(plan.groups):
        begin = max(load_end, left[0][0][0])
        load_end = ready = max(begin + beats, left[0][0][1])
        for column in range(p.columns):
            stages = len(share_of(group, column, p.columns, plan.worked))
            walk_end[column] = max(ready + _BEGIN, walk_end[column]) + max(0, stages * (steps + gap) - gap)
            begin = max(walk_end[column] + latency * (stages > 0) + _LEAVE, left[column][1][1])
            if column == p.columns - 1:
                end = begin + beats
            else:
                begin = max(begin, left[column + 1][0][0])
                end = max(begin + rows, left[column + 1][0][1])
            left[column] = [left[column][1], (begin, end)]
            ready = end + _HAND
    return -(-HEADER_BITS // p.bus_width) + HeaderCheck.latency + coefficients + left[-1][1][1] + _FIXED


def predict_passes(batch, points, fft, parameters):
    """The same of a batch of vectors that may be longer than a task takes: the tasks of all passes, one after another.

    Raises
    ------
    ValueError
        The batch is empty, or the vectors are not what the accelerator takes.
    """
    total = 0
    for each in plan_passes(points, parameters, fft):
        tasks, vectors = (each.blocks, each.vectors) if fft else (each.blocks * each.vectors, 1)
        plan = plan_groups(batch * vectors, each.task_points, fft, parameters, each.worked)
        total += tasks * predict_cycles(plan, parameters)
    return total


def predict_vectors(parameters, options):
    """Cycles of the vectors that options name by a file, or of 64 of the longest ones of a task.

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
    batch, points = _VECTORS, p.pass_points
    if options.input is not None:
        arrays = load_arrays(options.input)
        if "x" not in arrays or arrays["x"].ndim != 2:
            raise ThresherError(f"{options.input} has no array 'x' (batch, N)")
        batch, points = arrays["x"].shape
    predicted = {}
    for mode in ("bpmm", "fft"):
        if getattr(p, mode):
            try:
                cycles = predict_passes(batch, points, mode == "fft", p)
            except ValueError as error:
                raise ThresherError(str(error)) from error
            products = 2 * batch * points * (points.bit_length() - 1)
            predicted[mode] = {"cycles": cycles, "utilisation": products / (p.multipliers * cycles),
                               "points": points, "batch": batch}
    return predicted
