"""Contractions through the emitted Verilog, beside the source's times by number of engines."""

from gen.claims.claim import between, claims, near

from .evidence import MERGE
from .figures import ENGINES, MERGE_UTILISATION, SCALING

__all__ = []

PLACE = "contraction time by number of SDPEs"


def paper_cycles(density, engines):
    """Cycles that the source's figure shows."""
    return 1000 * SCALING[density][ENGINES.index(engines)]


def names(evidence):
    """Densities, for people."""
    return ", ".join(f"{density:.1%}" for density in evidence.densities)


@claims("Evaluation", "simulation")
def one_engine(evidence):
    paper = [paper_cycles(density, 1) for density in evidence.densities]
    for density, theirs in zip(evidence.densities, paper, strict=True):
        yield between(f"cycles of one engine that compares one pair of indices, with ideal memory, {density:.1%}",
                      PLACE, theirs, evidence.square(density, *MERGE).cycles, "cycles", high=theirs)
    for density, theirs in zip(evidence.densities, paper, strict=True):
        yield between(f"the same with windows of 4 entries, {density:.1%}", PLACE, theirs,
                      evidence.square(density, *MERGE, "window=4").cycles, "cycles",
                      high=theirs / 2 if density >= 0.05 else theirs,
                      note="a job of few entries takes two cycles or three, however wide the windows are")


@claims("Evaluation", "simulation")
def cluster(evidence):
    engines = evidence.engines[-1]
    for density in evidence.densities:
        theirs = paper_cycles(density, engines)
        measured = evidence.square(density, f"engines={engines}")
        yield between(f"cycles of {engines} engines with banked memory, {density:.1%}", PLACE, theirs, measured.cycles,
                      "cycles", high=theirs / 2,
                      note=f"windows of {evidence.parameters().window} entries; engines waited for their bank in "
                           f"{measured.waits / (engines * measured.cycles):.1%} of their cycles. The source's memory "
                           f"has ports for all engines that never conflict")


@claims("Evaluation", "simulation")
def scaling(evidence):
    density = evidence.densities[0]
    cycles = [evidence.square(density, f"engines={engines}").cycles for engines in evidence.engines]
    paper = [paper_cycles(density, engines) for engines in evidence.engines]
    shares, theirs = ([values[0] / (value * engines) for value, engines in zip(values, evidence.engines, strict=True)]
                      for values in (cycles, paper))
    yield between(f"speed-up over one engine by the number of engines, {', '.join(map(str, evidence.engines))}, at "
                  f"{density:.1%}", PLACE, theirs, shares, "", low=0.9)


@claims("Evaluation", "simulation")
def utilisation(evidence):
    merge = [evidence.square(density, *MERGE).utilisation for density in evidence.densities]
    yield near(f"share of the cycles in which a multiplier works, one engine that compares one pair of indices, "
               f"{names(evidence)}", PLACE, [MERGE_UTILISATION[density] for density in evidence.densities], merge, "",
               0.004, note="the paper's are those of a merge at a step a cycle, which its times fit")
    engines = evidence.engines[-1]
    measured = [evidence.square(density, f"engines={engines}") for density in evidence.densities]
    theirs = [run.macs / (engines * paper_cycles(density, engines))
              for density, run in zip(evidence.densities, measured, strict=True)]
    yield between(f"the same of {engines} engines with banked memory, {names(evidence)}", PLACE, theirs,
                  [run.utilisation for run in measured], "", low=min(theirs),
                  note="the paper's are the same multiply-accumulates over its cycles")
