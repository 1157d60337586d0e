"""A contraction of any size as tasks that an accelerator can hold: ranges of fibers of both tensors."""

from dataclasses import dataclass

import numpy as np

from hw.flaash.task import NO_RESULT
from sim.golden.flaash import FiberError, FiberTensor, find_value_format

from .task import pack_task, unpack_result

__all__ = ["ContractionTask", "pack_contraction", "plan_tasks", "take_fibers", "unpack_contraction"]

#: The header counts portions in 16 bits.
MOST_PORTIONS = (1 << 16) - 1


@dataclass(frozen=True)
class ContractionTask:
    """Fibers of a and of b that a task contracts, and which of both it loads before."""

    fibers_a: range
    fibers_b: range
    load_a: bool
    load_b: bool

    @property
    def shape(self):
        """Fibers of a and of b."""
        return len(self.fibers_a), len(self.fibers_b)


def take_fibers(tensor, fibers):
    """The fibers of a range, as a tensor of two modes."""
    pointers = tensor.pointers[fibers.start:fibers.stop + 1]
    entries = slice(pointers[0], pointers[-1])
    return FiberTensor((len(fibers), tensor.shape[-1]), pointers - pointers[0], tensor.indices[entries],
                       tensor.values[entries])


def ranges_of(name, tensor, entries, fibers):
    """Ranges of fibers, as long as they can be with so many entries and fibers."""
    ranges, start = [], 0
    while start < tensor.fibers:
        end = int(np.searchsorted(tensor.pointers, tensor.pointers[start] + entries, side="right")) - 1
        if end == start:
            length = tensor.pointers[start + 1] - tensor.pointers[start]
            raise FiberError(f"fiber {start} of tensor {name} has {length} entries, but the memory of the accelerator "
                             f"holds {entries}")
        end = min(end, start + fibers, tensor.fibers)
        ranges.append(range(start, end))
        start = end
    return ranges


def check_portions(length, portions, parameters):
    p = parameters
    if not 1 <= portions <= MOST_PORTIONS:
        raise ValueError(f"the number of portions must be 1..{MOST_PORTIONS}, not {portions}")
    if portions == 1:
        return
    if portions > length:
        raise ValueError(f"the contracted mode has {length} indices, which cannot be cut into {portions} portions")
    for what, held in (("fibers", p.fibers), ("sums", p.sums)):
        if portions > held:
            raise ValueError(f"{portions} portions need at least as many {what} (--set {what}=...), and the "
                             f"accelerator was built with {held}")


def plan_tasks(a, b, parameters, portions=1):
    """Cut a contraction into tasks.

    Each range of fibers of a stays in memory for all ranges of b. Every other range of a takes those of b in reverse,
    so that one is there already.

    Parameters
    ----------
    a, b : FiberTensor
    parameters : FlaashParameters
    portions : int
        Parts of the contracted mode. Sums of portions wait for each other in a memory of the accelerator, so that more
        portions leave place for fewer results a task.

    Returns
    -------
    list of ContractionTask

    Raises
    ------
    ValueError
        An index needs more bits than the accelerator has, a fiber more entries (`FiberError`), or the portions more
        fibers, sums or indices.
    """
    p = parameters
    check_portions(a.shape[-1], portions, p)
    if a.shape[-1] > 1 << p.index_bits:
        raise FiberError(f"the contracted modes are {a.shape[-1]} long together, more than the {1 << p.index_bits} "
                         f"that an index of {p.index_bits} bits counts (--set index_bits=...)")
    pieces, results = p.fibers // portions, NO_RESULT if portions == 1 else p.sums // portions
    ranges_b = ranges_of("b", b, p.entries, min(pieces, results))
    widest = max(len(fibers) for fibers in ranges_b)
    ranges_a = ranges_of("a", a, p.entries, min(pieces, results // widest))
    tasks, here = [], (None, None)
    for number, fibers_a in enumerate(ranges_a):
        for fibers_b in ranges_b[::-1 if number % 2 else 1]:
            tasks.append(ContractionTask(fibers_a, fibers_b, fibers_a != here[0], fibers_b != here[1]))
            here = fibers_a, fibers_b
    return tasks


def pack_contraction(a, b, tasks, parameters, *, portions=1, drop_zeros=False):
    """Packets of the tasks that `plan_tasks` made of two tensors; see `pack_task`."""
    return [pack_task(take_fibers(a, task.fibers_a) if task.load_a else None,
                      take_fibers(b, task.fibers_b) if task.load_b else None,
                      parameters, portions=portions, drop_zeros=drop_zeros) for task in tasks]


def unpack_contraction(packets, tasks, parameters, drop_zeros=False):
    """Results (fibers of a, fibers of b) of the packets of all tasks, and the error code of the first that failed.

    Raises
    ------
    ValueError
        See `unpack_result`.
    """
    form = find_value_format(parameters.values, parameters.accumulator)
    c = np.zeros((max(task.fibers_a.stop for task in tasks), max(task.fibers_b.stop for task in tasks)),
                 dtype=form.result_dtype)
    for packet, task in zip(packets, tasks, strict=True):
        results, code = unpack_result(packet, parameters, task.shape, drop_zeros)
        if code:
            return None, code
        c[task.fibers_a.start:task.fibers_a.stop, task.fibers_b.start:task.fibers_b.stop] = results
    return c, 0
