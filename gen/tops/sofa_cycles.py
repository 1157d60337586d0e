"""Cycles of a task on `sofa`, from a model of its schedule in which a group of rows is the unit of work."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from gen.errors import ThresherError
from hw.predictor.predictor import predictor_latency
from hw.sofa.slice import drain_cycles
from hw.sofa.task import HEADER_BITS, TaskDecoder
from hw.sorter.segment_sorter import segment_cycles
from sim.host.quantise import Selection, segment_plan

from .sofa_inputs import check_heads, load_heads, shipped_case

__all__ = ["Workload", "choose_workload", "predict_cycles", "predict_heads"]

# Cycles that are the same for every configuration, of what is not worth a formula, set by simulations.
CLAIM = 12             # from a decoded header to the first row, and from the last vector to its task
SORTED = 14            # from the last score of a group to its last candidate, besides the turns of its rows
SEARCHED = 8           # states of the choice of a group's keys besides its walks
WALKED = 9             # from the masks of a group to its first key, and from batch to batch
MULTIPLIED = 52        # from the last key of a row to its complete sums
DIVIDED = 22           # to divide a row by its sum, before its elements are read
WRITTEN = 6            # from the last element of a row to its last word, besides its words
QUEUE = 16             # keys that are listed ahead of their issue

# Cycles a row in which its running maximum is rescaled. They depend on the data: in real heads it rises once to thrice.
RAISES = 3


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
        self.choose = 3 if choice.dense else max(words, self.segments) + 8
        self.divide = max(DIVIDED, ceil(w.value_dim / beats) * beats // p.normalise_lanes)
        self.words = ceil(self.segments * p.tile / p.bus_width) + self.value_words
        self.write = self.segments + 2 + self.words

    def pairs(self, w, rows):
        """Keys that the given rows keep, all together."""
        if not w.selection.causal:
            return self.kept * len(rows)
        return sum(min(self.kept, row + 1) for row in rows)


class _Slice:
    """When each stage of a slice is done with the groups so far."""

    def __init__(self, p, w, head):
        self._p, self._w, self._head = p, w, head
        self.swept = self.selected = self.walked = self.issued = self.divided = 0
        self.begun = []        # when each group's keys begin to be chosen
        self.attended = []     # when the queries of each group are no longer needed
        self.busy = dict.fromkeys(("prediction", "selection", "multipliers", "division"), 0)

    def place(self, group):
        """When there is room for the queries of a group, by its number: that of an earlier one."""
        earlier = group - self._p.query_groups
        return self.attended[earlier] if earlier >= 0 else 0

    def run(self, group, loaded, attend, written):
        """Take a group of rows through all stages.

        Parameters
        ----------
        group : range
        loaded : int
            When its queries are there, and the keys; `attend`: when the values are.
        written : int
            When the last row before it has left.

        Returns
        -------
        int
            When its last row has left.
        """
        p, head, busy = self._p, self._head, self.busy
        # The candidates of two groups are held, and the masks of some.
        self.swept = max(self.swept, loaded, *self.begun[-2:-1]) + 2 + head.sweep
        chosen = max(self.swept + head.sort, self.selected) + head.search
        if len(self.attended) >= p.held_groups:
            chosen = max(chosen, self.attended[-p.held_groups])
        self.begun.append(chosen)
        self.selected = self.begun[-1] + head.choose
        ready = max(self.selected, attend)
        for first in range(0, len(group), p.batch_rows):
            rows = group[first:first + p.batch_rows]
            pairs = head.pairs(self._w, rows)
            # Keys of a batch as if each row kept any of them; rows of real heads share more.
            union = self._w.keys * (1 - (1 - pairs / len(rows) / self._w.keys) ** len(rows))
            work, divide = pairs * head.folds + RAISES * len(rows), len(rows) * head.divide
            walk = max(ready, self.walked) + WALKED
            # A row ends when the sums of the one before it in its place have been read.
            self.issued = max(max(walk, self.issued) + work, walk + union, self.divided - MULTIPLIED)
            self.walked = max(walk + union, self.issued - QUEUE * work / max(1, union))
            begin = max(self.divided, self.issued + MULTIPLIED)
            self.divided = begin + divide
            if p.slices == 1:
                # A row is written while the next one is divided.
                written = max(written, begin + head.divide) + (len(rows) - 1) * head.write
                written = max(written, self.divided) + head.write
            else:
                written = max(written + len(rows) * head.words, self.divided + head.write)
            busy["multipliers"] += work
            busy["division"] += divide
        self.attended.append(self.issued)
        busy["prediction"] += head.sweep + 2
        busy["selection"] += head.search + head.choose
        return written


def predict_cycles(parameters, workload):
    """Cycles from the first input word to the last output word, and what takes most of them.

    Each group of rows goes through loading, prediction, selection, attention, division and writing, each of which works
    on one group at a time and waits for what it needs: its words, the group before, room behind it.

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
    slices = [_Slice(p, w, head) for _ in range(p.slices)]
    groups = [range(first, min(first + p.trees, w.queries)) for first in range(0, w.queries, p.trees)]
    early = p.early_rows // p.trees
    resident = 1 if w.keys > p.max_keys // 2 else 2    # heads in the key memories
    bus = written = 0                                  # when the next word is read; when the last row has left
    left = []                                          # when each head has left
    for _ in range(w.heads):
        bus += ceil(HEADER_BITS / p.bus_width) + TaskDecoder.latency + CLAIM
        if len(left) >= resident:
            bus = max(bus, left[-resident])
        done = [len(slice_.attended) for slice_ in slices]

        def load(number, after, done=tuple(done)):
            """When a group has its queries, if they are read after that cycle."""
            index = number % p.slices
            place = slices[index].place(done[index] + number // p.slices)
            return max(after, place) + len(groups[number]) * head.row_load

        loaded = {}
        for number in range(min(early, len(groups))):
            loaded[number] = bus = load(number, bus)
        bus = predict = bus + w.keys * head.key_words + CLAIM
        bus += w.keys * head.value_words + CLAIM
        attend = max([bus, *(time + 4 for time in left[-1:])])
        for number, group in enumerate(groups):
            if number not in loaded:
                loaded[number] = bus = load(number, bus)
            written = slices[number % p.slices].run(group, max(loaded[number], predict), attend, written)
        for slice_ in slices:
            # The next head waits until nothing behind the prediction depends on this one.
            slice_.swept += drain_cycles(p)
        left.append(written + WRITTEN)
    cycles = ceil(left[-1]) + 2
    stages = slices[0].busy | {
        "loading": w.heads * (w.queries * head.row_load + w.keys * (head.key_words + head.value_words)),
        "writing": w.heads * w.queries * (head.write if p.slices == 1 else head.words)}
    products = w.heads * head.pairs(w, range(w.queries)) * (w.head_dim + w.value_dim)
    return {"cycles": cycles, "utilisation": products / (p.multipliers * cycles),
            "bound": max(stages, key=stages.get), "stages": stages}
