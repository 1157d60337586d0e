"""Cycles of a contraction on `flaash`, from a model of its schedule in which a bundle of jobs is the unit of work."""

from dataclasses import dataclass

import numpy as np

from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from hw.arith.float_add import FloatAdd
from hw.flaash.task import HEADER_BITS
from hw.sdpe.fiber_fetch import retained_entries
from sim.golden.flaash import Jobs, intersect_many
from sim.host.flaash import fiber_pieces, plan_tasks, take_fibers

from .flaash_inputs import read_inputs
from .flaash_simulation import count_macs

__all__ = ["ContractionCycles", "predict_contraction", "predict_task", "predict_tasks"]

# Cycles of a task besides loading and contracting: its header, the ways between, and the trailer.
_TASK = 51
# Cycles of a contraction besides its work: from its start to the first comparison, and from the last one to the end.
_BEGIN_AND_END = {False: 86, True: 126}
# From one job of an engine to the next without a pause: a job takes this many cycles at least.
_SHORTEST_JOB = 3
# A product of fp32 every other cycle: four sums wait for an adder, which one after another takes eight cycles.
_PRODUCT = {False: 1, True: 2}
_SUM = 8
# Jobs whose comparisons are counted; of larger tasks evenly chosen fibers of a stand for all.
_MOST_JOBS = 1 << 15


@dataclass(frozen=True)
class ContractionCycles:
    """Cycles of a task: of loading, of contracting, and all; and of contracting what would take how many alone."""

    loading: int
    working: int
    bounds: dict

    @property
    def cycles(self):
        """From the first beat of the task to its trailer."""
        return _TASK + self.loading + self.working


def section_cycles(pieces, entries, parameters):
    """Cycles in which a tensor is loaded: a beat each, of entries a row of the memory at most."""
    p = parameters
    beats = -(-64 * entries // p.bus_width)
    return -(-32 * pieces // p.bus_width) + max(beats, -(-entries // p.row_entries))


def blocks_of(starts, ends, entries):
    """Windows or rows of so many entries, aligned in memory, that each range of entries lies in."""
    return np.where(ends > starts, -(-ends // entries) - starts // entries, 0)


class _Side:
    """Pieces of a tensor: their ranges of entries, portion by portion."""

    def __init__(self, tensor, parameters, portions):
        pointers, self.indices, _ = fiber_pieces(tensor, portions)
        self.starts, self.ends = (bounds.reshape(portions, -1) for bounds in (pointers[:-1], pointers[1:]))
        self.windows, self.rows = (blocks_of(self.starts, self.ends, entries)
                                   for entries in (parameters.window, parameters.row_entries))


def predict_task(a, b, parameters, portions=1, load_a=True, load_b=True):
    """Cycles of a task that contracts these tensors, if no stream ever stalls.

    An engine compares a pair of windows a cycle, and meanwhile reads the next jobs: a row of memory a cycle, and a
    window of either side; where ranges of memory begin it waits for the turn of its bank, half a round on average. Jobs
    are issued a row of pointers a cycle, and results leave as many a cycle as a beat holds. The cluster takes as long
    as the slowest of the four, and the last engine a job more than the others.

    Parameters
    ----------
    a, b : FiberTensor
    parameters : FlaashParameters
    portions : int
    load_a, load_b : bool
        Whether the task loads them, too.

    Returns
    -------
    ContractionCycles
    """
    p = parameters
    loading = -(-HEADER_BITS // p.bus_width) + sum(
        section_cycles(portions * tensor.fibers, tensor.nnz, p) for tensor, load in ((a, load_a), (b, load_b)) if load)
    sides = [_Side(tensor, p, portions) for tensor in (a, b)]
    chosen = _chosen(a.fibers, max(1, _MOST_JOBS // (portions * b.fibers)))
    compared = read = rows = results = matches = 0
    for portion in range(portions):
        work = _work_of(sides, portion, chosen, p)
        compared, read, rows, results, matches = (total + part for total, part in zip(
            (compared, read, rows, results, matches), work, strict=True))
    scale = a.fibers / len(chosen)
    bounds = {"comparing": compared * scale / p.engines, "reading": read * scale / p.engines,
              "issuing": max(rows * scale, portions * a.fibers), "results": results * scale / p.results_of_beat}
    last = (compared * (1 - 1 / p.engines) + _SUM * matches * p.is_float) / max(1, results)
    if portions > 1:
        # Stored one a cycle, in a memory that is cleared before, and added one after another.
        pairs = a.fibers * b.fibers
        bounds["results"] = results * scale
        last += portions * pairs * (1 + 3 + (FloatAdd.latency if p.is_float else 0)) + pairs
    bounds = {name: round(cycles) for name, cycles in bounds.items()}
    working = _BEGIN_AND_END[p.is_float] + p.latency + max(bounds.values()) + round(last)
    return ContractionCycles(loading, working, bounds)


def _chosen(count, most):
    """Numbers of fibers that stand for all."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).astype(np.int64)


def _work_of(sides, portion, chosen, parameters):
    """Of the chosen fibers of a in a portion: cycles of comparing and reading, rows of pointers, results, matches."""
    p, (a, b) = parameters, sides
    some = chosen[a.starts[portion][chosen] != a.ends[portion][chosen]]
    a_start, a_end, windows_a, rows_a = (part[portion][some] for part in (a.starts, a.ends, a.windows, a.rows))
    b_start, b_end = b.starts[portion], b.ends[portion]
    fibers = len(b_start)
    busy_b = np.flatnonzero(b_start != b_end)
    row = (portion * fibers % p.bundle + np.arange(fibers)) // p.bundle
    rows = len(a_start) * (int(row[-1]) + 1)
    if not len(a_start) or not len(busy_b):
        return 0, 0, rows, 0, 0
    of_a, of_b = (grid.ravel() for grid in np.meshgrid(np.arange(len(a_start)), busy_b, indexing="ij"))
    jobs = Jobs(a_start[of_a], a_end[of_a], b_start[of_b], b_end[of_b], of_b, of_b)
    work = intersect_many(a.indices, b.indices, jobs, p.window, "rows")
    compared = np.maximum(np.maximum(work.cycles, work.matches * _PRODUCT[p.is_float]), _SHORTEST_JOB).sum()
    # Half a round of the banks.
    turn = (p.engines - 1) / 2 if p.memory == "banked" else 0
    bundles, first = np.unique(row[busy_b], return_index=True)
    last = np.append(first[1:], len(busy_b)) - 1
    rows_b = blocks_of(b_start[busy_b[first]], b_end[busy_b[last]], p.row_entries) + turn
    # A fiber that does not stay is read again for each job.
    long = a_end - a_start > retained_entries(p)
    times = np.where(long, len(busy_b), min(p.engines, len(bundles)))
    read = max((times * (rows_a + turn)).sum() + len(a_start) * rows_b.sum() + turn * len(busy_b) * long.sum(),
               (times * windows_a).sum(), len(a_start) * b.windows[portion].sum())
    return int(compared), float(read), rows, len(of_a), int(work.matches.sum())


def predict_tasks(a, b, parameters, portions=1):
    """The same of tensors of any size: of all tasks that they are cut into.

    Returns
    -------
    list of ContractionCycles

    Raises
    ------
    ValueError
        See :func:`sim.host.flaash.plan_tasks`.
    """
    return [predict_task(take_fibers(a, task.fibers_a), take_fibers(b, task.fibers_b), parameters, portions,
                         task.load_a, task.load_b) for task in plan_tasks(a, b, parameters, portions)]


def predict_contraction(parameters, options):
    """Cycles of the contraction that options name by files, or of the one that `thresher sim` takes.

    Returns
    -------
    dict
        ``cycles``, of them ``loading`` and ``working``; ``utilisation``, ``macs``, ``tasks``, and ``bounds``: what
        contracting would take if only comparing, reading, issuing or sending results took time.

    Raises
    ------
    ThresherError
        The files hold no contraction, or the configuration does not take it.
    """
    p, portions = parameters, options.portions or 1
    prepared = read_inputs(p, SimulationOptions(input=options.input, input_b=options.input_b,
                                                einsum=options.einsum)).prepared
    try:
        tasks = predict_tasks(prepared.a, prepared.b, p, portions)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    cycles, macs = sum(task.cycles for task in tasks), count_macs(prepared.a, prepared.b)
    return {"cycles": cycles, "loading": sum(task.loading for task in tasks),
            "working": sum(task.working for task in tasks), "utilisation": macs / (p.multipliers * cycles),
            "macs": macs, "tasks": len(tasks),
            "bounds": {name: sum(task.bounds[name] for task in tasks) for name in tasks[0].bounds}}
