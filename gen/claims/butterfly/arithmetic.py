"""Claims about arithmetic and memory layout of butterfly units that need no hardware."""

import numpy as np

from gen.claims.claim import between, claims, equal
from sim.golden.butterfly import (
    BF16,
    FP16,
    bpmm,
    bpmm_divided,
    conflicts,
    fft,
    fft_divided,
    transform_error,
    twiddles,
)

__all__ = ["accuracy_of_the_formats", "conflicts_of_the_banks", "passes_of_a_long_transform", "twiddles_of_the_format"]

SIZES = tuple(1 << stages for stages in range(6, 14))


def drawn(points, vectors):
    """Vectors, standard normal, and weights that keep their size."""
    rng = np.random.default_rng(points)
    return (rng.standard_normal((vectors, points)) + 1j * rng.standard_normal((vectors, points)),
            rng.standard_normal((points.bit_length() - 1, points // 2, 2, 2)) / np.sqrt(2))


@claims("FABNet artifact", "exact")
def conflicts_of_the_banks(evidence):
    """Layout of the vector in the banks; exact."""
    bad, total = conflicts(4096, 8, row_bits=8)
    yield equal("reads of 4,096 points in 8 banks that need a bank twice, by the published layout, which counts eight "
                "bits", "S2P", 512, bad, f"of {total:,} reads")
    for units in (1, 2, 4, 8):
        banks = 2 * units
        counts = [conflicts(points, banks) for points in SIZES if points >= banks]
        yield between(f"reads that need a bank twice, {banks} banks, {SIZES[0]} to {SIZES[-1]:,} points, all bits "
                      f"counted", "memory layout", None, sum(bad for bad, _ in counts),
                      f"of {sum(total for _, total in counts):,} reads", high=0)


@claims("MLX", "exact")
def passes_of_a_long_transform(evidence):
    """Two passes of shorter transforms in place of one; exact."""
    differing = {"bpmm": 0, "fft": 0}
    splits = 0
    for points in SIZES:
        x, w = drawn(points, 1)
        whole, parts = bpmm(x.real, w), fft(x)
        for first in (1 << stages for stages in range(1, points.bit_length() - 1)):
            splits += 1
            differing["bpmm"] += int(np.sum(bpmm_divided(x.real, w, first) != whole))
            differing["fft"] += sum(int(np.sum(ours != one)) for ours, one in zip(fft_divided(x, first), parts,
                                                                                 strict=True))
    for mode, elements in differing.items():
        yield between(f"elements of {mode} in two passes that differ from one pass, float16, {splits} splits of "
                      f"{SIZES[0]} to {SIZES[-1]:,} points", "stage division", None, elements, "elements", high=0)


@claims("MLX", "exact")
def twiddles_of_the_format(evidence):
    """What float16 must tell apart, and bfloat16 cannot; exact."""
    points = SIZES[-1]
    found = {}
    for form in (FP16, BF16):
        real, imaginary = (form.decode(form.encode(part)) for part in twiddles(points // 2))
        found[form] = len(np.unique(real + 1j * imaginary))
    claim = f"different twiddles of a transform of {points:,} points"
    yield equal(f"{claim}, float16", "number format", points // 2, found[FP16])
    yield between(f"{claim}, bfloat16", "number format", None, found[BF16], "", high=points // 2 - 1,
                  note="too few: some of the twiddles are the same")


@claims("FABNet artifact", "statistical")
def accuracy_of_the_formats(evidence):
    """Root mean square errors next to double precision; statistical."""
    for name, most in (("fp16", 0.002), ("bf16", 0.02), ("fixed16", 0.005)):
        for mode in ("bpmm", "fft"):
            errors = []
            for points in SIZES:
                x, w = drawn(points, 4)
                errors.append(transform_error(x.real if mode == "bpmm" else x, w if mode == "bpmm" else None,
                                              name)["rms"])
            yield between(f"root mean square error of {mode} in {name}, {SIZES[0]} to {SIZES[-1]:,} points",
                          "number format", None, errors, "", high=most,
                          note="standard normal vectors and weights; fixed point halves a stage where these vectors "
                               "would saturate otherwise")
