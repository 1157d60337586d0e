"""Work of contractions, counted in the golden model: it depends on neither the cluster nor its memory."""

import numpy as np

from gen.claims.claim import between, claims, near
from sim.golden.flaash import count_work

from .evidence import random_pair
from .figures import SCALING

__all__ = []


def mean_work(evidence, density, **options):
    """Means over the draws, by name."""
    works = [count_work(*random_pair(evidence.shape, evidence.shape, density, evidence.form, seed), **options)
             for seed in range(1, evidence.draws + 1)]
    return {name: float(np.mean([work[name] for work in works])) for name in works[0]}


@claims("Evaluation", "statistical")
def steps_of_the_source(evidence):
    """One step a cycle and a cycle a job are the source's times with one engine."""
    for density in evidence.densities:
        work = mean_work(evidence, density)
        paper = SCALING[density][0]
        yield near(f"steps of a merge and one cycle a job, {density:.1%}", "contraction time by number of SDPEs", paper,
                   (work["compare_cycles"] + work["jobs"]) / 1000, "thousand cycles", 0.05 * paper,
                   note="how the paper's times are understood: its figure gives no formula")


@claims("Evaluation", "statistical")
def windows(evidence):
    for window, most in ((2, 0.55), (4, 0.3)):
        shares = []
        for density in evidence.densities[:2]:
            one, wide = (mean_work(evidence, density, window=width, rule="rows")["compare_cycles"]
                         for width in (1, window))
            shares.append(wide / one)
        yield between(f"comparisons with windows of {window} entries over those of one, "
                      f"{', '.join(f'{density:.1%}' for density in evidence.densities[:2])}", "intersection unit", None,
                      shares, "", high=most, note="the source compares one pair of indices a cycle")


@claims("Evaluation", "statistical")
def reads(evidence):
    each, kept = [], []
    for density in evidence.densities:
        work = mean_work(evidence, density)
        each.append((work["reads_a"] + work["reads_b"]) / work["macs"])
        kept.append((work["reads_a_kept"] + work["reads_b"]) / work["macs"])
    names = ", ".join(f"{density:.1%}" for density in evidence.densities)
    yield between(f"entries read for a multiply-accumulate if a fiber of a stays for all fibers of b, {names}",
                  "fiber loaders", each, kept, "entries", low=1,
                  note="the paper's value is that of jobs that read both of their fibers, counted on the same tensors")
    yield between("that over the same if each job reads both of its fibers", "fiber loaders", None,
                  [few / many for few, many in zip(kept, each, strict=True)], "", high=0.6)
