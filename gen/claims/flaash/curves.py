"""Shapes of the source's curves: time over density, over the length of the contracted mode, and over the order."""

import math

from gen.claims.claim import between, claims, near

from .evidence import MERGE, fibers_of, random_pair
from .figures import DENSITY_CURVES, ORDER_CURVE, ORDERS, VOLUME_CURVES, VOLUME_LENGTHS

__all__ = []

#: The curves are those of the merge: sums of integers are never waited for.
MERGE_OF_INTEGERS = (*MERGE, "values=int16")
HOW = "one engine that compares one pair of indices a cycle, integers"
#: Fibers of a tensor of the curves over the length.
FIBERS = 12
#: Fibers of the dense factor of a contraction layer, whose size the paper does not give.
RANK = 5
#: Entries of the tensors of growing order.
ENTRIES = 700


@claims("Evaluation", "simulation")
def time_over_length(evidence):
    cycles = {}
    for entries in VOLUME_CURVES:
        for length in VOLUME_LENGTHS:
            cycles[entries, length] = evidence.run(
                ("length", entries, length), lambda seed, form, entries=entries, length=length: tuple(
                    fibers_of(FIBERS, length, entries, form, 2 * seed + side) for side in range(2)),
                *MERGE_OF_INTEGERS).cycles
    largest = cycles[max(VOLUME_CURVES), VOLUME_LENGTHS[-1]]
    for entries, paper in VOLUME_CURVES.items():
        ours = [cycles[entries, length] / largest for length in VOLUME_LENGTHS]
        yield near(f"time of fibers of {entries} entries, length {' and '.join(map(str, VOLUME_LENGTHS))}, over that "
                   f"of {max(VOLUME_CURVES)} entries and {VOLUME_LENGTHS[-1]}", "contraction time by volume",
                   list(paper), ours, "", 0.05, note=HOW)


def of_entries(shape, form, seed):
    """A random tensor of `ENTRIES`."""
    return random_pair(shape, shape, ENTRIES / math.prod(shape), form, seed)[0]


@claims("Evaluation", "simulation")
def time_over_order(evidence):
    cycles = []
    for order in ORDERS:
        shape = (3,) * (order - 1) + (512,)
        cycles.append(evidence.run(("order", order), lambda seed, form, shape=shape: (
            of_entries((3, 512), form, 2 * seed), of_entries(shape, form, 2 * seed + 1)), *MERGE_OF_INTEGERS).cycles)
    growth, paper = ([more / less for less, more in zip(times, times[1:], strict=False)]
                     for times in (cycles, ORDER_CURVE))
    yield between(f"time of a tensor of {ENTRIES} entries and order {', '.join(map(str, ORDERS[1:]))} over that of one "
                  f"less", "contraction time by order", paper, growth, "times", low=1, high=3,
                  note=f"{HOW}; by a tensor (3, 512) of as many entries. Which tensors the paper contracts it does not "
                       f"say. There are three times as many jobs with each order, and each has fewer entries")


@claims("Evaluation", "simulation")
def time_over_density(evidence):
    for shape, curve in DENSITY_CURVES.items():
        cycles = [evidence.run(("layer", shape, percent), lambda seed, form, shape=shape, percent=percent: (
            random_pair(shape, shape, percent / 100, form, seed)[0],
            fibers_of(RANK, shape[-1], shape[-1], form, seed)), *MERGE_OF_INTEGERS).cycles for percent in curve]
        paper = [time / curve[max(curve)] for time in curve.values()]
        ours = [value / cycles[-1] for value in cycles]
        yield near(f"time of a contraction layer {shape} at {', '.join(f'{percent} %' for percent in curve)}, over "
                   f"that at {max(curve)} %", "contraction time by density", paper, ours, "", 0.15,
                   note=f"{HOW}; by a dense factor, which the paper's curves fit, and whose size it does not give. "
                        f"Here a fiber of the factor is read to its end, a window a cycle, even if the other one has "
                        f"ended before")
