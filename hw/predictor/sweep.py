"""Order in which the predictor visits keys: the sub-segments of a row, for a group of rows at a time."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import Task
from hw.sorter.segment_sorter import segment_cycles
from hw.stream.counter import counter

__all__ = ["Slot", "Sweep"]


class Slot(data.StructLayout):
    """One cycle of the predictor: one fold of one key, for all rows of a group."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "key": p.key_bits,
            "fold": max(1, ceil_log2(p.tree_folds)),
            "last_fold": 1,
            "position": p.position_bits,
            "segment_end": 1,
            "row_end": 1,
        })


class Sweep(wiring.Component):
    """Walk the keys of a task once for each group of ``trees`` rows.

    Segment `j` of `n` holds keys ``j, j + n, j + 2n, ...`` (interleaved: neighbouring keys, which tend to be
    kept together, spread over all segments) or ``j * tile ...`` (contiguous, as in SOFA section III-B). A
    dense task walks contiguously. One slot a cycle; a segment starts only when the sorter has taken the segment before,
    so no score is ever in the way of another. How long the sorter is at work on a segment follows from the keys that it
    is to find, so the sweep counts it itself, ahead by the latency of the predictor.

    Parameters
    ----------
    parameters : SofaParameters
    drain : int
        Cycles until nothing behind the sweep depends on the task any more.

    Members
    -------
    index : In
        Number of the slice: it takes groups ``index, index + slices, ...``.
    task : In(stream of Task)
        Emitted when the keys are loaded; taken when its last group has been walked.
    group_loaded : In(1)
        Pulse: a further group of this slice has its queries.
    hold : In(1)
        The array does something else: begin no group.
    free, idle : In(1)
        The selection can hold a further group; it holds none, so that a dense group can write its masks. A group
        begins in the cycle after; both are known two cycles after `group_start`.
    active : Out(Task)
        The task being walked; stable while slots of it are in the pipeline of the predictor.
    slot, slot_valid : Out
        Registers: while the last slot of a group leaves, the next group may begin.
    walking : Out(1)
        A group is being walked, or begins.
    group_start : Out(1)
        Pulse, at least three cycles before the first slot of a group.
    group_slot : Out
        Ring position of the group in the query memories.
    group_row : Out(16)
        Index of the group's first row.
    present : Out(trees)
        Rows of the group that exist.
    """

    def __init__(self, parameters, drain):
        p = self._parameters = parameters
        self._drain = drain
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "task": In(stream.Signature(Task(p))),
            "group_loaded": In(1),
            "hold": In(1),
            "free": In(1),
            "idle": In(1),
            "active": Out(Task(p)),
            "slot": Out(Slot(p)),
            "slot_valid": Out(1),
            "walking": Out(1),
            "group_start": Out(1),
            "group_slot": Out(range(p.query_groups)),
            "group_row": Out(16),
            "present": Out(p.trees),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        task = Signal(Task(p), reset_less=True)
        m.d.comb += self.active.eq(task)

        groups = Signal(range(p.query_groups + 1))     # loaded and not yet walked
        row = Signal(17)                              # may run past the largest number of queries
        left = Signal(signed(18))                     # rows from this group on
        next_slot = Signal(range(p.query_groups))
        drain = Signal(range(self._drain + 1))

        # The key at work. What comes last is known beforehand, as the sign of how many keys there are behind.
        key, start = Signal(p.key_bits + 1), Signal(p.key_bits + 1)               # start: first key of the segment
        behind, start_behind = Signal(signed(p.key_bits + 3)), Signal(signed(p.key_bits + 3))
        segments_left = Signal(bits_for(p.max_segments))
        stride, step = Signal(bits_for(p.max_segments)), Signal(bits_for(p.tile))
        last_of_segment, last_segment = Signal(), Signal()
        visits, next_key, segment_end, start_over = Signal(), Signal(), Signal(), Signal()
        position, position_last = counter(m, p.tile - 1, next_key, start_over | segment_end, "position")
        spread = task.interleaved & ~task.dense
        m.d.sync += [stride.eq(Mux(spread, task.segments, 1)), step.eq(Mux(spread, 1, p.tile))]
        fold, last_fold = counter(m, Mux(task.dense, 0, task.last_tree_fold), visits, start_over, "fold")
        m.d.comb += last_of_segment.eq(behind[-1] | position_last)

        near = ceil_log2(p.trees + 1)
        start_group = Signal()
        m.d.sync += groups.eq(groups + self.group_loaded - start_group)
        # Settled when they are looked at: a group takes three cycles at the least.
        some_group, may_begin, no_rows, all_rows = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [some_group.eq(groups != 0), may_begin.eq(some_group & self.free & (~task.dense | self.idle)),
                     no_rows.eq(left <= 0), all_rows.eq(left[near:] != 0)]

        # The sorter: cycles until it can take a segment (`soon`: at most one), and one that waits for that.
        cycles = segment_cycles(p)
        sorting = Signal(range(cycles(p.max_segment_keys + 1) + 1))
        soon, waiting = Signal(init=1), Signal()
        extra, more = Signal(bits_for(p.max_segments)), Signal()         # segments that deliver a key more
        larger, smaller, coming = (Signal.like(sorting, name=name) for name in ("larger", "smaller", "coming"))
        m.d.sync += [larger.eq(cycles(task.segment_keys + 1)), smaller.eq(cycles(task.segment_keys))]
        m.d.comb += coming.eq(Mux(more, larger, smaller))
        with m.If(segment_end & ~task.dense):
            m.d.sync += [extra.eq(Mux(more, extra - 1, 0)), more.eq(extra > 1)]
        waiting_cycles = Signal.like(sorting)
        with m.If(soon & (waiting | (segment_end & ~task.dense))):
            m.d.sync += [sorting.eq(Mux(waiting, waiting_cycles, coming)), soon.eq(0), waiting.eq(0)]
        with m.Else():
            m.d.sync += [sorting.eq(Mux(sorting == 0, 0, sorting - 1)), soon.eq(sorting <= 2)]
            with m.If(segment_end & ~task.dense):
                m.d.sync += [waiting.eq(1), waiting_cycles.eq(coming)]
        room = Signal()
        m.d.comb += room.eq(~waiting | soon)

        m.d.sync += self.slot_valid.eq(0)
        with m.FSM() as fsm:
            m.d.comb += self.walking.eq(fsm.ongoing("SEGMENT") | fsm.ongoing("WALK") | start_group)
            with m.State("IDLE"):
                with m.If(self.task.valid):
                    m.d.sync += [task.eq(self.task.payload), row.eq(self.index * p.trees),
                                 left.eq(self.task.payload.queries - self.index * p.trees)]
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                # Stride and step follow the task by a cycle.
                m.next = "GROUP"
            with m.State("GROUP"):
                m.d.comb += start_over.eq(1)
                m.d.sync += [
                    start.eq(0), key.eq(0),
                    start_behind.eq(task.keys - 1 - stride), behind.eq(task.keys - 1 - stride),
                    segments_left.eq(task.segments), last_segment.eq(task.segments == 1),
                    extra.eq(task.extra_segments), more.eq(task.extra_segments != 0),
                ]
                with m.If(no_rows):
                    m.d.sync += drain.eq(self._drain)
                    m.next = "DRAIN"
                with m.Elif(may_begin & ~self.hold):
                    m.d.comb += [start_group.eq(1), self.group_start.eq(1)]
                    m.d.sync += [self.group_slot.eq(next_slot), self.group_row.eq(row),
                                 next_slot.eq(Mux(next_slot == p.query_groups - 1, 0, next_slot + 1)),
                                 row.eq(row + p.trees * p.slices), left.eq(left - p.trees * p.slices)]
                    for tree in range(p.trees):
                        m.d.sync += self.present[tree].eq(all_rows | (left[:near] > tree))
                    m.next = "SEGMENT"
            with m.State("SEGMENT"):
                with m.If(room):
                    m.next = "WALK"
            with m.State("WALK"):
                m.d.comb += visits.eq(1)
                m.d.sync += [
                    self.slot_valid.eq(1),
                    self.slot.key.eq(key),
                    self.slot.fold.eq(fold),
                    self.slot.last_fold.eq(last_fold),
                    self.slot.position.eq(position),
                    self.slot.segment_end.eq(last_of_segment & last_fold),
                    self.slot.row_end.eq(last_of_segment & last_segment & last_fold),
                ]
                with m.If(last_fold):
                    m.d.comb += next_key.eq(1)
                    m.d.sync += [key.eq(key + stride), behind.eq(behind - stride)]
                    with m.If(last_of_segment):
                        m.d.sync += [
                            start.eq(start + step), key.eq(start + step),
                            start_behind.eq(start_behind - step), behind.eq(start_behind - step),
                            segments_left.eq(segments_left - 1), last_segment.eq(segments_left == 2),
                        ]
                        m.d.comb += segment_end.eq(1)
                        with m.If(last_segment):
                            m.next = "GROUP"
                        with m.Elif(~soon & ~task.dense):
                            m.next = "SEGMENT"
            with m.State("DRAIN"):
                with m.If(drain != 0):
                    m.d.sync += drain.eq(Mux(~waiting & (sorting == 0), drain - 1, drain))
                with m.Else():
                    m.d.comb += self.task.ready.eq(1)
                    m.next = "IDLE"
        return m
