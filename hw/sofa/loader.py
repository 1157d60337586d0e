"""Reading of task packets: headers, then queries, keys and values into the memories of the slices."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.stream import Buffer, Word

from .slice import BeatWrite
from .task import HEADER_BITS, SofaError, Task, TaskDecoder

__all__ = ["Loader", "PacketEnd"]


class PacketEnd(data.StructLayout):
    """What the writer needs of each head: its task if it can run, or the error that ends the packet."""

    def __init__(self, parameters):
        super().__init__({"task": Task(parameters), "run": 1})


class Loader(wiring.Component):
    """Parse packets and fill the memories.

    A packet is one or more heads, each a header and a body; the header says whether another head follows. The
    body: the first ``early_rows`` queries (so that prediction can start), all keys, all values, the other
    queries. Each vector starts on a new word; words of a query are followed by its mask, if there is one. A
    query takes all words of its lanes: those behind ``head_dim`` are filled with zeros without reading. A word of
    a query takes ``query_parts`` cycles, in which its elements are converted to codes; any other word one.

    The key memories have two halves. A head of up to half their keys gets one half, so that it can load while
    the other head computes; a larger one waits for both. Queries wait for a free group slot.

    A packet that ends early is completed with zeros, and one that is too long is drained; either way its
    error is reported at the end and the next packet is read as usual.

    Members
    -------
    i : In(stream of Word(bus_width))
    write : Out(BeatWrite), write_slices : Out(slices)
        Write to the slices that are named.
    predict, attend : Out(streams of Task)
        Emitted to each slice when keys, and when values are loaded.
    head : Out(stream of PacketEnd)
        To the writer, in order.
    packet_error : Out(stream of SofaError)
        One element a packet, when it has been read whole.
    group_loaded : Out(slices)
    group_done : In(slices)
    head_done : In(1)
        Pulse: a head has left all slices; its half is free.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Word(p.bus_width))),
            "write": Out(BeatWrite(p)),
            "write_slices": Out(p.slices),
            "predict": Out(stream.Signature(Task(p))),
            "attend": Out(stream.Signature(Task(p))),
            "head": Out(stream.Signature(PacketEnd(p))),
            "packet_error": Out(stream.Signature(SofaError)),
            "group_loaded": Out(p.slices),
            "group_done": In(p.slices),
            "head_done": In(1),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        beats_per_header = -(-HEADER_BITS // p.bus_width)
        query_beats = p.lanes // p.elements_per_beat

        m.submodules.input = source = Buffer(Word(p.bus_width))
        wiring.connect(m, wiring.flipped(self.i), source.i)
        word, word_valid = source.o.payload, source.o.valid

        task, error = Signal(Task(p)), Signal(SofaError)
        ended = Signal()                       # `last` was seen: what is missing is zero
        take, available = Signal(), Signal()
        m.d.comb += [available.eq(word_valid | ended), source.o.ready.eq(take & ~ended)]
        with m.If(take & ~ended & word_valid & word.last):
            m.d.sync += ended.eq(1)
        content = Signal(p.bus_width)
        m.d.comb += content.eq(Mux(ended, 0, word.data))

        # Header.
        header_word = Signal(range(max(2, beats_per_header)))
        collected = Signal(max(HEADER_BITS, p.bus_width))
        m.submodules.decoder = decoder = TaskDecoder(p)
        half = Signal()
        m.d.comb += [decoder.header.as_value().eq(collected[:HEADER_BITS]), decoder.half.eq(half)]
        heads = Signal(range(3))               # heads in the key memories
        large = Signal()
        m.d.comb += large.eq(task.keys > p.max_keys // 2)
        whole = Signal()                       # the newest head has both halves
        claim = Signal()

        # Position in the body.
        vector = Signal(bits_for(p.max_keys))
        beat = Signal(self.write.beat.shape())
        part = Signal(self.write.part.shape())
        row = Signal(16)
        tree = Signal(self.write.tree.shape())
        slice_ = Signal(range(max(2, p.slices)))
        slots = [Signal(range(p.group_slots), name=f"slot{index}") for index in range(p.slices)]
        free = [Signal(range(p.group_slots + 1), name=f"free{index}", init=p.group_slots)
                for index in range(p.slices)]
        slot, slot_free = Signal(range(p.group_slots)), Signal()
        with m.Switch(slice_):
            for index in range(p.slices):
                with m.Case(index):
                    m.d.comb += [slot.eq(slots[index]), slot_free.eq(free[index] != 0)]
        last_query_beat = Signal.like(beat)
        m.d.comb += last_query_beat.eq((task.last_fold << ceil_log2(query_beats)) | (query_beats - 1))
        mask_part = Signal(range(p.bus_width // 16 + 1))
        mask_word = Signal(bits_for(p.max_keys // 16))
        mask_bits = Signal(p.bus_width)
        last_mask_word = Signal.like(mask_word)
        m.d.comb += last_mask_word.eq((task.keys - 1)[4:])

        chosen = Signal(p.slices)
        m.d.comb += chosen.eq(1 << slice_)
        write, enable = Signal(BeatWrite(p)), Signal(p.slices)
        m.d.sync += [self.write.eq(write), self.write_slices.eq(enable)]
        m.d.comb += [
            write.vector.eq(vector[:p.key_bits] | (task.half << (p.key_bits - 1))),
            write.slot.eq(slot),
            write.tree.eq(tree),
            write.beat.eq(beat),
            write.part.eq(part),
            write.data.as_value().eq(content),
            write.code_base.eq(task.code_base),
            write.mask_word.eq(mask_word),
            write.mask_data.eq(mask_bits[:16]),
        ]

        group_end, row_end = Signal(), Signal()
        loaded = Signal(p.slices)
        m.d.comb += group_end.eq(row_end & ((tree == p.trees - 1) | (row + 1 == task.queries)))
        # The last beat of the group is written one cycle later; the sweep reads even later.
        m.d.sync += [loaded.eq(Mux(group_end, chosen, 0)), self.group_loaded.eq(loaded)]
        for index in range(p.slices):
            ends_here = group_end & (slice_ == index)
            m.d.sync += free[index].eq(free[index] + self.group_done[index] - ends_here)
            with m.If(ends_here):
                m.d.sync += slots[index].eq(Mux(slots[index] == p.group_slots - 1, 0, slots[index] + 1))
        with m.If(row_end):
            m.d.sync += [row.eq(row + 1), tree.eq(tree + 1)]
            with m.If(group_end):
                m.d.sync += [tree.eq(0), slice_.eq(Mux(slice_ == p.slices - 1, 0, slice_ + 1))]
        m.d.sync += heads.eq(heads + claim - self.head_done)

        m.d.comb += [self.predict.payload.eq(task), self.attend.payload.eq(task), self.head.payload.task.eq(task),
                     self.packet_error.payload.eq(error)]
        keys_loaded = Signal()
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("HEADER") | (header_word != 0) | word_valid)
            with m.State("HEADER"):
                m.d.comb += take.eq(1)
                with m.If(available):
                    m.d.sync += collected.eq(Cat(collected, content)[p.bus_width:] if beats_per_header > 1
                                             else content)
                    m.d.sync += header_word.eq(header_word + 1)
                    with m.If(header_word == beats_per_header - 1):
                        m.d.sync += header_word.eq(0)
                        m.next = "DECODE"
            with m.State("DECODE"):
                m.d.sync += [task.eq(decoder.task), row.eq(0), tree.eq(0), slice_.eq(0), vector.eq(0), beat.eq(0),
                             keys_loaded.eq(0)]
                with m.If((error == SofaError.NONE) & (decoder.error != SofaError.NONE)):
                    m.d.sync += error.eq(decoder.error)
                with m.If(decoder.error != SofaError.NONE):
                    m.next = "REFUSE"
                with m.Else():
                    m.next = "CLAIM"
            with m.State("REFUSE"):
                m.d.comb += self.head.valid.eq(1)
                with m.If(self.head.ready):
                    m.next = "DRAIN"
            with m.State("CLAIM"):
                with m.If(Mux(large | whole, heads == 0, heads < 2)):
                    m.d.comb += [self.head.valid.eq(1), self.head.payload.run.eq(1)]
                    with m.If(self.head.ready):
                        m.d.comb += claim.eq(1)
                        m.d.sync += whole.eq(large)
                        with m.If(large):
                            m.d.sync += task.half.eq(0)
                        with m.Else():
                            m.d.sync += half.eq(~half)
                        m.next = "QUERIES"
            with m.State("QUERIES"):
                with m.If((row == task.queries) | (~keys_loaded & (row == p.early_rows))):
                    m.d.sync += beat.eq(0)
                    m.next = "KEYS"
                    with m.If(keys_loaded):
                        m.next = "FINISH"
                with m.Elif((tree != 0) | (beat != 0) | (part != 0) | slot_free):
                    read = beat <= task.last_key_beat
                    m.d.comb += write.query.eq(1)
                    with m.If(~read):
                        m.d.comb += write.data.as_value().eq(0)
                    with m.If(available | ~read):
                        m.d.comb += enable.eq(chosen)
                        m.d.sync += part.eq(part + 1)
                        with m.If(part == p.query_parts - 1):
                            m.d.comb += take.eq(read)
                            m.d.sync += [part.eq(0), beat.eq(beat + 1)]
                            with m.If(beat == last_query_beat):
                                m.d.sync += [beat.eq(0), mask_word.eq(0)]
                                with m.If(task.mask):
                                    m.next = "MASK"
                                with m.Else():
                                    m.d.comb += row_end.eq(1)
            with m.State("MASK"):
                m.d.comb += take.eq(1)
                with m.If(available):
                    m.d.sync += [mask_bits.eq(content), mask_part.eq(p.bus_width // 16 - 1)]
                    m.next = "MASK-WORDS"
            with m.State("MASK-WORDS"):
                m.d.comb += [write.mask.eq(1), enable.eq(chosen)]
                m.d.sync += [mask_bits.eq(mask_bits >> 16), mask_word.eq(mask_word + 1),
                             mask_part.eq(mask_part - 1)]
                with m.If(mask_word == last_mask_word):
                    m.d.comb += row_end.eq(1)
                    m.next = "QUERIES"
                with m.Elif(mask_part == 0):
                    m.next = "MASK"
            with m.State("KEYS"):
                m.d.comb += [take.eq(1), write.key.eq(1)]
                with m.If(available):
                    m.d.comb += enable.eq((1 << p.slices) - 1)
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(beat == task.last_key_beat):
                        m.d.sync += [beat.eq(0), vector.eq(vector + 1)]
                        with m.If(vector + 1 == task.keys):
                            m.d.sync += vector.eq(0)
                            m.next = "KEYS-LOADED"
            with m.State("KEYS-LOADED"):
                m.d.comb += self.predict.valid.eq(1)
                m.d.sync += keys_loaded.eq(1)
                with m.If(self.predict.ready):
                    m.next = "VALUES"
            with m.State("VALUES"):
                m.d.comb += [take.eq(1), write.value.eq(1)]
                with m.If(available):
                    m.d.comb += enable.eq((1 << p.slices) - 1)
                    m.d.sync += beat.eq(beat + 1)
                    with m.If(beat == task.last_value_beat):
                        m.d.sync += [beat.eq(0), vector.eq(vector + 1)]
                        with m.If(vector + 1 == task.keys):
                            m.next = "VALUES-LOADED"
            with m.State("VALUES-LOADED"):
                m.d.comb += self.attend.valid.eq(1)
                with m.If(self.attend.ready):
                    m.next = "QUERIES"
            with m.State("FINISH"):
                with m.If(task.more_heads):
                    m.next = "HEADER"
                with m.Elif(ended):
                    m.next = "REPORT"
                with m.Else():
                    with m.If(error == SofaError.NONE):
                        m.d.sync += error.eq(SofaError.LONG_PACKET)
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += take.eq(1)
                with m.If(ended):
                    m.next = "REPORT"
            with m.State("REPORT"):
                m.d.comb += self.packet_error.valid.eq(1)
                with m.If(self.packet_error.ready):
                    m.d.sync += [ended.eq(0), error.eq(SofaError.NONE)]
                    m.next = "HEADER"
        # Words that are asked for after the end of the packet are missing.
        with m.If(take & ended & ~fsm.ongoing("DRAIN") & (error == SofaError.NONE)):
            m.d.sync += error.eq(SofaError.SHORT_PACKET)
        return m
