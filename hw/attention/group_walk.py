"""Reuse-aware schedule: the keys that a batch of rows needs, each once, with the rows that need it (RASS)."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import Task
from hw.sorter.key_mask import MASKS_LATENCY, GroupMasks, KeyMask
from hw.sorter.key_number import KeyNumber
from hw.stream import Fifo
from hw.stream.delay import delay
from hw.stream.select import any_of, number_of, select

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


def fours(value):
    """Bits of a value in groups of four."""
    return [value[start:start + 4] for start in range(0, len(value), 4)]


class _Keys(data.StructLayout):
    """Keys of a segment, and whether there are ``some`` in each four of them: with these few tables find the lowest."""

    def __init__(self, parameters):
        super().__init__({"keys": parameters.tile, "some": -(-parameters.tile // 4)})


class GroupWalk(wiring.Component):
    """Walk the masks of each group's batches, segment after segment, and list the union of their keys.

    The segments of a batch are walked from the one with the best candidate of its first row, and round, the keys
    of a segment by position, until every row has had all of its keys. A key is listed once, with all rows that
    need it, so that the number of loads is that of the union, the least possible (SOFA's RASS, section IV-E,
    reaches it with an issue queue indexed by sets of rows).

    One key a cycle; a segment without keys takes a cycle as well, and the change of batches nine, in the shadow of
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

    # One in a register and the others in a memory whose address needs no comparison to begin again.
    _DEPTH = 17
    # Steps that may still come when the queue is found to be full: those behind the walk, and that of a cycle's notice.
    _LATE = 4

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
        size, batch_bits = p.batch_rows, ceil_log2(p.batches)

        # The batch at work, and the two that may follow it: rows of the task from its first one on, and what follows
        # from their number, which is known long before.
        batch, slot = Signal(max(1, batch_bits)), Signal(range(p.query_groups))
        layout = data.StructLayout({"rest": signed(19), "rows": range(size + 1)})
        current, next_batch, next_group = (Signal(layout, name=name)
                                           for name in ("current", "next_batch", "next_group"))
        group_rest, batch_last = Signal(signed(19)), Signal()
        following_batch, following_group = Signal(signed(19)), Signal(signed(19))

        def fills(left):
            """Rows that are left, not less than none, fill a batch."""
            bits = ceil_log2(size)
            return left[bits:-1].any() if size == 1 << bits else left >= size

        for entry, left in ((next_batch, following_batch), (next_group, following_group)):
            m.d.sync += [entry.rest.eq(left), entry.rows.eq(Mux(left < 0, 0, Mux(fills(left), size, left)))]
        exists = Cat(current.rows > index for index in range(size))
        m.d.sync += [following_group.eq(group_rest - p.trees * p.slices), following_batch.eq(current.rest - size),
                     batch_last.eq((batch == p.batches - 1) | (current.rest <= size))]

        def of_batch(values):
            """The value of each row of the batch, from those of all trees."""
            return [select(batch[:batch_bits], [values[number * size + index] for number in range(p.batches)])
                    for index in range(size)]

        def without_lowest(value, others, lowest, last):
            """Assign the keys of a value but for its lowest one, this one, and whether there are no others."""
            before = [value.some[:number].any() if number else C(0, 1) for number in range(len(value.some))]
            above = Cat(before[number] | (part[:place].any() if place else 0)
                        for number, part in enumerate(fours(value.keys)) for place in range(len(part)))
            some = Cat((value.some[number] & before[number])
                       | any_of([part[place] & part[:place].any() if place else C(0, 1) for place in range(len(part))])
                       for number, part in enumerate(fours(value.keys)))
            return [others.keys.eq(value.keys & above), others.some.eq(some), lowest.eq(value.keys & ~above),
                    last.eq(some == 0)]

        # Segments on their way from the memory. `shift` moves all of them by a place.
        shift, moving = Signal(), Signal()
        unread, last_segment = Signal(bits_for(p.max_segments)), Signal(p.segment_bits)
        following = Signal(p.segment_bits)
        m.d.comb += [group.read_segment.eq(following), group.read_enable.eq(shift)]
        m.d.sync += last_segment.eq(task.segments - 1)
        coming = [Signal(data.StructLayout({"valid": 1, "segment": p.segment_bits}), name=f"coming{number}")
                  for number in range(MASKS_LATENCY)]
        masks = [Signal(KeyMask(p), name=f"masks{index}", reset_less=True) for index in range(size)]
        union, union_place = Signal(_Keys(p), reset_less=True), Signal.like(coming[0])
        ready_masks = [Signal(KeyMask(p), name=f"ready_masks{index}", reset_less=True) for index in range(size)]
        ready_others, ready_lowest = Signal(_Keys(p), reset_less=True), Signal(p.tile, reset_less=True)
        ready_last = Signal()
        ready_place = Signal.like(coming[0])
        shown = of_batch(group.masks)
        needed = any_of([KeyMask(p)(mask).keys for mask in shown])
        with m.If(shift):
            m.d.sync += [
                following.eq(Mux(following == last_segment, 0, following + 1)),
                unread.eq(Mux(unread == 0, 0, unread - 1)),
                coming[0].valid.eq(unread != 0), coming[0].segment.eq(following),
                *(later.eq(earlier) for earlier, later in zip(coming, coming[1:], strict=False)),
                *(mask.eq(new) for mask, new in zip(masks, shown, strict=True)),
                union.keys.eq(needed), union.some.eq(Cat(part.any() for part in fours(needed))),
                union_place.eq(coming[-1]),
                *(later.eq(earlier) for earlier, later in zip(masks, ready_masks, strict=True)),
                *without_lowest(union, ready_others, ready_lowest, ready_last),
                ready_place.eq(union_place), ready_place.valid.eq(union_place.valid & union.some.any()),
            ]

        # The segment at work: its lowest key is listed, `others` are left behind it, or it is the last one.
        work = [Signal(KeyMask(p), name=f"work{index}", reset_less=True) for index in range(size)]
        others, lowest = Signal(_Keys(p), reset_less=True), Signal(p.tile, reset_less=True)
        place, last_key = Signal.like(coming[0]), Signal()
        may_list, step = Signal(), Signal()
        m.d.comb += [step.eq(place.valid & may_list), shift.eq(moving & (~place.valid | (may_list & last_key)))]
        with m.If(shift):
            m.d.sync += [place.eq(ready_place), others.eq(ready_others), lowest.eq(ready_lowest),
                         last_key.eq(ready_last),
                         *(mask.eq(new) for mask, new in zip(work, ready_masks, strict=True))]
        with m.Elif(step):
            m.d.sync += without_lowest(others, others, lowest, last_key)

        # Stage 1: the rows of the key. A batch starts with the rows that have no key.
        totals = [Signal(bits_for(p.max_keys), name=f"total{index}", reset_less=True) for index in range(size)]
        start = Signal()
        s1 = Signal(data.StructLayout({
            "valid": 1, "start": 1, "segment": p.segment_bits, "position": p.position_bits, "rows": size,
            "batch": len(batch), "slot": slot.shape(), "final_row": p.row_bits, "batch_last": 1}))
        leads_1 = [Signal(data.ArrayLayout(p.position_bits, p.ensure), name=f"leads{index}", reset_less=True)
                   for index in range(size)]
        m.d.sync += [
            s1.valid.eq(start | step), s1.start.eq(start), s1.segment.eq(place.segment),
            s1.position.eq(number_of(lowest)),
            s1.rows.eq(Cat((mask.keys & lowest).any() for mask in work)),
            s1.batch.eq(batch), s1.slot.eq(slot), s1.final_row.eq(current.rows - 1), s1.batch_last.eq(batch_last),
            *(leads.eq(mask.leads) for leads, mask in zip(leads_1, work, strict=True)),
        ]
        # At the start: rows of one key in all, of none, and those of none that exist.
        ones_1, nones_1, absent_1 = Signal(size), Signal(size), Signal(size)
        m.d.sync += [ones_1.eq(Cat(total == 1 for total in totals)), nones_1.eq(Cat(total == 0 for total in totals)),
                     absent_1.eq(exists & Cat(total == 0 for total in totals))]

        # Stage 2: what is left of each row, and so which key is its last one.
        left = [Signal(bits_for(p.max_keys), name=f"left{index}", reset_less=True) for index in range(size)]
        ones, nones = Signal(size), Signal(size)
        rows, lasts, over = Signal(size), Signal(size), Signal()
        m.d.comb += [
            rows.eq(Mux(s1.start, absent_1, s1.rows)),
            lasts.eq(Mux(s1.start, absent_1, s1.rows & ones)),
            over.eq(Mux(s1.start, nones_1, nones | lasts).all()),
        ]
        for index in range(size):
            with m.If(s1.valid & s1.start):
                m.d.sync += [left[index].eq(totals[index]), ones[index].eq(ones_1[index]),
                             nones[index].eq(nones_1[index])]
            with m.Elif(s1.valid & s1.rows[index]):
                m.d.sync += [left[index].eq(left[index] - 1), ones[index].eq(left[index] == 2),
                             nones[index].eq(ones[index])]
        batch_done = Signal()
        listed, listed_valid = Signal(KeyStep(p), reset_less=True), Signal()
        segment_2, position_2 = Signal.like(s1.segment), Signal.like(s1.position)
        m.d.sync += [
            batch_done.eq(s1.valid & over), listed_valid.eq(s1.valid & (rows != 0)),
            listed.rows.eq(rows), listed.lasts.eq(lasts), listed.empty.eq(s1.start),
            listed.leads.eq(Cat(~s1.start & s1.rows[index] & any_of([leads_1[index][rank] == s1.position
                                                                     for rank in range(p.ensure)])
                                for index in range(size))),
            listed.end.eq(over & s1.batch_last), listed.final_row.eq(s1.final_row), listed.batch.eq(s1.batch),
            listed.slot.eq(s1.slot), segment_2.eq(s1.segment), position_2.eq(s1.position),
        ]

        # The number of the key, and the queue.
        m.submodules.number = number = KeyNumber(p)
        m.submodules.queue = queue = Fifo(KeyStep(p), self._DEPTH)
        wiring.connect(m, wiring.flipped(self.o), queue.o)
        spread, step_of_keys = task.interleaved & ~task.dense, Signal(p.key_bits)
        m.d.sync += step_of_keys.eq(Mux(spread, task.segments, 1))
        m.d.comb += [number.enable.eq(1), number.position.eq(position_2), number.step.eq(step_of_keys),
                     number.base.eq(Mux(spread, segment_2, segment_2 << ceil_log2(p.tile)))]
        m.d.comb += [
            queue.i.valid.eq(delay(m, listed_valid, number.latency + 1, "listed_valid")),
            queue.i.payload.eq(delay(m, listed, number.latency + 1, "listed", payload=True)),
            queue.i.payload.key.eq(delay(m, number.key, 1, "key", payload=True)),
        ]
        outstanding, little, room = Signal(range(self._DEPTH + 1)), Signal(), Signal()
        m.d.comb += little.eq(outstanding <= self._DEPTH - self._LATE)
        m.d.sync += [outstanding.eq(outstanding + listed_valid - (self.o.valid & self.o.ready)), room.eq(little)]

        # What many registers wait for is a register itself: `moving` in START and WALK, `may_list` with room in WALK.
        with m.FSM() as fsm:
            m.d.sync += may_list.eq(little & (start | fsm.ongoing("WALK")) & ~batch_done)
            with m.State("IDLE"):
                m.d.sync += [batch.eq(0), following_group.eq(task.queries - self.index * p.trees)]
                with m.If(self.task_valid):
                    m.next = "FIRST"
            with m.State("FIRST"):
                m.next = "ENTER"
            with m.State("ENTER"):
                m.d.sync += [current.eq(next_group), group_rest.eq(next_group.rest)]
                m.next = "GROUP"
            with m.State("GROUP"):
                for index, total in enumerate(of_batch(group.totals)):
                    m.d.sync += totals[index].eq(Mux(exists[index], total, 0))
                m.d.sync += [following.eq(select(batch[:batch_bits], list(group.origins))), unread.eq(task.segments)]
                m.d.sync += [entry.valid.eq(0) for entry in (*coming, union_place, ready_place, place)]
                with m.If(current.rows == 0):
                    m.next = "FINISH"
                with m.Elif(group.valid):
                    m.d.sync += moving.eq(1)
                    m.next = "START"
            with m.State("START"):
                with m.If(room):
                    m.d.comb += start.eq(1)
                    m.next = "WALK"
            with m.State("WALK"):
                with m.If(batch_done):
                    m.d.sync += moving.eq(0)
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += [batch.eq(batch + 1), current.eq(next_batch)]
                with m.If(batch_last):
                    m.d.comb += group.release.eq(1)
                    m.d.sync += [batch.eq(0), current.eq(next_group), group_rest.eq(next_group.rest),
                                 slot.eq(Mux(slot == p.query_groups - 1, 0, slot + 1))]
                m.next = "GROUP"
            with m.State("FINISH"):
                with m.If((outstanding == 0) & ~s1.valid & ~listed_valid):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(~self.task_valid):
                    m.next = "IDLE"
        return m
