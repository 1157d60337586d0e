"""Order in which an attention slice works: each key for the rows that need it, one after the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream import Buffer
from hw.stream.delay import delay
from hw.stream.select import is_single, lowest_bit, number_of

from .group_walk import KeyStep

__all__ = ["IssuedKey", "RowIssue"]


class IssuedKey(data.StructLayout):
    """One fold of a (row, key) pair.

    ``load``: the row is the first one that is given the key; ``wrap``: the row is the last one of its batch.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "key": p.key_bits, "row": p.row_bits, "lead": 1, "last": 1, "empty": 1, "load": 1,
            "wrap": 1, "fold": p.fold_bits, "first_fold": 1, "last_fold": 1,
            "slot": range(p.query_groups), "tree": max(1, ceil_log2(p.trees)),
        })


class RowIssue(wiring.Component):
    """Give the multipliers one (row, key) pair a cycle, or one fold of it: all rows of a key, then the next key.

    All outputs are registers: a pair leaves three cycles after its step has come.

    Members
    -------
    i : In(stream of KeyStep)
    last_fold : In
        Of the task.
    credit : In(1)
        There was room for a further key a cycle ago.
    issued, issued_valid : Out
    group_done : Out(1)
        Pulse: a group's queries are no longer needed.
    row_done, loaded, starved : Out(1)
        Pulses: a row's last key is issued; the first row of a key; no key was there.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(KeyStep(p))),
            "last_fold": In(p.fold_bits),
            "credit": In(1),
            "issued": Out(IssuedKey(p)),
            "issued_valid": Out(1),
            "group_done": Out(1),
            "row_done": Out(1),
            "loaded": Out(1),
            "starved": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters

        m.submodules.buffer = buffer = Buffer(KeyStep(p))
        wiring.connect(m, wiring.flipped(self.i), buffer.i)
        step, valid = Signal(KeyStep(p)), Signal()
        # The rows of the step that are still to be issued, whether that is all of them or only one, and the next one.
        left, whole, final, lowest = Signal(p.batch_rows), Signal(), Signal(), Signal(p.batch_rows)
        row, fold = Signal(p.row_bits), Signal(p.fold_bits)
        go, take, rest = Signal(), Signal(), Signal.like(left)
        begun, single, last_fold = Signal(), Signal(), Signal()       # of the fold, in registers
        issued, credit = Signal(IssuedKey(p)), delay(m, self.credit, 1, "credit")
        m.d.comb += [
            lowest.eq(lowest_bit(left)),
            row.eq(number_of(lowest)),
            rest.eq(left & ~lowest),
            # The folds of a pair follow one another without a gap: their products are summed as they come.
            go.eq(valid & (credit | begun)),
            take.eq(go & last_fold),
            buffer.o.ready.eq(~valid | (take & final)),
            issued.key.eq(step.key),
            issued.row.eq(row),
            issued.lead.eq((step.leads & lowest).any()),
            issued.last.eq((step.lasts & lowest).any()),
            issued.empty.eq(step.empty),
            issued.wrap.eq(row == step.final_row),
            issued.load.eq(whole),
            issued.fold.eq(fold),
            issued.first_fold.eq(~begun),
            issued.last_fold.eq(last_fold),
            issued.slot.eq(step.slot),
            issued.tree.eq(step.batch * p.batch_rows + row),
        ]
        m.d.sync += [
            self.issued_valid.eq(go),
            self.group_done.eq(take & final & step.end),
            self.loaded.eq(go & issued.load & issued.first_fold & ~step.empty),
            self.starved.eq(~valid),
        ]
        m.d.comb += [self.issued.as_value().eq(delay(m, issued, 1, "issued", payload=True)),
                     self.row_done.eq(self.issued_valid & self.issued.last & self.issued.last_fold)]
        m.d.sync += single.eq(self.last_fold == 0)
        with m.If(go):
            m.d.sync += [fold.eq(Mux(last_fold, 0, fold + 1)), begun.eq(~last_fold),
                         last_fold.eq(Mux(last_fold, single, fold + 1 == self.last_fold))]
        with m.Else():
            m.d.sync += last_fold.eq(fold == self.last_fold)
        with m.If(buffer.o.ready):
            m.d.sync += [valid.eq(buffer.o.valid), step.eq(buffer.o.payload), left.eq(buffer.o.payload.rows),
                         whole.eq(1), final.eq(is_single(buffer.o.payload.rows))]
        with m.Elif(take):
            m.d.sync += [left.eq(rest), whole.eq(0), final.eq(is_single(rest))]
        return m
