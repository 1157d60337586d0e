"""The attention slice: exact attention of rows over the keys of their lists (SU-FA)."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.predictor.predictor import half_address
from hw.shared import shared
from hw.sofa.task import Task
from hw.sorter.key_list import ListedKey
from hw.stream import Fifo
from hw.stream.delay import delay
from hw.stream.lane_memory import LaneMemory

from .dot_product import DotProduct
from .normalise import Normalise
from .row_issue import RowIssue
from .softmax import Probability, Score, Softmax
from .value_lane import ValueLane

__all__ = ["Attention"]


class Attention(wiring.Component):
    """Exact attention, one (row, key) pair a cycle and fold: a row of k keys takes k * folds cycles.

    ``2 * lanes`` multipliers are busy in every cycle in which a key is issued: `lanes` on the query-key
    product, `lanes` on the probability-value product of a key some cycles ahead. Bound by the multipliers as
    long as the lists hold keys and a row keeps at least about 22 keys (the time to divide a row by its sum).

    Members
    -------
    write_* : In
        Beats of queries, keys and values from the loader.
    task, lists, key_id, group_done, index : see :class:`RowIssue`
    o : Out(stream of beats)
        Output rows, each ``last_value_beat + 1`` beats.
    row_out : In(1)
        Pulse: a row has left the slice.
    return_keys, last_beat : Out
        Of the head whose rows come out; stable until the last of them has left.
    raised, positive, clipped, saturated, multiplying, starved : Out(1)
        Events: see :class:`Softmax` and :class:`DotProduct`; a key is issued; no key is listed.
    """

    _DEPTH = 32

    def __init__(self, parameters):
        p = self._parameters = parameters
        beats = max(1, ceil_log2(-(-p.max_head_dim // p.elements_per_beat)))
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "write_query": In(1), "write_key": In(1), "write_value": In(1),
            "write_vector": In(p.key_bits),
            "write_slot": In(range(p.group_slots)),
            "write_tree": In(max(1, ceil_log2(p.trees))),
            "write_beat": In(beats),
            "write_data": In(data.ArrayLayout(signed(p.element_width), p.elements_per_beat)),
            "task": In(stream.Signature(Task(p))),
            "lists": In(stream.Signature(ListedKey(p))).array(p.trees),
            "key_id": Out(stream.Signature(data.StructLayout({"key": 15, "last": 1}))),
            "group_done": Out(1),
            "o": Out(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
            "row_out": In(1),
            "return_keys": Out(1),
            "last_beat": Out(Task(p)["last_value_beat"].shape),
            "raised": Out(1), "positive": Out(1), "clipped": Out(1), "saturated": Out(1),
            "multiplying": Out(1), "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        tree_bits = ceil_log2(p.trees)

        m.submodules.issue = issue = RowIssue(p)
        wiring.connect(m, wiring.flipped(self.task), issue.task)
        wiring.connect(m, wiring.flipped(self.key_id), issue.key_id)
        for index in range(p.trees):
            wiring.connect(m, wiring.flipped(self.lists[index]), issue.lists[index])
        task = issue.active
        m.d.comb += [
            issue.index.eq(self.index), issue.row_out.eq(self.row_out),
            self.return_keys.eq(task.return_keys), self.last_beat.eq(task.last_value_beat),
            self.group_done.eq(issue.group_done), self.multiplying.eq(issue.issued_valid),
            self.starved.eq(issue.starved),
        ]

        # Query-key products.
        def lane_memory(name, vectors, enable, vector):
            memory = LaneMemory(vectors, p.folds, p.lanes, p.elements_per_beat, p.element_width)
            m.submodules[name] = memory
            m.d.comb += [
                memory.write_enable.eq(enable), memory.write_vector.eq(vector),
                memory.write_beat.eq(self.write_beat),
                memory.write_data.as_value().eq(self.write_data.as_value()),
                memory.read_enable.eq(1),
            ]
            return memory

        query_row = Cat(self.write_tree[:tree_bits], self.write_slot)
        queries = lane_memory("queries", p.group_slots << tree_bits, self.write_query, query_row)
        keys = lane_memory("keys", p.max_keys, self.write_key, self.write_vector)
        values = lane_memory("values", p.max_keys, self.write_value, self.write_vector)
        issued = issue.issued
        m.submodules.dot_product = dot_product = shared(DotProduct, p)
        m.d.comb += [
            queries.read_vector.eq(Cat(issued.tree[:tree_bits], issued.group_slot)),
            queries.read_fold.eq(issued.fold),
            keys.read_vector.eq(half_address(issued.key, task.half)),
            keys.read_fold.eq(issued.fold),
            dot_product.query.as_value().eq(queries.read_data.as_value()),
            dot_product.key.as_value().eq(keys.read_data.as_value()),
            dot_product.valid.eq(delay(m, issue.issued_valid, 1, "valid")),
            dot_product.first_fold.eq(delay(m, issued.first_fold, 1, "first_fold")),
            dot_product.last_fold.eq(delay(m, issued.last_fold, 1, "last_fold")),
            dot_product.shift.eq(task.score_shift),
        ]
        latency = 1 + dot_product.latency
        key, lead, pair, last, empty = (
            delay(m, value, latency, name) for value, name in (
                (issued.key, "key"), (issued.lead, "lead"), (issued.pair, "pair"), (issued.last, "last"),
                (issued.empty, "empty")))
        m.submodules.scores = scores = Fifo(Score(p), self._DEPTH)
        m.d.comb += [
            scores.i.valid.eq(dot_product.o_valid),
            scores.i.payload.score.eq(dot_product.o),
            scores.i.payload.key.eq(key),
            scores.i.payload.lead.eq(lead),
            scores.i.payload.pair.eq(pair),
            scores.i.payload.last.eq(last),
            scores.i.payload.empty.eq(empty),
            self.saturated.eq(dot_product.o_valid & dot_product.saturated & ~empty),
        ]
        outstanding = Signal(range(self._DEPTH + 1))
        m.d.sync += outstanding.eq(outstanding + (issue.issued_valid & issued.last_fold)
                                   - (scores.o.valid & scores.o.ready))
        m.d.comb += issue.credit.eq(outstanding < self._DEPTH)

        # Probabilities.
        m.submodules.softmax = softmax = shared(Softmax, p)
        wiring.connect(m, scores.o, softmax.i)
        m.d.comb += [self.raised.eq(softmax.raised), self.positive.eq(softmax.positive),
                     self.clipped.eq(softmax.clipped)]
        step = Signal(Probability(p))
        m.d.comb += step.eq(softmax.o.payload)

        # Probability-value products: one fold a cycle; a row's end waits until the last one has been divided.
        m.submodules.normalise = normalise = shared(Normalise, p)
        wiring.connect(m, wiring.flipped(self.o), normalise.o)
        fold, dividing = Signal(p.fold_bits), Signal()
        last_fold, go, take = Signal(), Signal(), Signal()
        m.d.comb += [
            last_fold.eq(fold == task.last_fold),
            go.eq(softmax.o.valid & ~(step.last & dividing & (fold == 0))),
            take.eq(go & last_fold),
            softmax.o.ready.eq(take),
            values.read_vector.eq(half_address(step.key, task.half)),
            values.read_fold.eq(fold),
        ]
        with m.If(go):
            m.d.sync += fold.eq(0)
            with m.If(~last_fold):
                m.d.sync += fold.eq(fold + 1)
        with m.If(normalise.release):
            m.d.sync += dividing.eq(0)
        with m.If(take & step.last):
            m.d.sync += dividing.eq(1)

        row_sum, total = Signal(p.sum_width), Signal(p.sum_width)
        m.d.comb += total.eq((row_sum >> p.rescale_step) + step.probability)
        with m.If(~step.rescale):
            m.d.comb += total.eq(row_sum + step.probability)
        finished_sum, sum_valid = Signal(p.sum_width), Signal()
        m.d.comb += [normalise.sum.payload.eq(finished_sum), normalise.sum.valid.eq(sum_valid)]
        with m.If(normalise.sum.ready):
            m.d.sync += sum_valid.eq(0)
        with m.If(take):
            m.d.sync += row_sum.eq(total)
            with m.If(step.last):
                m.d.sync += [row_sum.eq(0), finished_sum.eq(total), sum_valid.eq(1)]

        enable_1, rescale_1, last_1, fold_1 = (
            delay(m, value, 1, name) for value, name in (
                (go, "enable_v"), (step.rescale, "rescale_v"), (step.last, "last_v"), (fold, "fold_v")))
        probability_1 = delay(m, step.probability, 1, "probability_v")
        for index in range(p.lanes):
            m.submodules[f"value_lane{index}"] = lane = shared(ValueLane, p)
            m.d.comb += [
                lane.probability.eq(probability_1),
                lane.value.eq(values.read_data[index]),
                lane.enable.eq(enable_1),
                lane.rescale.eq(rescale_1),
                lane.last.eq(last_1),
                lane.fold.eq(fold_1),
                normalise.totals[index].eq(lane.result),
            ]
        m.d.comb += [
            normalise.captured.eq(delay(m, take & step.last, 1 + lane.latency, "captured")),
            normalise.value_dim.eq(task.value_dim),
            normalise.last_beat.eq(task.last_value_beat),
        ]
        return m
