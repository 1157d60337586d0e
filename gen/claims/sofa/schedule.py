"""The reuse-aware schedule (RASS) and what is left to generate of keys and values: both follow from shared keys."""

import numpy as np

from gen.claims.claim import Claim, between, claims, equal
from gen.tops.sofa_traffic import union_loads
from sim.golden.sofa import golden_head
from sim.host.sofa import SofaHead

__all__ = ["GROUP", "figure_15"]

GROUP = 4
SLOTS = 2
KEEPS = (0.25, 0.125, 0.0625)
WHERE = ", ".join(f"{100 * keep:g}" for keep in KEEPS) + " % of the keys kept"
BLOCKS = (4, 16, 128, 512)
FIGURE_15 = {0b1000: (5, 6), 0b0010: (0, 1), 0b1101: (4, 7), 0b0111: (2, 3)}


def figure_15():
    """Keys that the four queries of the figure need: bool (4, 8), decoded from the masks of its buffer."""
    needed = np.zeros((GROUP, 8), dtype=bool)
    for queries, keys in FIGURE_15.items():
        for query in range(GROUP):
            needed[query, list(keys)] = queries >> query & 1
    return needed


def groups(needed):
    """Rows of four: bool (groups, 4, keys); a last group is filled with rows that need nothing."""
    rows = -len(needed) % GROUP
    return np.pad(needed, ((0, rows), (0, 0))).reshape(-1, GROUP, needed.shape[1])


def unscheduled_loads(needed):
    """Loads when each row takes its keys from left to right, two a phase, and shares only within a phase."""
    rows = groups(needed)
    phases = np.sort(np.where(rows, (np.cumsum(rows, axis=2) - 1) // SLOTS, -1), axis=1)
    first = phases[:, 0] >= 0
    further = (phases[:, 1:] >= 0) & (phases[:, 1:] != phases[:, :-1])
    return int(first.sum() + further.sum())


def greedy_phases(needed):
    """The paper's schedule of one group: phases of keys, those that most rows share first, each issued to all of them.

    A row takes at most two keys a phase; a key whose rows do not all have a slot left waits.
    """
    waiting = {int(key): np.flatnonzero(needed[:, key]) for key in np.flatnonzero(needed.any(axis=0))}
    phases = []
    while waiting:
        left, phase = np.full(GROUP, SLOTS), []
        for key, rows in sorted(waiting.items(), key=lambda item: -len(item[1])):
            if left[rows].all():
                left[rows] -= 1
                phase.append(key)
        for key in phase:
            del waiting[key]
        phases.append(sorted(phase))
    return phases


@claims("IV-E", "exact")
def schedule_of_figure_15(evidence):
    needed, place = figure_15(), "Fig. 15"
    phases = greedy_phases(needed)
    yield equal("vectors of K and V that the four queries load", place, 16, 2 * sum(map(len, phases)), "vectors",
                f"without the schedule the masks of the figure give {2 * unscheduled_loads(needed)}; it says 24")
    yield equal("keys of the two phases", place, [[2, 3, 5, 6], [0, 1, 4, 7]], phases)
    ones = np.ones((needed.shape[1], 1), dtype=np.int64)
    head = SofaHead(ones[:GROUP], ones, ones, mask=needed, dense=True)
    yield equal("vectors of K and V that the golden model of Thresher loads", place, 16,
                2 * golden_head(head, evidence.parameters).counters["key_loads"], "vectors")


@claims("V", "statistical")
def loads_saved_by_the_schedule(evidence):
    phased, alone, lowest = [], [], []
    for keep in KEEPS:
        masks = [head.selected for head in evidence.kept(keep)]
        unions = np.array([union_loads(mask, GROUP) for mask in masks])
        phased.append(100 - 100 * np.mean(unions / [unscheduled_loads(mask) for mask in masks]))
        shares = 100 - 100 * unions / [mask.sum() for mask in masks]
        alone.append(np.mean(shares))
        lowest.append(f"{min(shares):.0f} to {max(shares):.0f} %")
    place = "memory access of RASS"
    yield between(f"loads of K and V that groups of four rows save over the order of the keys, {WHERE}", place, 23,
                  phased, "%", low=23, note="as in Fig. 15: two keys a row and phase; means over the real heads")
    yield between(f"loads of K and V that they save over loading for each row, {WHERE}", place, 23, alone, "%", low=23,
                  note=f"heads from {', '.join(lowest)}")


@claims("IV-E", "statistical")
def slots_of_the_schedule(evidence):
    # One group of each head: the order of its keys is what matters, and heads differ more than their groups.
    chosen = [groups(head.selected)[len(head.selected) // GROUP // 2] for head in evidence.kept(KEEPS[0])]
    phases = [greedy_phases(group) for group in chosen]
    used = sum(int(group.sum()) for group in chosen) / (GROUP * SLOTS * sum(map(len, phases)))
    yield between("slots of the greedy schedule that are used, real heads", "phases of equal slots", None, used, "",
                  low=0.95, note="Thresher has no phases: its rows share all lanes in turn")
    loads = sum(len(phase) for group in phases for phase in group)
    union = sum(union_loads(group, GROUP) for group in chosen)
    yield between("keys that it loads beyond the union of its rows' keys", "each key is loaded once", None,
                  loads - union, f"of {union:,} keys", high=0)


def union_share(masks, queries):
    """Share of the keys that blocks of consecutive queries need, mean over blocks and heads."""
    return float(np.mean([np.logical_or.reduceat(mask, np.arange(0, len(mask), queries), axis=0).mean()
                          for mask in masks]))


@claims("IV", "statistical")
def keys_to_generate(evidence):
    # Llama-7B: 4,096 tokens and channels. Attention is 2 S of 2 S + 3 H operations a token and channel of a head.
    attention = 2 / (2 + 3)
    implied = 1 - (0.568 - 0.813 * attention) / ((1 - attention) * 2 / 3)
    for keep in KEEPS:
        shares = [union_share([head.selected for head in evidence.kept(keep)], queries) for queries in BLOCKS]
        blocks = ", ".join(map(str, BLOCKS))
        yield Claim(f"share of K and V that {blocks} queries need, {100 * keep:g} % of the keys kept",
                    "K and V made on demand", None, shares, "", shares[BLOCKS.index(128)] <= implied,
                    f"at most {implied:.2f} for 128 queries",
                    "the limit is what the paper's savings, 81.3 % of attention and 56.8 % with the projections, imply "
                    "for Llama-7B at 4,096 tokens")


@claims("V", "statistical")
def work_saved_with_projections(evidence):
    paper, ours = [56.8, 67.4], []
    for keep in (0.1875, 0.0625):
        masks = [head.selected for head in evidence.kept(keep)]
        queries, keys = masks[0].shape
        hidden = evidence.layers[0]["x"].shape[1]
        # Operations a token and channel of a head: projections to Q, K and V, then scores and outputs.
        left = hidden + 2 * hidden * union_share(masks, queries) + 2 * keys * keep
        ours.append(100 - 100 * left / (3 * hidden + 2 * keys))
    yield Claim("operations of projections and attention saved, 18.75 and 6.25 % of the keys kept",
                "QKV and attention at 0 and 2 % loss", paper, ours, "%", all(np.greater_equal(ours, paper)),
                "at least the paper's values",
                "keeps about the share of attention that the paper has left; K and V are made once a head, for all "
                "keys that any of its queries keeps; other models than the paper's")
