"""Reuse-aware schedule: the keys that a batch of rows needs, each once, with the rows that need it (RASS)."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import Task
from hw.sorter.select_lane import KeyMask
from hw.stream import Fifo
from hw.stream.select import any_of, select

__all__ = ["GroupWalk", "KeyStep"]


class KeyStep(data.StructLayout):
    """One key and the rows of a batch that need it, or with `empty` the rows that need no key at all.

    ``leads``: rows of whose segment the key is a best one; ``lasts``: rows whose last key it is; ``end``: the last
    step of a group; ``final_row``: the last row of the batch that exists.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "key": p.key_bits, "rows": p.batch_rows, "leads": p.batch_rows, "lasts": p.batch_rows, "empty": 1,
            "end": 1, "final_row": p.row_bits, "batch": max(1, ceil_log2(p.batches)), "slot": range(p.group_slots),
        })


class GroupWalk(wiring.Component):
    """Walk the masks of each group's batches, segment after segment, and list the union of their keys.

    The segments of a batch are walked from the one with the best candidate of its first row, and round, the keys
    of a segment by position, until every row has had all of its keys. A key is listed once, with all rows that
    need it, so that the number of loads is that of the union, the least possible (SOFA's RASS, section IV-E,
    reaches it with an issue queue indexed by sets of rows).

    One key a cycle; a segment without keys takes a cycle as well, and the start of a batch four, in the shadow of
    the rows that the keys before are given to.

    Members
    -------
    index : In
        Number of the slice.
    task, task_valid : In
        Head to walk, stable until `done`.
    done : Out(1)
        All steps of the task have been taken; the next task may be given.
    masks_valid, masks, totals, origins, read_enable, read_segment, release :
        See :class:`~hw.sorter.row_select.RowSelect`.
    o : Out(stream of KeyStep)
    """

    _DEPTH = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        segment_bits = max(1, ceil_log2(p.max_segments))
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "task": In(Task(p)),
            "task_valid": In(1),
            "done": Out(1),
            "masks_valid": In(1),
            "masks": In(data.ArrayLayout(KeyMask(p), p.trees)),
            "totals": In(data.ArrayLayout(bits_for(p.max_keys), p.trees)),
            "origins": In(data.ArrayLayout(segment_bits, p.batches)),
            "read_enable": Out(1),
            "read_segment": Out(segment_bits),
            "release": Out(1),
            "o": Out(stream.Signature(KeyStep(p))),
        })

    def elaborate(self, platform):
        m = Module()
        p, task = self._parameters, self.task
        size = p.batch_rows
        row = Signal(17)                                   # first row of the group; may run past all rows
        batch = Signal(max(1, ceil_log2(p.batches)))
        slot = Signal(range(p.group_slots))
        segment = Signal(len(self.read_segment))           # of the masks being worked on
        following = Signal.like(segment)                   # to be read next
        position = Signal(p.position_bits)

        def of_batch(values):
            """The value of each row of the batch, from those of all trees."""
            return [select(batch[:ceil_log2(p.batches)],
                           [values[number * size + index] for number in range(p.batches)])
                    for index in range(size)]

        # Keys left of each row, and the masks of the segment at work.
        left = [Signal(bits_for(p.max_keys), name=f"left{index}") for index in range(size)]
        work = [Signal(p.tile, name=f"work{index}") for index in range(size)]
        leads = [Signal(data.ArrayLayout(p.position_bits, p.ensure), name=f"leads{index}") for index in range(size)]
        union, lowest = Signal(p.tile), Signal(p.tile)
        m.d.comb += [union.eq(any_of(work)), lowest.eq(union & (~union + 1))]
        for bit in range(p.position_bits):
            m.d.comb += position[bit].eq((lowest & sum(1 << place for place in range(p.tile) if place >> bit & 1))
                                         .any())
        rows, lasts, leading = Signal(size), Signal(size), Signal(size)
        for index in range(size):
            m.d.comb += [
                rows[index].eq((work[index] & lowest).any()),
                lasts[index].eq(rows[index] & (left[index] == 1)),
                leading[index].eq(any_of([leads[index][rank] == position for rank in range(p.ensure)])),
            ]

        # A step goes through a register, where its key is computed, into the queue.
        step, step_valid = Signal(KeyStep(p)), Signal()
        step_segment, step_position = Signal.like(segment), Signal.like(position)
        m.submodules.queue = queue = Fifo(KeyStep(p), self._DEPTH)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        spread = task.interleaved & ~task.dense
        offset = sum(Mux(step_position[bit], task.segments << bit, 0) for bit in range(p.position_bits))
        room = Signal()
        m.d.comb += [
            room.eq(~step_valid | queue.i.ready),
            queue.i.valid.eq(step_valid),
            queue.i.payload.eq(step),
            queue.i.payload.key.eq(Mux(spread, step_segment + offset,
                                       step_position + (step_segment << ceil_log2(p.tile)))),
        ]
        with m.If(room):
            m.d.sync += step_valid.eq(0)

        some, all_done, batch_last = Signal(), Signal(), Signal()
        remaining = [(left[index] != 0) & ~lasts[index] for index in range(size)]
        absent = Signal(size)                              # rows of the batch that have no key
        group_row = Signal(18)
        m.d.comb += [
            some.eq(union != 0),
            all_done.eq(~any_of(remaining)),
            group_row.eq(row + batch * size),
            batch_last.eq((batch == p.batches - 1) | (group_row + size >= task.queries)),
        ]
        final_row = Signal(p.row_bits)
        m.d.comb += final_row.eq(Mux(group_row + size > task.queries, task.queries - group_row - 1, size - 1))
        totals = of_batch(self.totals)
        load, begin = Signal(), Signal()
        m.d.comb += self.read_segment.eq(Mux(begin, select(batch[:ceil_log2(p.batches)], list(self.origins)),
                                             following))

        def after(value):
            return Mux(value + 1 == task.segments, 0, value + 1)

        with m.If(begin | load):
            m.d.comb += self.read_enable.eq(1)
            m.d.sync += following.eq(after(self.read_segment))
        upcoming = Signal.like(segment)                    # segment that the memory shows
        with m.If(self.read_enable):
            m.d.sync += upcoming.eq(self.read_segment)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [row.eq(self.index * p.trees), batch.eq(0)]
                with m.If(self.task_valid):
                    m.next = "GROUP"
            with m.State("GROUP"):
                with m.If(row >= task.queries):
                    with m.If(~step_valid & (queue.level == 0)):
                        m.d.comb += self.done.eq(1)
                        m.next = "IDLE"
                with m.Elif(self.masks_valid):
                    m.d.comb += begin.eq(1)
                    for index in range(size):
                        exists = row + batch * size + index < task.queries
                        m.d.sync += [left[index].eq(Mux(exists, totals[index], 0)),
                                     absent[index].eq(exists & (totals[index] == 0))]
                    m.next = "EMPTY"
            with m.State("EMPTY"):
                # Rows without keys come first, in one step.
                with m.If(room):
                    m.d.comb += load.eq(1)
                    m.d.sync += [
                        step_valid.eq(absent != 0), step.empty.eq(1), step.rows.eq(absent), step.leads.eq(0),
                        step.lasts.eq(absent), step.batch.eq(batch), step.slot.eq(slot), step.final_row.eq(final_row),
                        step.end.eq(all_left_zero(left) & batch_last),
                    ]
                    m.next = "WALK"
                    with m.If(all_left_zero(left)):
                        m.next = "END"
            with m.State("WALK"):
                with m.If(~some):
                    m.d.comb += load.eq(1)
                with m.Elif(room):
                    m.d.sync += [
                        step_valid.eq(1), step.empty.eq(0), step.rows.eq(rows), step.leads.eq(leading),
                        step.lasts.eq(lasts), step.batch.eq(batch), step.slot.eq(slot), step.final_row.eq(final_row),
                        step.end.eq(all_done & batch_last),
                        step_segment.eq(segment), step_position.eq(position),
                    ]
                    for index in range(size):
                        m.d.sync += [work[index].eq(work[index] & ~lowest), left[index].eq(left[index] - rows[index])]
                    with m.If(all_done):
                        m.next = "END"
                    with m.Elif((union & ~lowest) == 0):
                        m.d.comb += load.eq(1)
            with m.State("END"):
                m.d.sync += batch.eq(batch + 1)
                with m.If(batch_last):
                    m.d.comb += self.release.eq(1)
                    m.d.sync += [batch.eq(0), row.eq(row + p.trees * p.slices),
                                 slot.eq(Mux(slot == p.group_slots - 1, 0, slot + 1))]
                m.next = "GROUP"
        # After the key that was picked leaves its segment, so that a new segment takes its place.
        with m.If(load):
            m.d.sync += segment.eq(upcoming)
            for index, mask in enumerate(of_batch(self.masks)):
                mask = KeyMask(p)(mask)
                m.d.sync += [work[index].eq(mask.keys), leads[index].eq(mask.leads)]
        return m


def all_left_zero(left):
    """Whether no row has a key left."""
    return ~any_of([value != 0 for value in left])
