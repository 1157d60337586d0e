"""Records that pass between the parts of a cluster of sparse dot product engines."""

from amaranth.lib import data
from amaranth.utils import ceil_log2

__all__ = ["Bundle", "Entry", "FiberRange", "Job", "Result", "Window"]


class Entry(data.StructLayout):
    """An entry of a fiber: its place in the contracted mode, and its value."""

    def __init__(self, parameters):
        super().__init__({"index": parameters.index_bits, "value": parameters.value_width})


class Window(data.StructLayout):
    """Entries of one fiber at places of memory that are a multiple of the window's size, and those that follow.

    ``present`` tells which of them belong to the fiber, ``highest`` is the highest index of those, ``last`` that none
    of the fiber follows.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({"entries": data.ArrayLayout(Entry(p), p.window), "present": p.window,
                          "highest": p.index_bits, "last": 1})


class FiberRange(data.StructLayout):
    """Consecutive fibers of a tensor: entries ``start`` to ``ends[0]``, from there to ``ends[1]``, and so on.

    They are read as often as ``times`` says. ``tag`` goes with them.
    """

    def __init__(self, parameters, fibers, tag=0):
        p = parameters
        super().__init__({"start": p.pointer_bits, "ends": data.ArrayLayout(p.pointer_bits, fibers),
                          "times": 4, "tag": tag})


class Bundle(data.StructLayout):
    """Work of an engine: the dot products of a fiber of a with up to ``bundle`` consecutive fibers of b.

    ``destination`` is the place of the result of the first one; those of the others follow. ``same`` is the number of
    the fiber of a, by which an engine knows whether it has it.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "a_start": p.pointer_bits, "a_end": p.pointer_bits, "a_number": ceil_log2(p.fibers),
            "b_start": p.pointer_bits, "b_ends": data.ArrayLayout(p.pointer_bits, p.bundle),
            "destination": 32,
        })


class Job(data.StructLayout):
    """A dot product: where it goes, and whether it is the last one of its bundle."""

    def __init__(self):
        super().__init__({"destination": 32, "last": 1})


class Result(data.StructLayout):
    """The place of a result in C, row-major, and its value."""

    def __init__(self, parameters):
        super().__init__({"destination": 32, "value": parameters.accumulator})
