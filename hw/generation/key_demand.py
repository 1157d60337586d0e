"""Which tokens need a key and a value: those that a row keeps, each once a head."""

import itertools

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.sorter.key_number import KeyNumber
from hw.stream import Buffer, Fifo
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile
from hw.stream.select import lowest_bit, number_of

from .formats import Heads, TokenNumber

__all__ = ["COUNT_BITS", "GroupRecord", "KeyDemand"]

#: Bits of the counts of tokens, which wrap.
COUNT_BITS = 16


class GroupRecord(wiring.Signature):
    """What a slice tells of the keys that its groups keep.

    Members
    -------
    valid, segment, keys, end : Out
        The keys that some row of the group keeps of a segment; the group's last segment.
    tokens, half : Out
        The group belongs to a head from tokens; its half of the key memories.
    release : Out(1)
        Pulse: the oldest group has been attended.
    ready : In(1)
        There is room for a further group, whose segments then cannot be held up.
    complete : In(1)
        The keys and values of the oldest group are there.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "valid": Out(1), "segment": Out(p.segment_bits), "keys": Out(p.tile), "end": Out(1),
            "tokens": Out(1), "half": Out(1),
            "release": Out(1),
            "ready": In(1),
            "complete": In(1),
        })


class RecordQueue(wiring.Component):
    """Queue of a group's records, in LUT RAM; what is put in is never held up.

    Parameters
    ----------
    shape : shape-like
    depth : int

    Members
    -------
    i, o : streams of `shape`
        `i.ready` is always high. An item comes out two cycles after it went in, or after the one before has left.
    empty : Out(1)
        Nothing is held. A register, which is a cycle late when the last item leaves.
    """

    def __init__(self, shape, depth):
        self._shape, self._depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(stream.Signature(shape)),
                          "empty": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        bits = max(1, ceil_log2(self._depth))
        m.submodules.items = items = shared(RegisterFile, self._shape.size, 1 << bits)
        written, read, some = Signal(bits + 1), Signal(bits + 1), Signal()
        m.d.comb += [
            items.write_enable.eq(self.i.valid), items.write_address.eq(written), items.write_data.eq(self.i.payload),
            items.read_address.eq(read), some.eq(written != read),
        ]
        m.d.sync += [written.eq(written + self.i.valid), self.empty.eq(~(some | self.i.valid | self.o.valid))]
        with m.If(~self.o.valid):
            m.d.sync += [self.o.valid.eq(some), self.o.payload.eq(items.read_data)]
            with m.If(some):
                m.d.sync += read.eq(read + 1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m


class KeyDemand(wiring.Component):
    """Ask for the key and value of each token when the first row keeps it (SOFA, section III-A: on demand).

    A bit for each token of the two heads in flight says whether it was asked for. Tokens are made in the order in
    which they are asked for, so the keys of a group are there when as many tokens are made as had been asked for
    at the group's end. A head asks only when its weights are there: then all heads before it have left, and no group
    of theirs can wait behind its tokens. One token a cycle, and two cycles a segment besides.

    Members
    -------
    heads : In(Heads)
    half, start, weights_ready : In(1)
        Pulses: a head begins in this half, none of whose tokens has been asked for; its key and value weights are
        there.
    groups : In(GroupRecord), one a slice
    o : Out(stream of TokenNumber)
    token_done : In(1)
        Pulse: the oldest token that was asked for has its key and value.
    waiting : Out
        Tokens that are asked for, with those on their way to `o`, and not yet made.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "heads": In(Heads(p)),
            "half": In(1), "start": In(1), "weights_ready": In(1),
            "groups": In(GroupRecord(p)).array(p.slices),
            "o": Out(stream.Signature(TokenNumber(p))),
            "token_done": In(1),
            "waiting": Out(COUNT_BITS),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        ready = Signal(2)
        with m.If(self.start):
            m.d.sync += ready.bit_select(self.half, 1).eq(0)
        with m.If(self.weights_ready):
            m.d.sync += ready.bit_select(self.half, 1).eq(1)

        record = data.StructLayout({"segment": p.segment_bits, "keys": p.tile, "end": 1, "tokens": 1, "half": 1})
        asked, made, token_done = Signal(COUNT_BITS), Signal(COUNT_BITS), self.token_done
        turn = Signal(range(max(2, p.slices)))
        next_turn = Mux(turn == p.slices - 1, 0, turn + 1)
        oldest, may_pick, pick, counted = Signal(record), Signal(), Signal(), Signal()
        # The record that is next, whether it has been compared with what was asked for, and the one at work.
        chosen, chosen_turn, chosen_valid, compared = Signal(record), Signal.like(turn), Signal(), Signal()
        current, current_turn, busy = Signal(record), Signal.like(turn), Signal()
        left, load, finished, room = Signal(p.tile), Signal(), Signal(), Signal()    # keys of it to ask for
        for index, group in enumerate(self.groups):
            m.submodules[f"records{index}"] = records = RecordQueue(record, p.max_segments)
            m.submodules[f"needs{index}"] = needs = Fifo(COUNT_BITS, p.held_groups)
            mine = turn == index
            complete = needs.o.valid & ~(made - needs.o.payload)[COUNT_BITS - 1]
            released = delay(m, group.release, 1, f"released{index}")
            m.d.sync += group.complete.eq(complete & ~group.release & ~released)
            m.d.comb += [
                records.i.valid.eq(group.valid), group.ready.eq(records.empty),
                *(records.i.payload[name].eq(getattr(group, name)) for name in record.members),
                records.o.ready.eq(mine & pick),
                needs.i.valid.eq((current_turn == index) & counted & current.end), needs.i.payload.eq(asked),
                needs.o.ready.eq(released),
            ]
            with m.If(mine):
                m.d.comb += [oldest.eq(records.o.payload), may_pick.eq(records.o.valid)]
            with m.If(current_turn == index):
                m.d.comb += room.eq(needs.i.ready)

        # A record is taken with those of its keys that are new, which are marked at once: it is chosen, compared in the
        # next cycle, and then waits until the one before has no keys left.
        m.submodules.wanted = wanted = shared(RegisterFile, p.tile, 2 << p.segment_bits)
        halves, cleared, clearing = Signal(2), Signal(p.segment_bits), Signal()      # to clear: halves, by segment
        known = Signal(p.tile)
        m.d.comb += [
            pick.eq(may_pick & ~chosen_valid & ~clearing & (~oldest.tokens | ready.bit_select(oldest.half, 1))),
            load.eq(compared & ~clearing & ~busy),
            wanted.read_address.eq(Cat(chosen.segment, chosen.half)),
        ]
        # Stored in the cycle after, which is ahead of the next comparison.
        m.d.sync += [wanted.write_enable.eq(load & chosen.tokens), wanted.write_address.eq(wanted.read_address),
                     wanted.write_data.eq(known | chosen.keys)]
        m.d.sync += [known.eq(wanted.read_data), compared.eq(chosen_valid & ~load)]
        with m.If(~chosen_valid):
            m.d.sync += [chosen.eq(oldest), chosen_turn.eq(turn), chosen_valid.eq(pick)]
            with m.If(~pick | oldest.end):
                m.d.sync += turn.eq(next_turn)
        with m.If(load):
            m.d.sync += [busy.eq(1), chosen_valid.eq(0), current.eq(chosen), current_turn.eq(chosen_turn),
                         left.eq(chosen.keys & ~known & chosen.tokens.replicate(p.tile))]
        with m.Elif(finished):
            m.d.sync += busy.eq(0)

        # A key at a time, then its number.
        m.submodules.tokens = tokens = Buffer(TokenNumber(p))
        wiring.connect(m, tokens.o, wiring.flipped(self.o))
        move, go = tokens.i.ready, Signal()
        m.d.comb += [go.eq(left.any() & move), finished.eq(busy & room & ~left.any())]
        m.d.sync += clearing.eq(self.start | halves.any())
        lowest, position = Signal(p.tile), Signal(p.position_bits)
        head, segment = self.heads[current.half], current.segment
        token = data.StructLayout({"valid": 1, "half": 1, "step": p.key_bits, "base": p.key_bits})
        line = [Signal(token, name=f"token{stage}") for stage in range(3 + KeyNumber.latency)]
        m.d.comb += [
            line[0].valid.eq(go), line[0].half.eq(current.half), line[0].step.eq(Mux(head.spread, head.segments, 1)),
            line[0].base.eq(Mux(head.spread, segment, segment << ceil_log2(p.tile))),
        ]

        with m.If(move & ~load):
            m.d.sync += left.eq(left & (left - 1))
        with m.If(move):
            m.d.sync += [following.eq(stage) for stage, following in itertools.pairwise(line)]
            m.d.sync += [lowest.eq(lowest_bit(left)), position.eq(number_of(lowest))]
        m.submodules.number = number = KeyNumber(p)
        m.d.comb += [number.enable.eq(move), number.position.eq(position), number.base.eq(line[2].base),
                     number.step.eq(line[2].step), tokens.i.valid.eq(line[-1].valid),
                     tokens.i.payload.half.eq(line[-1].half), tokens.i.payload.key.eq(number.key)]
        # All tokens of a record are counted a cycle after it is finished.
        m.d.sync += [counted.eq(finished), asked.eq(asked + delay(m, go, 1, "go")), made.eq(made + token_done)]
        m.d.comb += self.waiting.eq(asked - made)
        with m.If(halves.any()):
            m.d.sync += [wanted.write_enable.eq(1), wanted.write_data.eq(0),
                         wanted.write_address.eq(Cat(cleared, ~halves[0]))]
            m.d.sync += cleared.eq(cleared + 1)
            with m.If(cleared.all()):
                m.d.sync += halves.eq(halves & (halves - 1))
        with m.If(self.start):
            m.d.sync += [halves.eq(halves | (1 << self.half)), cleared.eq(0)]
        return m
