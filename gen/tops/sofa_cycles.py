"""Cycles of a task on `sofa`, from a model of its schedule in which a group of rows is the unit of work."""

from collections import defaultdict
from dataclasses import dataclass
from math import ceil

import numpy as np

from gen.errors import ThresherError
from hw.predictor.predictor import predictor_latency
from hw.sofa.task import HEADER_BITS, TaskDecoder
from hw.sorter.segment_sorter import segment_cycles
from sim.host.quantise import Selection, segment_plan

from .sofa_inputs import check_heads, load_heads, shipped_case

__all__ = ["Workload", "choose_workload", "predict_cycles", "predict_heads"]

#: Cycles that are the same for every configuration, of what is not worth a formula.
CLAIM = 12             # from a decoded header to the first row, and from the last vector to its task
SORTED = 14            # from the last score of a group to its last candidate, besides the turns of its rows
SEARCHED = 8           # states of the choice of a group's keys besides its walks
WALKED = 9             # from the masks of a group to its first key, and from batch to batch
MULTIPLIED = 52        # from the last key of a row to its complete sums
DIVIDED = 22           # to divide a row by its sum, before its elements are read
WRITTEN = 6            # from the last element of a row to its last word, besides its words

#: What depends on data, as in real heads: cycles of a row in which the running maximum is rescaled, and the share of
#: the keys that only one row of a batch needs, where each row keeps a quarter of the keys.
RAISES = 3
QUEUE = 16             # keys that are listed ahead of their issue


@dataclass(frozen=True)
class Workload:
    """Heads of a task: how many, and the size of each.

    ``selection`` is a :class:`sim.host.quantise.Selection`; ``masked``: the rows have masks of their own.
    """

    heads: int
    queries: int
    keys: int
    head_dim: int
    value_dim: int
    selection: Selection = Selection()
    masked: bool = False


def choose_workload(parameters, options):
    """The workload that options name: the sizes of a file or of the shipped case, or what is given.

    Parameters
    ----------
    parameters : :class:`hw.sofa.parameters.SofaParameters`
    options : :class:`gen.estimate.WorkloadOptions`

    Raises
    ------
    ThresherError
        The file or a size is not legal, or the configuration does not hold such a head.
    """
    p, sizes = parameters, options.sizes
    if options.input is None:
        inputs = check_heads(shipped_case(p), "the shipped case", p)
    else:
        inputs = load_heads(options.input, p)
        if inputs.tokens is not None:
            raise ThresherError(f"{options.input} holds tokens, but cycles are predicted of queries, keys and values")
    keys = sizes.get("keys", inputs.k.shape[1])
    queries = sizes.get("queries", keys if "keys" in sizes else inputs.q.shape[1])
    head_dim = sizes.get("head_dim", inputs.k.shape[2])
    value_dim = sizes.get("value_dim", head_dim if "head_dim" in sizes else inputs.v.shape[2])
    check_heads({"q": np.zeros((queries, head_dim)), "k": np.zeros((keys, head_dim)), "v": np.zeros((keys, value_dim))},
                "the workload", p)
    selection = Selection(keep=0.25 if options.keep is None else options.keep, causal=options.causal,
                          policy=options.policy or "merge")
    return Workload(sizes.get("heads", len(inputs.q)), queries, keys, head_dim, value_dim, selection,
                    inputs.mask is not None)


def predict_heads(parameters, options):
    """`thresher describe sofa`: cycles of the workload that the options name.

    Returns
    -------
    dict
        See :func:`predict_cycles`; ``workload`` has the sizes, share of keys, policy and causality of the heads.
    """
    workload = choose_workload(parameters, options)
    try:
        predicted = predict_cycles(parameters, workload)
    except ValueError as error:
        raise ThresherError(str(error)) from error
    sizes = {name: getattr(workload, name) for name in ("heads", "queries", "keys", "head_dim", "value_dim")}
    selection = {name: getattr(workload.selection, name) for name in ("keep", "policy", "causal")}
    return {"workload": sizes | selection, **predicted}


class _Head:
    """What the schedule needs of a head on a configuration: cycles of a group in each stage."""

    def __init__(self, p, w):
        choice, beats = w.selection, p.elements_per_beat
        widest = max(w.head_dim, w.value_dim)
        self.folds = ceil(widest / p.lanes)
        self.tree_folds = 1 if choice.dense else ceil(w.head_dim / p.tree_lanes)
        self.segments = ceil(w.keys / p.tile)
        self.kept = w.keys if choice.dense else max(1, round(choice.keep * w.keys))
        self.key_words, self.value_words = ceil(w.head_dim / beats), ceil(w.value_dim / beats)
        # A query is converted to codes in parts; its mask, if it has one, comes behind it.
        self.row_load = ceil(p.query_channels(widest) / beats) * p.query_parts + 1
        if w.masked:
            self.row_load += ceil(w.keys / p.bus_width) + ceil(w.keys / 16) + 1
        wanted, extra = (1, 0) if choice.dense else segment_plan(w.keys, self.kept, choice, w.masked, p)
        words = (self.segments * ceil(wanted / 4) + (extra if wanted % 4 == 0 else 0))
        sort = segment_cycles(p)(wanted + (extra > 0))
        self.sweep = max(w.keys * self.tree_folds, 0 if choice.dense else (self.segments - 1) * sort)
        self.sort = predictor_latency(p) + (3 if choice.dense else SORTED + sort)
        self.search = 0 if choice.dense else SEARCHED + (words + 3) * (p.score_width - 1) * (choice.policy == "merge")
        self.choose = 3 if choice.dense else max(words, self.segments) + 6
        self.divide = max(DIVIDED, ceil(w.value_dim / beats) * beats // p.normalise_lanes)
        self.words = ceil(self.segments * p.tile / p.bus_width) + self.value_words
        self.write = self.segments + 2 + self.words

    def pairs(self, w, rows):
        """Keys that rows keep, all together, as numbers of the rows of a head."""
        if not w.selection.causal:
            return self.kept * len(rows)
        return sum(min(self.kept, row + 1) for row in rows)


def predict_cycles(parameters, workload):
    """Cycles from the first input word to the last output word, and what takes most of them.

    Each group of rows goes through loading, prediction, search, attention, division and writing, each of which works on
    one group at a time and waits for what it needs: its words, the group before, room behind it.

    Parameters
    ----------
    parameters : :class:`hw.sofa.parameters.SofaParameters`
    workload : :class:`Workload`

    Returns
    -------
    dict
        ``cycles``, ``utilisation`` of the multipliers, ``bound`` (the stage that works most of the time), and
        ``stages``: cycles that each works, of the busiest slice.

    Raises
    ------
    ValueError
        The configuration cannot keep that many keys.
    """
    p, w, head = parameters, workload, _Head(parameters, workload)
    slices, large = p.slices, w.keys > p.max_keys // 2
    bus, written, pairs = 0, 0, 0                     # when the next word is read; when the last row has left
    swept, selected, walked, issued, divided = ([0] * slices for _ in range(5))
    begun = [[] for _ in range(slices)]               # when each group's keys begin to be chosen
    attended = [[] for _ in range(slices)]            # when the queries of each group are no longer needed
    left = []                                         # when each head has left
    busy = defaultdict(int)

    for _head in range(w.heads):
        bus += ceil(HEADER_BITS / p.bus_width) + TaskDecoder.latency + CLAIM
        before = len(left) - (1 if large else 2)
        bus = max(bus, left[before] if before >= 0 else 0)
        groups = [range(first, min(first + p.trees, w.queries)) for first in range(0, w.queries, p.trees)]
        done = [len(attended[index]) for index in range(slices)]

        def load(group, number, bus=0, done=tuple(done)):
            """When a group has its queries."""
            index, place = number % slices, done[number % slices] + number // slices - p.query_groups
            # The queries of a group go where those of a group that has been attended were.
            free = attended[index][place] if 0 <= place < len(attended[index]) else 0
            return max(bus, free) + len(group) * head.row_load

        loaded, start = {}, bus
        early = p.early_rows // p.trees
        for number, group in enumerate(groups[:early]):
            loaded[number] = bus = load(group, number, bus)
        bus += w.keys * head.key_words + CLAIM
        predict = bus
        bus += w.keys * head.value_words + CLAIM
        attend = max([bus, *(time + 4 for time in left[-1:])])
        busy["loading"] += bus - start
        swept = [max(time, predict) for time in swept]
        for number, group in enumerate(groups):
            if number not in loaded:
                loaded[number] = bus = load(group, number, bus)
                busy["loading"] += len(group) * head.row_load
            index = number % slices
            # Prediction: the candidates of two groups are held.
            earlier = begun[index][-2] if len(begun[index]) > 1 else 0
            sweep = max(swept[index] + 2, loaded[number] + 2, earlier + 2)
            swept[index] = sweep + head.sweep
            # Search and choice: the masks of some groups are held.
            chosen = max(swept[index] + head.sort, selected[index]) + head.search
            if len(attended[index]) >= p.held_groups:
                chosen = max(chosen, attended[index][-p.held_groups])
            begun[index].append(chosen)
            selected[index] = chosen + head.choose
            # Attention, batch after batch.
            ready = max(selected[index], attend)
            for first in range(0, len(group), p.batch_rows):
                rows = group[first:first + p.batch_rows]
                work, union = head.pairs(w, rows), 0
                pairs += work
                union = _union(head, w, rows, work)
                walk = max(ready, walked[index]) + WALKED
                work = work * head.folds + RAISES * len(rows)
                end = max(max(walk, issued[index]) + work, walk + union, divided[index] - MULTIPLIED)
                walked[index] = max(walk + union, end - QUEUE * work // max(1, union))
                issued[index] = end
                divided[index] = max(divided[index], end + MULTIPLIED) + len(rows) * head.divide
                if slices == 1:
                    written = max(written, divided[index] - (len(rows) - 1) * head.divide)
                    written = max(written + (len(rows) - 1) * head.write, divided[index]) + head.write
                else:
                    written = max(written + len(rows) * head.words, divided[index] + head.write)
                if not index:
                    busy["multipliers"] += work
                    busy["division"] += len(rows) * head.divide
                busy["writing"] += len(rows) * (head.write if slices == 1 else head.words)
            attended[index].append(issued[index])
            if not index:
                busy["prediction"] += head.sweep + 2
                busy["selection"] += head.search + head.choose
        # The next head waits until what is behind the prediction depends on this one no more.
        swept = [time + predictor_latency(p) + 32 for time in swept]
        left.append(written + WRITTEN)
    cycles = left[-1] + 2
    products = pairs * (w.head_dim + w.value_dim)
    bound = max(busy, key=busy.get)
    return {"cycles": cycles, "utilisation": products / (p.multipliers * cycles), "bound": bound, "stages": dict(busy)}


def _union(head, w, rows, pairs):
    """Keys that a batch of rows needs, as if each row kept any of the keys; rows of real heads share more."""
    return w.keys * (1 - (1 - pairs / len(rows) / w.keys) ** len(rows))
