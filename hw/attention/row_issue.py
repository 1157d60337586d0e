"""Order in which an attention slice works: row after row, each with the keys of its own list."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.sofa.task import NO_KEY, Task
from hw.sorter.key_list import ListedKey

__all__ = ["IssuedKey", "RowIssue"]


class IssuedKey(data.StructLayout):
    """One fold of a (row, key) pair, with the addresses to read."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "key": p.key_bits, "lead": 1, "pair": 1, "last": 1, "empty": 1,
            "fold": p.fold_bits, "first_fold": 1, "last_fold": 1,
            "group_slot": range(p.group_slots), "tree": max(1, ceil_log2(p.trees)),
        })


class RowIssue(wiring.Component):
    """Take the rows of each group in turn, and each row's keys from its list, one fold a cycle.

    Members
    -------
    index : In
        Number of the slice.
    task : In(stream of Task)
        Emitted when keys and values are loaded; taken when the task's rows have left the slice.
    lists : In(array of streams of ListedKey)
    key_id, key_last : Out(stream of 15 + 1 bits)
        Keys as they are issued, for the writer; all ones in a row without keys.
    credit : In(1)
        The score queue can take a further key.
    issued, issued_valid : Out
    group_done : Out(1)
        Pulse: a group's queries are no longer needed.
    rows_out : In(1)
        Pulse: a row has left the slice.
    active : Out(Task)
    running : Out(1)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "index": In(max(1, ceil_log2(p.slices))),
            "task": In(stream.Signature(Task(p))),
            "lists": In(stream.Signature(ListedKey(p))).array(p.trees),
            "key_id": Out(stream.Signature(data.StructLayout({"key": 15, "last": 1}))),
            "credit": In(1),
            "issued": Out(IssuedKey(p)),
            "issued_valid": Out(1),
            "group_done": Out(1),
            "row_out": In(1),
            "active": Out(Task(p)),
            "running": Out(1),
            "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p, task = self._parameters, self.active
        row = Signal(17)                                  # first row of the group; may run past all rows
        tree = Signal(max(1, ceil_log2(p.trees)))
        slot = Signal(range(p.group_slots))
        fold = Signal(p.fold_bits)
        pending = Signal(bits_for(2 * p.slice_rows + 64))  # rows issued and not yet out
        head, head_valid = Signal(ListedKey(p)), Signal()
        with m.Switch(tree):
            for index in range(p.trees):
                with m.Case(index):
                    m.d.comb += [head.eq(self.lists[index].payload), head_valid.eq(self.lists[index].valid)]

        last_fold, take, go, row_done, last_tree = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            last_fold.eq(fold == task.last_fold),
            last_tree.eq((tree == p.trees - 1) | (row + tree + 1 >= task.queries)),
            take.eq(go & last_fold),
            row_done.eq(take & head.last),
            self.issued.key.eq(head.key),
            self.issued.lead.eq(head.lead),
            self.issued.pair.eq(head.pair),
            self.issued.last.eq(head.last),
            self.issued.empty.eq(head.empty),
            self.issued.fold.eq(fold),
            self.issued.first_fold.eq(fold == 0),
            self.issued.last_fold.eq(last_fold),
            self.issued.group_slot.eq(slot),
            self.issued.tree.eq(tree),
            self.issued_valid.eq(go),
            self.key_id.payload.key.eq(Mux(head.empty, NO_KEY, head.key)),
            self.key_id.payload.last.eq(head.last),
            self.key_id.valid.eq(take & task.return_keys),
        ]
        for index in range(p.trees):
            m.d.comb += self.lists[index].ready.eq(take & (tree == index))
        m.d.sync += pending.eq(pending + row_done - self.row_out)

        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.task.valid):
                    m.d.sync += [task.eq(self.task.payload), row.eq(self.index * p.trees), tree.eq(0), fold.eq(0)]
                    m.next = "ROWS"
            with m.State("ROWS"):
                m.d.comb += self.running.eq(1)
                with m.If(row >= task.queries):
                    with m.If(pending == 0):
                        m.d.comb += self.task.ready.eq(1)
                        m.next = "IDLE"
                with m.Else():
                    # The writer's queue is asked for room, not for readiness: a key takes its place at once.
                    m.d.comb += [
                        go.eq(head_valid & self.credit & (self.key_id.ready | ~task.return_keys)),
                        self.starved.eq(~head_valid),
                    ]
                    with m.If(go):
                        m.d.sync += fold.eq(Mux(last_fold, 0, fold + 1))
                    with m.If(row_done):
                        m.d.sync += tree.eq(tree + 1)
                        with m.If(last_tree):
                            m.d.comb += self.group_done.eq(1)
                            m.d.sync += [tree.eq(0), row.eq(row + p.trees * p.slices),
                                         slot.eq(Mux(slot == p.group_slots - 1, 0, slot + 1))]
        return m
