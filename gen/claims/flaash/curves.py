"""Shapes of the source's curves: time over density, over the length of the contracted mode, and over the order."""

from gen.claims.claim import between, claims, near

from .evidence import MERGE, fibers_of, random_pair
from .figures import DENSITY_CURVES, ORDER_CURVE, ORDERS, VOLUME_CURVES, VOLUME_LENGTHS

__all__ = []

#: Fibers of a tensor of the curves over the length.
FIBERS = 12
#: Fibers of the dense factor of a contraction layer, whose size the paper does not give.
RANK = 5


@claims("Evaluation", "simulation")
def time_over_length(evidence):
    cycles = {}
    for entries in VOLUME_CURVES:
        for length in VOLUME_LENGTHS:
            cycles[entries, length] = evidence.run(
                ("length", entries, length), lambda seed, entries=entries, length=length: tuple(
                    fibers_of(FIBERS, length, entries, evidence.form, 2 * seed + side) for side in range(2)),
                *MERGE).cycles
    largest = cycles[max(VOLUME_CURVES), VOLUME_LENGTHS[-1]]
    for entries, paper in VOLUME_CURVES.items():
        ours = [cycles[entries, length] / largest for length in VOLUME_LENGTHS]
        yield near(f"time of fibers of {entries} entries, length {' and '.join(map(str, VOLUME_LENGTHS))}, over that "
                   f"of {max(VOLUME_CURVES)} entries and {VOLUME_LENGTHS[-1]}", "contraction time by volume",
                   list(paper), ours, "", 0.05, note="one engine that compares one pair of indices a cycle")


@claims("Evaluation", "simulation")
def time_over_order(evidence):
    cycles = []
    for order in ORDERS:
        shape = (3,) * (order - 1) + (512,)
        density = 700 / (3 ** (order - 1) * 512)
        cycles.append(evidence.run(("order", order), lambda seed, shape=shape, density=density: random_pair(
            (3, 512), shape, density, evidence.form, seed), *MERGE).cycles)
    growth = [more / less for less, more in zip(cycles, cycles[1:], strict=False)]
    yield between(f"time of a tensor of 700 entries and order {', '.join(map(str, ORDERS[1:]))} over that of one less",
                  "contraction time by order",
                  [more / less for less, more in zip(ORDER_CURVE, ORDER_CURVE[1:], strict=False)], growth, "times",
                  high=3, note="by a tensor of 3 fibers, as dense; which tensors the paper contracts it does not say. "
                               "There are three times as many fibers with each order, and fewer entries in each")


@claims("Evaluation", "simulation")
def time_over_density(evidence):
    for shape, curve in DENSITY_CURVES.items():
        cycles = [evidence.run(("layer", shape, percent), lambda seed, shape=shape, percent=percent: (
            random_pair(shape, shape, percent / 100, evidence.form, seed)[0],
            fibers_of(RANK, shape[-1], shape[-1], evidence.form, seed)), *MERGE).cycles for percent in curve]
        paper = [time / curve[max(curve)] for time in curve.values()]
        ours = [value / cycles[-1] for value in cycles]
        yield between(f"time of a contraction layer {shape} at {', '.join(f'{percent} %' for percent in curve)}, over "
                      f"that at {max(curve)} %", "contraction time by density", paper, ours, "",
                      high=1.02, note="by a dense factor, as the paper's curves fit; its size is not given. At low "
                                      "densities jobs of empty fibers are left out here")
