"""Reuse-aware schedule: the keys that a batch of rows needs, each once, with the rows that need it (RASS)."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import Task
from hw.sorter.key_mask import GroupMasks, KeyMask
from hw.stream import Fifo
from hw.stream.select import any_of, lowest_bit, number_of, select

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
            "end": 1, "final_row": p.row_bits, "batch": max(1, ceil_log2(p.batches)), "slot": range(p.query_groups),
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
        All steps of the task have been taken; high until `task_valid` is low, then the next task may be given.
    group : In(GroupMasks)
    o : Out(stream of KeyStep)
    """

    _DEPTH = 16

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "task": In(Task(p)),
            "task_valid": In(1),
            "done": Out(1),
            "group": In(GroupMasks(p)),
            "o": Out(stream.Signature(KeyStep(p))),
        })

    def elaborate(self, platform):
        m = Module()
        p, task, group = self._parameters, self.task, self.group
        size = p.batch_rows
        row = Signal(17)                                   # first row of the group; may run past all rows
        batch = Signal(max(1, ceil_log2(p.batches)))
        slot = Signal(range(p.query_groups))
        segment = Signal(p.segment_bits)           # of the masks being worked on
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
        m.d.comb += [union.eq(any_of(work)), lowest.eq(lowest_bit(union)), position.eq(number_of(lowest))]
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
        none_left, all_done, batch_last = Signal(), Signal(), Signal()
        absent = Signal(size)                              # rows of the batch that have no key
        batch_row, final_row = Signal(18), Signal(p.row_bits)
        m.d.comb += [
            none_left.eq(~any_of([count != 0 for count in left])),
            all_done.eq(~any_of([(left[index] != 0) & ~lasts[index] for index in range(size)])),
            batch_row.eq(row + batch * size),
            batch_last.eq((batch == p.batches - 1) | (batch_row + size >= task.queries)),
            final_row.eq(Mux(batch_row + size > task.queries, task.queries - batch_row - 1, size - 1)),
        ]
        with m.If(room):
            m.d.sync += [step_valid.eq(0), step.batch.eq(batch), step.slot.eq(slot), step.final_row.eq(final_row)]
        totals = of_batch(group.totals)
        load, begin = Signal(), Signal()
        m.d.comb += group.read_segment.eq(Mux(begin, select(batch[:ceil_log2(p.batches)], list(group.origins)),
                                              following))

        def after(value):
            return Mux(value + 1 == task.segments, 0, value + 1)

        with m.If(begin | load):
            m.d.comb += group.read_enable.eq(1)
            m.d.sync += following.eq(after(group.read_segment))
        upcoming = Signal.like(segment)                    # segment that the memory shows
        with m.If(group.read_enable):
            m.d.sync += upcoming.eq(group.read_segment)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [row.eq(self.index * p.trees), batch.eq(0)]
                with m.If(self.task_valid):
                    m.next = "GROUP"
            with m.State("GROUP"):
                with m.If(row >= task.queries):
                    with m.If(~step_valid & (queue.level == 0)):
                        m.next = "DONE"
                with m.Elif(group.valid):
                    m.d.comb += begin.eq(1)
                    for index in range(size):
                        exists = index <= final_row if index else 1
                        m.d.sync += [left[index].eq(Mux(exists, totals[index], 0)),
                                     absent[index].eq(exists & (totals[index] == 0))]
                    m.next = "EMPTY"
            with m.State("EMPTY"):
                # Rows without keys come first, in one step.
                with m.If(room):
                    m.d.comb += load.eq(1)
                    m.d.sync += [
                        step_valid.eq(absent != 0), step.empty.eq(1), step.rows.eq(absent), step.leads.eq(0),
                        step.lasts.eq(absent), step.end.eq(none_left & batch_last),
                    ]
                    m.next = "WALK"
                    with m.If(none_left):
                        m.next = "END"
            with m.State("WALK"):
                with m.If(union == 0):
                    m.d.comb += load.eq(1)
                with m.Elif(room):
                    m.d.sync += [
                        step_valid.eq(1), step.empty.eq(0), step.rows.eq(rows), step.leads.eq(leading),
                        step.lasts.eq(lasts), step.end.eq(all_done & batch_last),
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
                    m.d.comb += group.release.eq(1)
                    m.d.sync += [batch.eq(0), row.eq(row + p.trees * p.slices),
                                 slot.eq(Mux(slot == p.query_groups - 1, 0, slot + 1))]
                m.next = "GROUP"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(~self.task_valid):
                    m.next = "IDLE"
        # After the key that was picked leaves its segment, so that a new segment takes its place.
        with m.If(load):
            m.d.sync += segment.eq(upcoming)
            for index, mask in enumerate(of_batch(group.masks)):
                mask = KeyMask(p)(mask)
                m.d.sync += [work[index].eq(mask.keys), leads[index].eq(mask.leads)]
        return m
