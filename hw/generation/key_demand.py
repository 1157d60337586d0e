"""Which tokens need a key and a value: those that a row keeps, each once a head."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.shared import shared
from hw.stream import Fifo
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
        `i.ready` is always high. An item comes out in the cycle after it went in.
    """

    def __init__(self, shape, depth):
        self._shape, self._depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape, always_ready=True)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        bits = max(1, ceil_log2(self._depth))
        m.submodules.items = items = shared(RegisterFile, self._shape.size, 1 << bits)
        written, read = Signal(bits + 1), Signal(bits + 1)
        m.d.comb += [
            items.write_enable.eq(self.i.valid), items.write_address.eq(written), items.write_data.eq(self.i.payload),
            items.read_address.eq(read), self.o.payload.eq(items.read_data), self.o.valid.eq(written != read),
        ]
        m.d.sync += [written.eq(written + self.i.valid), read.eq(read + (self.o.valid & self.o.ready))]
        return m


class KeyDemand(wiring.Component):
    """Ask for the key and value of each token when the first row keeps it (SOFA, section III-A: on demand).

    A bit for each token of the two heads in flight says whether it was asked for. Tokens are made in the order in
    which they are asked for, so the keys of a group are there when as many tokens are made as had been asked for
    at the group's end. A head asks only when its weights are there: then all heads before it have left, and no group
    of theirs can wait behind its tokens. One token a cycle, and two cycles a segment.

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
        Tokens that are asked for, with the one at `o`, and not yet made.
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
        asked, made = Signal(COUNT_BITS), Signal(COUNT_BITS)
        turn, oldest, oldest_valid = Signal(range(max(2, p.slices))), Signal(record), Signal()
        load, finished = Signal(), Signal()
        current, busy, left = Signal(record), Signal(), Signal(p.tile)     # the record at work, and its keys to ask for
        for index, group in enumerate(self.groups):
            m.submodules[f"records{index}"] = records = RecordQueue(record, p.max_segments)
            m.submodules[f"needs{index}"] = needs = Fifo(COUNT_BITS, p.held_groups)
            mine = turn == index
            m.d.comb += [
                records.i.valid.eq(group.valid), group.ready.eq(~records.o.valid),
                *(records.i.payload[name].eq(getattr(group, name)) for name in record.members),
                records.o.ready.eq(mine & load),
                needs.i.valid.eq(mine & finished & current.end), needs.i.payload.eq(asked),
                needs.o.ready.eq(group.release),
                group.complete.eq(needs.o.valid & ~(made - needs.o.payload)[COUNT_BITS - 1]),
            ]
            with m.If(mine):
                may_ask = ~oldest.tokens | ready.bit_select(oldest.half, 1)
                m.d.comb += [oldest.eq(records.o.payload),
                             oldest_valid.eq(records.o.valid & needs.i.ready & may_ask)]

        # A record is taken with those of its keys that are new, which are marked at once.
        m.submodules.wanted = wanted = shared(RegisterFile, p.tile, 2 << p.segment_bits)
        halves, cleared, clearing = Signal(2), Signal(p.segment_bits), Signal()      # to clear: halves, by segment
        m.d.comb += [
            clearing.eq(halves != 0),
            load.eq(oldest_valid & ~busy & ~clearing),
            wanted.read_address.eq(Cat(oldest.segment, oldest.half)),
            wanted.write_enable.eq(load & oldest.tokens), wanted.write_address.eq(wanted.read_address),
            wanted.write_data.eq(wanted.read_data | oldest.keys),
        ]
        with m.If(load):
            m.d.sync += [busy.eq(1), current.eq(oldest),
                         left.eq(oldest.keys & ~wanted.read_data & oldest.tokens.replicate(p.tile))]

        # A key at a time, and then its number.
        lowest, go = Signal(p.tile), Signal()
        segment, position, half = Signal(p.segment_bits), Signal(p.position_bits), Signal()
        m.d.comb += [lowest.eq(lowest_bit(left)), go.eq((left != 0) & (~self.o.valid | self.o.ready)),
                     finished.eq(busy & (left == 0))]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(go):
            m.d.sync += [self.o.valid.eq(1), left.eq(left & ~lowest), segment.eq(current.segment),
                         position.eq(number_of(lowest)), half.eq(current.half)]
        with m.If(finished):
            m.d.sync += busy.eq(0)
        head = self.heads[half]
        offset = sum(Mux(position[bit], head.segments << bit, 0) for bit in range(p.position_bits))
        m.d.comb += [
            self.o.payload.half.eq(half),
            self.o.payload.key.eq(Mux(head.spread, segment + offset, position + (segment << ceil_log2(p.tile)))),
        ]
        m.d.sync += [asked.eq(asked + go), made.eq(made + self.token_done)]
        m.d.comb += self.waiting.eq(asked - made)
        with m.If((~busy & ~load) | (finished & current.end)):
            m.d.sync += turn.eq(Mux(turn == p.slices - 1, 0, turn + 1))
        with m.If(clearing):
            m.d.comb += [wanted.write_enable.eq(1), wanted.write_data.eq(0),
                         wanted.write_address.eq(Cat(cleared, ~halves[0]))]
            m.d.sync += cleared.eq(cleared + 1)
            with m.If(cleared.all()):
                m.d.sync += halves.eq(halves & (halves - 1))
        with m.If(self.start):
            m.d.sync += [halves.eq(halves | (1 << self.half)), cleared.eq(0)]
        return m
