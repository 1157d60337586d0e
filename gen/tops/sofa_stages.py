"""The stages of `sofa`, what counts the work of each, and how busy each was over the time of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["STAGES", "Stage", "sampled_counters", "timeline"]


@dataclass(frozen=True)
class Stage:
    """A stage of the machine as its counter sees it.

    Parameters
    ----------
    name : str
    counter : str
        What grows while the stage works; a counter of the engine or of the shell.
    capacity : callable
        Most that the counter grows in a cycle, from the parameters.
    waits : bool
        Whether the counter counts waiting, and not work.
    """

    name: str
    counter: str
    capacity: Callable
    waits: bool = False


#: In the order of the data's way. Sorting has no counter: a group is sorted right behind its prediction, and merged
#: before its rows reach the multipliers.
STAGES = (
    Stage("loading", "input_words", lambda p: 1),
    Stage("prediction of keys from tokens", "predicting_tokens", lambda p: 1),
    Stage("generation of queries, keys, values", "generating", lambda p: p.generator_rows),
    Stage("prediction of scores", "predicting", lambda p: p.slices),
    Stage("attention waits for keys", "starved", lambda p: p.slices, waits=True),
    Stage("attention", "multiplying", lambda p: p.slices),
    Stage("rows leave", "output_words", lambda p: 1),
)

_WRAP = 1 << 32


def sampled_counters(registers):
    """Address of the register of each stage's counter, by counter.

    Parameters
    ----------
    registers : dict of str to dict
        As the manifest has them.
    """
    return {stage.counter: registers[f"counter_{stage.counter}"]["address"] for stage in STAGES
            if f"counter_{stage.counter}" in registers}


def timeline(result, every, parameters):
    """What each stage did from sample to sample.

    Parameters
    ----------
    result : sim.runner.SimulationResult
        With samples.
    every : int
        Cycles between samples that were asked for.
    parameters : SofaParameters

    Returns
    -------
    dict
        ``sample`` (`every`) and ``stages``, a list of dicts: ``stage``, ``counter``, ``capacity`` (most counts a
        cycle), ``waits``, ``cycle``, ``increment``. A counter is read at cycles of its own: ``increment[i]`` is
        what it grew by from cycle ``cycle[i - 1]`` to cycle ``cycle[i]``, from cycle 0 for the first. Cycle 1 is the
        one in which the first input word is accepted, as in the report's ``cycles``. A stage that never worked is left
        out.
    """
    start = result.input_cycles[0][0] - 1
    stages = []
    for stage in STAGES:
        points = [(0, 0), *((cycle - start, value) for cycle, value in result.samples.get(stage.counter, ())
                            if cycle > start)]
        if points[-1][1]:
            stages.append({
                "stage": stage.name, "counter": stage.counter, "capacity": stage.capacity(parameters),
                "waits": stage.waits,
                "cycle": [cycle for cycle, _ in points[1:]],
                "increment": [(later - earlier) % _WRAP for (_, earlier), (_, later) in pairwise(points)]})
    return {"sample": every, "stages": stages}
