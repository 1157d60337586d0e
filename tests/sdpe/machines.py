"""Small parameter sets for the parts of a dot product engine."""

from hw.flaash.parameters import FlaashParameters

__all__ = ["small"]


def small(**changes):
    """Few entries; a window of two of 16 bits."""
    return FlaashParameters(**{"bus_width": 64, "engines": 2, "window": 2, "entries": 512, "fibers": 128,
                               "buffer_windows": 16, "bundle": 4, "sums": 64, "index_bits": 8} | changes)
