"""Reading of task packets: headers, then vectors or weights into the memories."""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hw.generation.formats import QueryOrder, Section, TokenHead, WeightWrite
from hw.stream import PointerFifo, Word
from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.header import collect_header
from hw.stream.states import States

from .beat_write import BeatWrite, GeneratedBeat
from .row_placer import RowPlacer
from .row_reader import RowReader
from .section_reader import SectionReader
from .task import HEADER_BITS, Projection, SofaError, Task, TaskDecoder
from .vector_reader import VectorReader

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

        # Behind the last word of a packet come words of zeros, until the packet has been read and they are thrown away.
        source = PointerFifo(data.StructLayout({"data": p.bus_width, "last": 1, "missing": 1}))
        closed, flush, given = Signal(), Signal(), self.i.payload
        m.submodules.input = ResetInserter(flush)(source)
        m.d.comb += [
            source.i.payload.data.eq(Mux(closed, 0, given.data)), source.i.payload.last.eq(given.last),
            source.i.payload.missing.eq(closed), source.i.valid.eq(self.i.valid | closed),
            self.i.ready.eq(source.i.ready & ~closed),
        ]
        with m.If(flush):
            m.d.sync += closed.eq(0)
        with m.Elif(self.i.valid & self.i.ready & given.last):
            m.d.sync += closed.eq(1)
        word, available = source.o.payload, source.o.valid

        # Each part of a packet is read by a block of its own, whose `take` depends on registers only.
        task, error, clean = Signal(Task(p)), Signal(SofaError), Signal()
        ended = Signal()                       # the last word was read
        heading, draining = Signal(init=1), Signal()
        m.submodules.vectors = vectors = VectorReader(p)
        m.submodules.place = place = RowPlacer(p)
        m.submodules.rows = rows = RowReader(p)
        m.submodules.sections = sections = SectionReader(p)
        wanted, missing = Signal(), Signal()
        m.d.comb += [
            clean.eq(error == SofaError.NONE), wanted.eq(heading | vectors.take | rows.take | sections.take),
            source.o.ready.eq(wanted | draining),
        ]
        with m.If(source.o.ready & available & word.last & ~word.missing):
            m.d.sync += ended.eq(1)
        m.d.sync += missing.eq(wanted & available & word.missing)

        # Header.
        collected, header_word, header_end = collect_header(m, word.data, HEADER_BITS, heading, available)
        with m.If(heading & available & header_end):
            m.d.sync += heading.eq(0)
        m.submodules.decoder = decoder = TaskDecoder(p)
        half, keep = Signal(), Signal()
        m.d.comb += [decoder.header.as_value().eq(collected), decoder.half.eq(half)]

        # Heads in the key memories.
        heads, head_done = Signal(range(3)), delay(m, self.head_done, 1, "head_done")
        large, whole, claim, may_claim = Signal(), Signal(), Signal(), Signal()  # the newest head has both halves
        newest, oldest = Signal(self.keys_held.shape()), Signal(self.keys_held.shape())
        m.d.sync += [
            heads.eq(heads + claim - head_done), large.eq(task.keys > p.max_keys // 2),
            may_claim.eq(Mux(large | whole, heads == 0, heads != 2)),
            self.keys_held.eq(Mux(heads == 0, 0, newest) + Mux(heads == 2, oldest, 0)),
        ]
        with m.If(claim):
            m.d.sync += [newest.eq(task.keys), oldest.eq(newest), whole.eq(large), half.eq(half ^ ~large)]

        # Rows; those of a head from tokens without masks are placed for the generator, beside the packet.
        projection, order = self.project, self.order.payload
        queries, ordering, order_half = Signal(16), Signal(), Signal()
        ordered = Signal(place.place.shape())
        # The memories are not being written with generated vectors, which wait a cycle for that; or they are: a
        # register of its own chooses what is written.
        free, generating = Signal(init=1), Signal()
        m.d.sync += [free.eq(~self.generated.valid), generating.eq(self.generated.valid)]
        places = ordering & place.settled & place.free & ~place.complete
        m.d.comb += [
            place.queries.eq(queries), place.group_done.eq(delay(m, self.group_done, 1, "group_done")),
            self.query_groups_held.eq(place.held),
            place.advance.eq(rows.advance | (places & self.order.ready)),
            rows.task.eq(task), rows.last_query_beat.eq(projection.last_query_beat),
            rows.settled.eq(place.settled), rows.next_free.eq(place.free), rows.complete.eq(place.complete),
            rows.next_early.eq(place.early), rows.next.eq(place.place),
            rows.data.eq(word.data), rows.available.eq(available), rows.free.eq(free),
            rows.order_ready.eq(self.order.ready),
            self.order.valid.eq(rows.order_valid | places),
            ordered.eq(Mux(ordering, place.place, rows.place)),
            order.row.eq(ordered.row), order.slices.eq(ordered.slices), order.slot.eq(ordered.slot),
            order.tree.eq(ordered.tree), order.group_end.eq(ordered.group_end), order.half.eq(order_half),
        ]
        with m.If(ordering & place.settled & place.complete):
            m.d.sync += ordering.eq(0)

        # Keys and values.
        values = Signal()
        m.d.comb += [
            vectors.vectors.eq(task.keys), vectors.last_beat.eq(Mux(values, task.last_value_beat, task.last_key_beat)),
            vectors.available.eq(available), vectors.free.eq(free),
        ]

        # Weights of a head from tokens; those that are there, by their shape.
        wiring.connect(m, wiring.flipped(self.weights), sections.weights)
        tokens_predicted, queries_made = (delay(m, value, 1, name) for value, name in (
            (self.tokens_predicted, "tokens_predicted"), (self.queries_made, "queries_made")))
        m.d.comb += [
            sections.projection.eq(projection), sections.data.eq(word.data), sections.available.eq(available),
            sections.codes_free.eq(tokens_predicted), sections.queries_free.eq(queries_made & ~ordering),
            sections.keys_free.eq(heads == 1),
        ]
        shape = Cat(projection[name] for name in ("last_word", "last_token_fold", "last_query_beat", "last_key_beat",
                                                  "last_value_beat"))
        weights_shape, weights_valid, same_weights = Signal(len(shape)), Signal(), Signal()
        # Compared in two stages, for which the state `decode` lasts long enough.
        other = [Signal(name=f"other{start}") for start in range(0, len(shape), 8)]
        m.d.sync += [part.eq(weights_shape[start:start + 8] != shape[start:start + 8])
                     for part, start in zip(other, range(0, len(shape), 8), strict=True)]
        m.d.sync += same_weights.eq(weights_valid & ~Cat(other).any())
        refused, refusal = Signal(), Signal(SofaError)
        m.d.sync += [refused.eq(decoder.error.as_value().any() | (task.tokens & keep & ~same_weights)),
                     refusal.eq(SofaError.NO_WEIGHTS)]
        with m.If(decoder.error != SofaError.NONE):
            m.d.sync += refusal.eq(decoder.error)

        m.d.comb += [self.predict.payload.eq(task), self.attend.payload.eq(task), self.head.payload.task.eq(task),
                     self.predict_tokens.payload.task.eq(task), self.predict_tokens.payload.projection.eq(projection),
                     self.packet_error.payload.eq(error)]

        # What is offered stays until it is taken.
        for port in (self.predict, self.attend, self.head, self.predict_tokens, self.packet_error):
            with m.If(port.ready):
                m.d.sync += port.valid.eq(0)

        states = States(
            m, "header", "decode", "refuse", "claim", "claimed", "project", "weights", "predict_tokens",
            "weights_loaded", "place", "rows", "vectors", "reading", "loaded", "finish", "drain", "report", "flush")
        at, leaves = states.at, states.leave

        keys_loaded, may_place, found = Signal(), Signal(), Signal(SofaError)
        tokens = task.tokens
        m.d.comb += [
            self.busy.eq(~at["header"] | ~heading | (header_word != 0) | available | ordering),
            rows.early.eq(~keys_loaded), rows.run.eq(at["rows"]), sections.enable.eq(at["weights"]),
        ]
        m.d.sync += [
            may_place.eq(~ordering & (tokens | (queries_made & tokens_predicted))),
            claim.eq(0), self.project_start.eq(0), self.project_ready.eq(0), found.eq(SofaError.NONE),
        ]

        leaves("header", ~heading, decode=1)
        _, decoded = counter(m, decoder.latency + 4, at["decode"], ~at["decode"], "decoding")
        with m.If(delay(m, at["decode"], 1, "decode")):
            m.d.sync += [task.eq(decoder.task), projection.eq(decoder.projection), keep.eq(decoder.header.keep_weights),
                         keys_loaded.eq(0), values.eq(0)]
        with m.If(leaves("decode", decoded, claim=~refused, refuse=refused)):
            m.d.sync += [self.head.payload.run.eq(~refused), self.head.valid.eq(refused)]
            with m.If(refused):
                m.d.sync += found.eq(refusal)
        leaves("refuse", ~self.head.valid, drain=1)

        with m.If(leaves("claim", may_claim, claimed=1)):
            m.d.sync += claim.eq(1)
        with m.If(claim):
            m.d.sync += self.head.valid.eq(1)
            with m.If(large):
                m.d.sync += [task.half.eq(0), projection.half.eq(0)]
        leaves("claimed", ~claim & ~self.head.valid, place=~tokens, project=tokens)

        # A head from tokens.
        m.d.comb += sections.start.eq(leaves("project", 1, weights=~keep, predict_tokens=keep))
        with m.If(sections.start):
            m.d.sync += [self.project_start.eq(1), self.predict_tokens.valid.eq(keep)]
        codes_end, values_end = sections.part == Section.CODES, sections.part == Section.VALUE
        with m.If(at["weights"]):
            m.d.sync += weights_valid.eq(0)
        with m.If(leaves("weights", sections.part_end, predict_tokens=codes_end, weights_loaded=values_end,
                         place=sections.part == Section.QUERY)):
            m.d.sync += [self.predict_tokens.valid.eq(codes_end), self.attend.valid.eq(values_end),
                         weights_valid.eq(values_end & clean), weights_shape.eq(shape)]
        leaves("predict_tokens", ~self.predict_tokens.valid, weights=~keep, place=keep)
        with m.If(leaves("weights_loaded", ~self.attend.valid, rows=task.mask, finish=~task.mask)):
            m.d.sync += self.project_ready.eq(1)

        m.d.comb += place.start.eq(leaves("place", may_place, rows=~tokens, weights=tokens & ~keep,
                                          weights_loaded=tokens & keep))
        with m.If(place.start):
            m.d.sync += [queries.eq(task.queries), order_half.eq(task.half), ordering.eq(tokens & ~task.mask),
                         keys_loaded.eq(tokens), self.attend.valid.eq(tokens & keep)]

        # Any other head: early rows, keys, values, and the rest of the rows.
        leaves("rows", rows.done, vectors=~keys_loaded, finish=keys_loaded)
        m.d.comb += vectors.start.eq(leaves("vectors", delay(m, at["vectors"], 2, "vectors"), reading=1))
        with m.If(leaves("reading", ~vectors.reading, loaded=1)):
            m.d.sync += [self.predict.valid.eq(~values), self.attend.valid.eq(values)]
        with m.If(leaves("loaded", ~self.predict.valid & ~self.attend.valid, vectors=~values, rows=values)):
            m.d.sync += [keys_loaded.eq(1), values.eq(1)]

        more = task.more_heads
        with m.If(leaves("finish", 1, header=more, report=~more & ended, drain=~more & ~ended)):
            m.d.sync += [heading.eq(more), self.packet_error.valid.eq(~more & ended)]
            with m.If(~more & ~ended):
                m.d.sync += found.eq(SofaError.LONG_PACKET)
        m.d.sync += draining.eq(at["drain"] & ~ended)
        with m.If(leaves("drain", ended, report=1)):
            m.d.sync += self.packet_error.valid.eq(1)
        with m.If(leaves("report", ~self.packet_error.valid, flush=1)):
            m.d.sync += [ended.eq(0), error.eq(SofaError.NONE)]
        m.d.comb += flush.eq(at["flush"])
        with m.If(leaves("flush", 1, header=1)):
            m.d.sync += heading.eq(1)
        with m.If(clean & missing):
            m.d.sync += error.eq(SofaError.SHORT_PACKET)
        with m.Elif(clean & found.as_value().any()):
            m.d.sync += error.eq(found)

        self._elaborate_writes(m, task, generating, word.data, vectors, values, rows)

        taken = available & ~word.missing
        for name, takes in (("queries", rows.take & rows.query), ("keys", vectors.take & ~values),
                            ("values", vectors.take & values), ("masks", rows.take & ~rows.query),
                            ("weights", sections.take)):
            m.d.comb += self.words[name].eq(taken & takes)
        return m

    def _elaborate_writes(self, m, task, generating, word, vectors, values, rows):
        """Writes to the slices: what is read, and generated vectors, which go first."""
        p = self._parameters
        write, enable, written = Signal(BeatWrite(p)), Signal(p.slices), Signal(BeatWrite(p), reset_less=True)
        m.d.sync += [written.eq(write), self.write_slices.eq(enable)]
        m.d.comb += self.write.eq(written)
        # A beat of a query stays while it is converted to codes.
        generated, goes = self.generated.payload, self.generated.valid & generating
        part, last_part = counter(m, p.query_parts - 1, goes & generated.query, ~generating, "generated_part")
        m.d.comb += self.generated.ready.eq(generating & (~generated.query | last_part))
        with m.If(generating):
            m.d.comb += [
                enable.eq(Mux(self.generated.valid, generated.slices, 0)),
                write.query.eq(generated.query), write.key.eq(generated.key), write.value.eq(generated.value),
                write.vector.eq(generated.vector), write.slot.eq(generated.slot), write.tree.eq(generated.tree),
                write.beat.eq(generated.beat), write.part.eq(part),
                write.data.as_value().eq(generated.data.as_value()), write.code_base.eq(generated.code_base),
            ]
        with m.Else():
            m.d.comb += [
                enable.eq(Mux(vectors.write, (1 << p.slices) - 1, Mux(rows.write, rows.place.slices, 0))),
                write.query.eq(rows.query), write.mask.eq(rows.mask),
                write.key.eq(vectors.reading & ~values), write.khat.eq(vectors.reading & ~values),
                write.value.eq(vectors.reading & values),
                write.vector.eq(vectors.vector[:p.key_bits] | (task.half << (p.key_bits - 1))),
                write.slot.eq(rows.place.slot), write.tree.eq(rows.place.tree),
                write.beat.eq(Mux(vectors.reading, vectors.beat, rows.beat)), write.part.eq(rows.part),
                write.data.as_value().eq(Mux(rows.fill, 0, word)), write.code_base.eq(task.code_base),
                write.mask_word.eq(rows.mask_word), write.mask_data.eq(rows.mask_data),
            ]

        # The last beat of the group is written one cycle later; the sweep reads even later.
        loaded, generated_loaded = Signal(p.slices), Signal(p.slices)
        generated_end = self.generated.valid & self.generated.ready & generated.group_end
        m.d.sync += [
            loaded.eq(Mux(rows.row_end & rows.place.group_end, rows.place.slices, 0)),
            generated_loaded.eq(Mux(generated_end, generated.slices, 0)),
            self.group_loaded.eq(loaded | generated_loaded),
        ]
