"""One slice of `sofa`: prediction, sorting and attention for its share of the query rows."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.attention.attention import Attention
from hw.predictor.predictor import Predictor, predictor_latency, token_ports
from hw.predictor.sweep import Sweep
from hw.shared import shared
from hw.sorter.key_mask import GroupMasks, MaskRecord
from hw.sorter.row_select import RowSelect
from hw.sorter.segment_sorter import SegmentSorter
from hw.stream.delay import delay

from .beat_write import BeatWrite
from .task import Task

__all__ = ["Slice", "drain_cycles"]


def drain_cycles(parameters):
    """Cycles from the last slot of a task until nothing behind the prediction depends on the task."""
    return predictor_latency(parameters) + 40


class Slice(wiring.Component):
    """Stages of a slice, each a row group ahead of the next.

    ``Sweep -> Predictor -> SegmentSorter -> RowSelect -> Attention``. The selection holds two groups, so the
    prediction and sorting of the next group hide behind the attention of this one whenever
    ``keys * tree_folds <= trees * kept * folds`` (prediction),
    ``ceil(m / 4) * trees_per_sorter < tile * tree_folds`` (sorting), and
    ``(words + 3) * (score_width - 1) + words <= keys * tree_folds`` with ``words = segments * ceil(m / 4)``
    (choosing).

    Members
    -------
    write : In(BeatWrite)
    predict, attend : In(stream of Task)
        The task once its keys are loaded, and once its values are.
    group_loaded : In(1)
    group_done : Out(1)
    o, row_out, head : see :class:`Attention`, where `head` is ``active``
    record : see :class:`~hw.sorter.row_select.RowSelect`
    complete : In(1), release : Out(1)
        The keys and values of the oldest group are there; pulse: it has been attended.
    hold, walking : see :class:`~hw.predictor.sweep.Sweep`
    token ... khat_write_valid : see :class:`~hw.predictor.predictor.Predictor`
    events : Out
        Pulses and amounts for the counters.
    """

    def __init__(self, parameters, tokens=False):
        p = self._parameters = parameters
        self._tokens = tokens
        self.event_widths = {
            "predicting": 1, "multiplying": 1, "loaded": 1, "starved": 1, "raised": 1, "positive": 1, "forced": 1,
            "score_saturated": 1, "predict_saturated": bits_for(p.trees), "radius_clipped": 16,
            "score_groups_held": 2, "mask_groups_held": bits_for(p.held_groups),
        }
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "write": In(BeatWrite(p)),
            "predict": In(stream.Signature(Task(p))),
            "attend": In(stream.Signature(Task(p))),
            "group_loaded": In(1),
            "group_done": Out(1),
            "o": Out(stream.Signature(data.ArrayLayout(signed(p.element_width), p.elements_per_beat))),
            "row_out": In(1),
            "head": Out(Task(p)),
            "record": Out(MaskRecord(p)),
            "complete": In(1),
            "release": Out(1),
            "hold": In(1),
            "walking": Out(1),
            **token_ports(p),
            "events": Out(data.StructLayout(self.event_widths)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.predictor = predictor = shared(Predictor, p, self._tokens)
        m.submodules.sweep = sweep = shared(Sweep, p, drain_cycles(p))
        m.submodules.attention = attention = shared(Attention, p)
        wiring.connect(m, wiring.flipped(self.predict), sweep.task)
        wiring.connect(m, wiring.flipped(self.attend), attention.task)
        wiring.connect(m, wiring.flipped(self.o), attention.o)

        write, active = self.write, sweep.active
        m.d.comb += [
            predictor.write_khat.eq(write.khat),
            predictor.write_query.eq(write.query),
            predictor.write_vector.eq(write.vector),
            predictor.write_slot.eq(write.slot),
            predictor.write_tree.eq(write.tree),
            predictor.write_beat.eq(write.beat),
            predictor.write_part.eq(write.part),
            predictor.write_data.as_value().eq(write.data.as_value()),
            predictor.code_base.eq(write.code_base),
            predictor.mask_enable.eq(write.mask),
            predictor.mask_word.eq(write.mask_word),
            predictor.mask_data.eq(write.mask_data),
            predictor.slot.as_value().eq(sweep.slot.as_value()),
            predictor.slot_valid.eq(sweep.slot_valid),
            predictor.group_slot.eq(sweep.group_slot),
            predictor.group_row.eq(sweep.group_row),
            predictor.present.eq(sweep.present),
            predictor.causal.eq(active.causal),
            predictor.mask.eq(active.mask),
            predictor.dense.eq(active.dense),
            predictor.half.eq(active.half),
            predictor.predict_shift.eq(active.predict_shift),
            sweep.index.eq(self.index),
            sweep.group_loaded.eq(self.group_loaded),
            attention.index.eq(self.index),
            attention.write_query.eq(write.query),
            attention.write_key.eq(write.key),
            attention.write_value.eq(write.value),
            attention.write_vector.eq(write.vector),
            attention.write_slot.eq(write.slot),
            attention.write_tree.eq(write.tree),
            attention.write_beat.eq(write.beat),
            attention.write_data.as_value().eq(write.data.as_value()),
            attention.row_out.eq(self.row_out),
            self.group_done.eq(attention.group_done),
            self.head.eq(attention.active),
        ]

        scored = predictor.o
        m.submodules.select = chooser = shared(RowSelect, p)
        # A group waits until its keys are there.
        for name, member in GroupMasks(p).members.items():
            inner, outer = getattr(chooser.group, name), getattr(attention.group, name)
            if member.flow is Out:
                m.d.comb += outer.eq(inner & self.complete if name == "valid" else inner)
            else:
                m.d.comb += inner.eq(outer)
        m.d.comb += [self.release.eq(attention.group.release), sweep.hold.eq(self.hold), self.walking.eq(sweep.walking)]
        for name, member in token_ports(p).items():
            inner, outer = getattr(predictor, name), getattr(self, name)
            m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        wiring.connect(m, wiring.flipped(self.record), chooser.record)
        sort = predictor.o_valid & ~active.dense
        sorters, clipped = [], []
        for number in range(p.sorters):
            m.submodules[f"sorter{number}"] = sorter = shared(SegmentSorter, p)
            sorters.append(sorter)
            clipped.append(sorter.clipped)
            m.d.comb += [
                sorter.score_enable.eq(sort),
                sorter.position.eq(scored.position),
                sorter.segment_end.eq(scored.segment_end),
                sorter.row_end.eq(scored.row_end),
                sorter.segment_keys.eq(active.segment_keys),
                sorter.extra_segments.eq(active.extra_segments),
                sorter.radius.eq(active.radius),
                chooser.candidates[number].as_value().eq(sorter.o.as_value()),
            ]
            for position in range(p.trees_per_sorter):
                m.d.comb += sorter.scores[position].eq(scored.scores[number * p.trees_per_sorter + position])
        rule = chooser.rule
        m.d.comb += [
            # The sorters run in step.
            chooser.candidates_valid.eq(sorters[0].o_valid),
            chooser.first.eq(sorters[0].o_first),
            chooser.row_end.eq(sorters[0].o_row_end),
            chooser.reserve.eq(delay(m, sweep.group_start, 1, "reserve")),
            sweep.free.eq(chooser.free),
            sweep.idle.eq(chooser.idle),
            rule.tokens.eq(active.tokens), rule.half.eq(active.half),
            rule.merge.eq(active.merge), rule.dense.eq(active.dense), rule.kept.eq(active.kept),
            rule.segments.eq(active.segments), rule.segment_keys.eq(active.segment_keys),
            rule.extra_segments.eq(active.extra_segments),
            chooser.dense_valid.eq(predictor.o_valid & active.dense),
            chooser.dense_keys.eq(scored.allowed),
            chooser.dense_position.eq(scored.position),
            chooser.dense_segment_end.eq(scored.segment_end),
            chooser.dense_end.eq(scored.row_end),
            self.events.predicting.eq(sweep.slot_valid),
            self.events.multiplying.eq(attention.multiplying),
            self.events.loaded.eq(attention.loaded),
            self.events.starved.eq(attention.starved),
            self.events.raised.eq(attention.raised),
            self.events.positive.eq(attention.positive),
            self.events.forced.eq(attention.forced),
            self.events.score_saturated.eq(attention.saturated),
            self.events.predict_saturated.eq(sum(predictor.saturated)),
            self.events.score_groups_held.eq(chooser.score_groups),
            self.events.mask_groups_held.eq(chooser.mask_groups),
            self.events.radius_clipped.eq(sum(clipped) if p.clipping else 0),
        ]
        return m
