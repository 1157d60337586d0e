"""Reading of task packets: headers, then vectors or weights into the memories."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.generation.formats import QueryOrder, Section, TokenHead, WeightWrite
from hw.stream import Buffer, Word

from .beat_write import BeatWrite, GeneratedBeat
from .row_placer import RowPlacer
from .section_reader import SectionReader
from .task import HEADER_BITS, Projection, SofaError, Task, TaskDecoder

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

    The body of a head from tokens: the codes of the key weights, a column (channel) after the other; biases and
    matrix of the queries; biases and matrix of the keys, of the values; then the masks of the rows, if there are
    any. Without ``keep_weights``; with it there are only masks. Channels are filled up with columns of zeros, see
    :class:`~hw.sofa.task.Projection`. While the tokens of the head are fetched, the next head is read: its codes
    as soon as the keys of this one are predicted, its query weights when this one has its queries, the rest when this
    one has left.

    The key memories have two halves. A head of up to half their keys gets one half, so that it can load while
    the other head computes; a larger one waits for both. Queries wait for a free group slot.

    A packet that ends early is completed with zeros, and one that is too long is drained; either way its
    error is reported at the end and the next packet is read as usual.

    Members
    -------
    i : In(stream of Word(bus_width))
    write : Out(BeatWrite), write_slices : Out(slices)
        Write to the slices that are named.
    generated : In(stream of GeneratedBeat)
        Vectors from the generator, which go first.
    weights : Out(stream of WeightWrite)
    project : Out(Projection), project_start : Out(1)
        Pulse when a head from tokens has its half of the key memories.
    project_ready : Out(1)
        Pulse: its key and value weights are there.
    predict_tokens : Out(stream of TokenHead)
        Emitted when the codes of the key weights are loaded.
    tokens_predicted : In(1)
        No head is being predicted from tokens.
    order : Out(stream of QueryOrder)
        Places of the queries of heads from tokens.
    queries_made : In(1)
        No order is open.
    predict, attend : Out(streams of Task)
        Emitted to each slice when keys, and when values are loaded (of a head from tokens: when the weights are).
    head : Out(stream of PacketEnd)
        To the writer, in order.
    packet_error : Out(stream of SofaError)
        One element a packet, when it has been read whole.
    group_loaded : Out(slices)
    group_done : In(slices)
    head_done : In(1)
        Pulse: a head has left all slices; its half is free.
    words : Out
        Pulses: a word of this kind is taken.
    query_groups_held, keys_held : Out
        Groups whose queries are held, in all slices; keys of the heads that have a half.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Word(p.bus_width))),
            "write": Out(BeatWrite(p)),
            "write_slices": Out(p.slices),
            "generated": In(stream.Signature(GeneratedBeat(p))),
            "weights": Out(stream.Signature(WeightWrite(p))),
            "project": Out(Projection(p)),
            "project_start": Out(1),
            "project_ready": Out(1),
            "predict_tokens": Out(stream.Signature(TokenHead(p))),
            "tokens_predicted": In(1),
            "order": Out(stream.Signature(QueryOrder(p))),
            "queries_made": In(1),
            "predict": Out(stream.Signature(Task(p))),
            "attend": Out(stream.Signature(Task(p))),
            "head": Out(stream.Signature(PacketEnd(p))),
            "packet_error": Out(stream.Signature(SofaError)),
            "group_loaded": Out(p.slices),
            "group_done": In(p.slices),
            "head_done": In(1),
            "words": Out(data.StructLayout(dict.fromkeys(("queries", "keys", "values", "masks", "weights"), 1))),
            "query_groups_held": Out(range(p.slices * p.query_groups + 1)),
            "keys_held": Out(bits_for(p.max_keys)),
            "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        beats_per_header = -(-HEADER_BITS // p.bus_width)

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
        m.submodules.place = place = RowPlacer(p)
        vector = Signal(bits_for(p.max_keys))
        beat = Signal(self.write.beat.shape())
        part = Signal(self.write.part.shape())
        rows = Signal(16)                      # of the head whose rows are placed
        ordering = Signal()                    # rows are placed for the generator, beside the packet
        order_half = Signal()
        row_end = Signal()
        m.d.comb += [place.queries.eq(rows), place.advance.eq(row_end), place.group_done.eq(self.group_done),
                     self.query_groups_held.eq(place.held)]
        mask_part = Signal(range(p.bus_width // 16 + 1))
        mask_word = Signal(bits_for(p.max_keys // 16))
        mask_bits = Signal(p.bus_width)
        last_mask_word = Signal.like(mask_word)
        m.d.comb += last_mask_word.eq((task.keys - 1)[4:])

        write, enable = Signal(BeatWrite(p)), Signal(p.slices)
        m.d.sync += [self.write.eq(write), self.write_slices.eq(enable)]
        free = Signal()                        # the memories are not being written with generated vectors
        m.d.comb += [
            write.vector.eq(vector[:p.key_bits] | (task.half << (p.key_bits - 1))),
            write.slot.eq(place.slot),
            write.tree.eq(place.tree),
            write.beat.eq(beat),
            write.part.eq(part),
            write.data.as_value().eq(content),
            write.code_base.eq(task.code_base),
            write.mask_word.eq(mask_word),
            write.mask_data.eq(mask_bits[:16]),
            free.eq(~self.generated.valid),
        ]

        # The last beat of the group is written one cycle later; the sweep reads even later.
        loaded, generated_end = Signal(p.slices), Signal(p.slices)
        loads = row_end & place.group_end & ~ordering & ~task.tokens
        m.d.sync += [loaded.eq(Mux(loads, place.slice, 0) | generated_end), self.group_loaded.eq(loaded)]
        m.d.sync += heads.eq(heads + claim - self.head_done)
        newest, oldest = Signal(self.keys_held.shape()), Signal(self.keys_held.shape())
        m.d.comb += self.keys_held.eq(Mux(heads == 0, 0, newest) + Mux(heads == 2, oldest, 0))
        with m.If(claim):
            m.d.sync += [newest.eq(task.keys), oldest.eq(newest)]

        projection = self.project
        order = self.order.payload
        m.d.comb += [self.predict.payload.eq(task), self.attend.payload.eq(task), self.head.payload.task.eq(task),
                     self.predict_tokens.payload.task.eq(task), self.predict_tokens.payload.projection.eq(projection),
                     order.row.eq(place.row), order.slices.eq(place.slice), order.slot.eq(place.slot),
                     order.tree.eq(place.tree), order.group_end.eq(place.group_end), order.half.eq(order_half),
                     self.packet_error.payload.eq(error)]

        m.submodules.sections = sections = SectionReader(p)
        wiring.connect(m, wiring.flipped(self.weights), sections.weights)
        m.d.comb += [
            sections.projection.eq(projection), sections.data.eq(content), sections.available.eq(available),
            sections.codes_free.eq(self.tokens_predicted), sections.queries_free.eq(self.queries_made & ~ordering),
            sections.keys_free.eq(heads == 1),
        ]
        # The weights that are there, by their shape.
        shape = Cat(projection[name] for name in ("last_word", "last_token_fold", "last_query_beat", "last_key_beat",
                                                  "last_value_beat"))
        weights_shape, weights_valid = Signal(len(shape)), Signal()
        keep = Signal()

        keys_loaded = Signal()
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("HEADER") | (header_word != 0) | word_valid | ordering)
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
                m.d.sync += [task.eq(decoder.task), projection.eq(decoder.projection), vector.eq(0), beat.eq(0),
                             keep.eq(decoder.header.keep_weights), keys_loaded.eq(0)]
                with m.If((error == SofaError.NONE) & (decoder.error != SofaError.NONE)):
                    m.d.sync += error.eq(decoder.error)
                with m.If(decoder.error != SofaError.NONE):
                    m.next = "REFUSE"
                with m.Else():
                    m.next = "CLAIM"
                    with m.If(decoder.task.tokens):
                        m.next = "CHECK-WEIGHTS"
            with m.State("CHECK-WEIGHTS"):
                m.next = "CLAIM"
                with m.If(keep & ~(weights_valid & (weights_shape == shape))):
                    with m.If(error == SofaError.NONE):
                        m.d.sync += error.eq(SofaError.NO_WEIGHTS)
                    m.next = "REFUSE"
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
                            m.d.sync += [task.half.eq(0), projection.half.eq(0)]
                        with m.Else():
                            m.d.sync += half.eq(~half)
                        m.next = "PLACE"
                        with m.If(task.tokens):
                            m.next = "PROJECT"
            with m.State("PROJECT"):
                m.d.comb += [self.project_start.eq(1), sections.start.eq(1)]
                m.next = "WEIGHTS"
                with m.If(keep):
                    m.next = "PREDICT-TOKENS"
            with m.State("WEIGHTS"):
                m.d.comb += [sections.enable.eq(1), take.eq(sections.take)]
                m.d.sync += weights_valid.eq(0)
                with m.If(sections.part_end):
                    with m.Switch(sections.section):
                        with m.Case(Section.CODES):
                            m.next = "PREDICT-TOKENS"
                        with m.Case(Section.QUERY):
                            m.next = "PLACE"
                        with m.Case(Section.VALUE):
                            m.d.sync += [weights_valid.eq(error == SofaError.NONE), weights_shape.eq(shape)]
                            m.next = "WEIGHTS-LOADED"
            with m.State("PREDICT-TOKENS"):
                m.d.comb += self.predict_tokens.valid.eq(1)
                with m.If(self.predict_tokens.ready):
                    m.next = "WEIGHTS"
                    with m.If(keep):
                        m.next = "PLACE"
            with m.State("WEIGHTS-LOADED"):
                m.d.comb += self.attend.valid.eq(1)
                with m.If(self.attend.ready):
                    m.d.comb += self.project_ready.eq(1)
                    m.next = "FINISH"
                    with m.If(task.mask):
                        m.next = "TOKEN-ROWS"
            with m.State("PLACE"):
                with m.If(~ordering & (task.tokens | (self.queries_made & self.tokens_predicted))):
                    m.d.comb += place.start.eq(1)
                    m.d.sync += [rows.eq(task.queries), order_half.eq(task.half)]
                    m.next = "QUERIES"
                    with m.If(task.tokens):
                        m.d.sync += ordering.eq(~task.mask)
                        m.next = "WEIGHTS"
                        with m.If(keep):
                            m.next = "WEIGHTS-LOADED"
            with m.State("TOKEN-ROWS"):
                with m.If(place.complete):
                    m.next = "FINISH"
                with m.Elif(place.free & self.order.ready):
                    m.d.sync += mask_word.eq(0)
                    m.next = "MASK"
            with m.State("QUERIES"):
                with m.If(place.complete | (~keys_loaded & (place.row == p.early_rows))):
                    m.d.sync += beat.eq(0)
                    m.next = "KEYS"
                    with m.If(keys_loaded):
                        m.next = "FINISH"
                with m.Elif(place.free & free):
                    read = beat <= task.last_key_beat
                    m.d.comb += write.query.eq(1)
                    with m.If(~read):
                        m.d.comb += write.data.as_value().eq(0)
                    with m.If(available | ~read):
                        m.d.comb += enable.eq(place.slice)
                        m.d.sync += part.eq(part + 1)
                        with m.If(part == p.query_parts - 1):
                            m.d.comb += take.eq(read)
                            m.d.sync += [part.eq(0), beat.eq(beat + 1)]
                            with m.If(beat == projection.last_query_beat):
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
                m.d.comb += write.mask.eq(1)
                with m.If(free):
                    m.d.comb += enable.eq(place.slice)
                    m.d.sync += [mask_bits.eq(mask_bits >> 16), mask_word.eq(mask_word + 1),
                                 mask_part.eq(mask_part - 1)]
                    with m.If(mask_word == last_mask_word):
                        m.d.comb += row_end.eq(1)
                        m.next = "QUERIES"
                        with m.If(task.tokens):
                            m.d.comb += self.order.valid.eq(1)
                            m.next = "TOKEN-ROWS"
                    with m.Elif(mask_part == 0):
                        m.next = "MASK"
            with m.State("KEYS"):
                m.d.comb += [take.eq(free), write.key.eq(1), write.khat.eq(1)]
                with m.If(available & free):
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
                m.d.comb += [take.eq(free), write.value.eq(1)]
                with m.If(available & free):
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
        with m.If(ordering):
            m.d.comb += self.order.valid.eq(place.free & ~place.complete)
            with m.If(self.order.valid & self.order.ready):
                m.d.comb += row_end.eq(1)
            with m.If(place.complete):
                m.d.sync += ordering.eq(0)

        # Generated vectors; a beat of a query stays while it is converted to codes.
        generated, generated_part = self.generated.payload, Signal.like(part)
        with m.If(self.generated.valid):
            m.d.comb += [
                write.eq(0), enable.eq(generated.slices),
                write.query.eq(generated.query), write.key.eq(generated.key), write.value.eq(generated.value),
                write.vector.eq(generated.vector), write.slot.eq(generated.slot), write.tree.eq(generated.tree),
                write.beat.eq(generated.beat), write.part.eq(generated_part),
                write.data.as_value().eq(generated.data.as_value()), write.code_base.eq(generated.code_base),
                self.generated.ready.eq(~generated.query | (generated_part == p.query_parts - 1)),
                generated_end.eq(Mux(generated.group_end & self.generated.ready, generated.slices, 0)),
            ]
            m.d.sync += generated_part.eq(Mux(self.generated.ready, 0, generated_part + 1))

        taken = word_valid & source.o.ready
        for name, state in (("queries", "QUERIES"), ("keys", "KEYS"), ("values", "VALUES"), ("masks", "MASK"),
                            ("weights", "WEIGHTS")):
            m.d.comb += self.words[name].eq(taken & fsm.ongoing(state))

        # Words that are asked for after the end of the packet are missing.
        with m.If(take & ended & ~fsm.ongoing("DRAIN") & (error == SofaError.NONE)):
            m.d.sync += error.eq(SofaError.SHORT_PACKET)
        return m
