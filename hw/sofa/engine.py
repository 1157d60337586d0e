"""The `sofa` engine: loader, slices and writer behind the contract of an engine."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out
from amaranth.utils import bits_for

from hw.generation.formats import Section
from hw.generation.generation import Generation
from hw.predictor.predictor import ENCODE_LATENCY
from hw.predictor.token_sweep import TokenSweep
from hw.shared import shared
from hw.shell.engine import CounterDescription, EngineSignature
from hw.sorter.key_mask import MaskRecord
from hw.stream import Fifo, Fork, Word
from hw.stream.delay import delay
from hw.stream.select import any_of

from .loader import Loader, PacketEnd
from .parameters import SofaParameters
from .result_writer import ResultWriter
from .row_writer import RowWriter
from .slice import Slice
from .task import SofaError, Task

__all__ = ["SofaEngine"]


class SofaEngine(wiring.Component):
    """Dynamic sparse attention: predict with shift and add, select, attend exactly.

    A task is a packet of one or more heads (see :class:`~hw.sofa.loader.Loader`); its result is a packet of
    rows (see :class:`~hw.sofa.row_writer.RowWriter`), head after head, closed by a trailer word with the
    error code. Heads overlap: the next one loads while one computes, if both fit in the halves of the memory.

    Cycles of a head, when its stages overlap: loading of the first queries, keys and values, then
    ``queries * kept * folds / slices`` for the multipliers, or ``queries * keys * tree_folds / (slices * trees)``
    for the predictor if that is more.

    Parameters
    ----------
    parameters : SofaParameters
    """

    error_codes = SofaError

    def __init__(self, parameters):
        if not isinstance(parameters, SofaParameters):
            raise TypeError(f"parameters must be a SofaParameters, not {parameters!r}")
        p = self.parameters = parameters
        n = bits_for(p.slices)
        self.counters = tuple(CounterDescription(*description) for description in (
            ("predicting", "slice cycles", "cycles in which the predictor visits a key", n, "sum"),
            ("multiplying", "slice cycles", "cycles in which the attention multipliers are given a key", n, "sum"),
            ("key_loads", "keys", "keys read for a batch of rows; their values are read as often", n, "sum"),
            ("starved", "slice cycles", "cycles in which attention waits for the keys of its rows", n, "sum"),
            ("rows", "rows", "query rows finished", n, "sum"),
            ("max_raise", "events", "running maximum raised after the first key of a row", n, "sum"),
            ("z_pos", "keys", "exponent arguments above 0", n, "sum"),
            ("z_clip", "keys", "keys beyond zclip that raised the maximum although they do not lead", n, "sum"),
            ("score_saturated", "keys", "exact scores clipped", n, "sum"),
            ("predict_saturated", "keys", "predicted scores clipped", bits_for(p.slices * p.trees), "sum"),
            ("radius_clipped", "entries", "sorter entries clipped by the radius", 16, "sum"),
            ("words_queries", "words", "input words of queries", 1, "sum"),
            ("words_keys", "words", "input words of keys", 1, "sum"),
            ("words_values", "words", "input words of values", 1, "sum"),
            ("words_masks", "words", "input words of masks", 1, "sum"),
            ("query_groups_held", "groups", "most groups whose queries were held",
             bits_for(p.slices * p.query_groups), "max"),
            ("score_groups_held", "groups", "most groups of a slice whose candidates were held", 2, "max"),
            ("mask_groups_held", "groups", "most groups of a slice whose kept keys were held",
             bits_for(p.held_groups), "max"),
            ("keys_held", "keys", "most keys that were held, of all heads in the key memories",
             bits_for(p.max_keys), "max"),
        ))
        if p.generator_rows:
            self.counters += tuple(CounterDescription(*description) for description in (
                ("predicting_tokens", "cycles", "cycles in which keys are predicted from a token", 1, "sum"),
                ("generating", "unit cycles", "units of the generator that multiply for a token, each cycle",
                 bits_for(p.generator_rows), "sum"),
                ("keys_made", "tokens", "tokens whose key and value were made", 1, "sum"),
                ("words_weights", "words", "input words of weights, codes and biases", 1, "sum"),
                ("words_khat", "words", "words of tokens fetched to predict keys", 1, "sum"),
                ("words_query", "words", "words of tokens fetched to make queries", 1, "sum"),
                ("words_key", "words", "words of tokens fetched to make keys and values", 1, "sum"),
                ("tokens_waiting", "tokens", "most tokens that waited for key and value", 16, "max"),
                ("tile_tokens_held", "tokens", "most tokens that were held to predict keys", bits_for(2 * p.khat_tile),
                 "max"),
                ("batches_held", "batches", "most batches of tokens that were held for the generator", 2, "max"),
            ))
        super().__init__(EngineSignature(p.bus_width, self.counters, fetch=p.generator_rows > 0))

    def elaborate(self, platform):
        m = Module()
        p = self.parameters

        m.submodules.loader = loader = shared(Loader, p)
        wiring.connect(m, wiring.flipped(self.i), loader.i)
        m.submodules.heads = heads = Fifo(PacketEnd(p), 3)
        m.submodules.errors = errors = Fifo(SofaError, 2)
        wiring.connect(m, loader.head, heads.i)
        wiring.connect(m, loader.packet_error, errors.i)
        m.submodules.predict = predict = Fork(Task(p), p.slices)
        m.submodules.attend = attend = Fork(Task(p), p.slices)
        wiring.connect(m, loader.attend, attend.i)

        m.submodules.result = result = shared(ResultWriter, p)
        wiring.connect(m, heads.o, result.heads)
        wiring.connect(m, errors.o, result.errors)
        wiring.connect(m, wiring.flipped(self.o), result.o)
        wiring.connect(m, wiring.flipped(self.done), result.done)
        m.d.comb += loader.head_done.eq(result.head_done)

        slices, writers = [], []
        for index in range(p.slices):
            # The trees of the first slice predict keys from tokens, for all slices.
            m.submodules[f"slice{index}"] = slice_ = shared(Slice, p, p.generator_rows > 0 and index == 0)
            m.submodules[f"writer{index}"] = writer = shared(RowWriter, p)
            for name, fork, target in (("predict", predict, slice_.predict), ("attend", attend, slice_.attend)):
                m.submodules[f"{name}{index}"] = queue = Fifo(Task(p), 2)
                wiring.connect(m, fork.o[index], queue.i)
                wiring.connect(m, queue.o, target)
            wiring.connect(m, slice_.o, writer.outputs)
            # A slice writes rows of its group while those of the slice before it are still to leave.
            m.submodules[f"rows{index}"] = rows = Fifo(Word(p.bus_width), p.row_queue if p.slices > 1 else 2)
            wiring.connect(m, writer.o, rows.i)
            wiring.connect(m, rows.o, result.rows[index])
            record = slice_.record
            m.d.comb += [getattr(writer.record, name).eq(getattr(record, name))
                         for name, member in MaskRecord(p).members.items() if member.flow is Out]
            m.d.comb += [record.ready.eq(writer.record.ready), slice_.complete.eq(1)]
            enable = loader.write_slices[index]
            m.d.comb += [
                slice_.index.eq(index),
                slice_.row_out.eq(result.row_out[index]),
                slice_.write.eq(loader.write),
                slice_.group_loaded.eq(loader.group_loaded[index]),
                loader.group_done[index].eq(slice_.group_done),
                writer.index.eq(index),
                # A slice may be a head ahead of the rows that leave.
                writer.head.eq(slice_.head),
            ]
            for field in ("query", "key", "khat", "value", "mask"):
                m.d.comb += slice_.write[field].eq(loader.write[field] & enable)
            slices.append(slice_)
            writers.append(writer)

        token_events, missing = {}, Signal(2)
        if p.generator_rows:
            token_events = self._add_generation(m, loader, slices, writers, predict, missing)
        else:
            wiring.connect(m, loader.predict, predict.i)
            m.d.comb += [loader.tokens_predicted.eq(1), loader.queries_made.eq(1)]
        # Tokens that were not as they should be, of the heads in the memories.
        faulty = Signal(2)
        m.d.sync += faulty.eq((faulty | missing) & ~Mux(loader.project_start, 1 << loader.project.half, 0))
        m.d.comb += [
            result.faulty.eq(faulty),
            self.busy.eq(loader.busy | heads.o.valid | errors.o.valid | self.o.valid),
        ]

        # Events of the whole engine; all others are those of the slices, together.
        events = {
            "rows": result.row_out.any(), "query_groups_held": loader.query_groups_held, "keys_held": loader.keys_held,
            **{f"words_{kind}": loader.words[kind] for kind in loader.words.shape().members}, **token_events}
        names = {"max_raise": "raised", "z_pos": "positive", "z_clip": "forced", "key_loads": "loaded"}
        for counter in self.counters:
            event = events.get(counter.name)
            if event is None:
                parts = [slice_.events[names.get(counter.name, counter.name)] for slice_ in slices]
                event = largest(parts) if counter.kind == "max" else sum(parts)
            m.d.sync += self.events[counter.name].eq(event)
        return m

    def _add_generation(self, m, loader, slices, writers, predict, missing):
        """Add what makes a head from tokens; returns the events of its counters by name."""
        p = self.parameters
        m.submodules.token_sweep = sweep = shared(TokenSweep, p)
        m.submodules.generation = generation = shared(Generation, p)
        connect = wiring.connect
        connect(m, loader.predict_tokens, sweep.i)
        connect(m, loader.order, generation.order)
        connect(m, generation.generated, loader.generated)
        connect(m, sweep.request, generation.khat)
        connect(m, generation.khat_row, sweep.row)
        m.d.comb += [
            self.fetch.payload.eq(generation.request.payload), self.fetch.valid.eq(generation.request.valid),
            generation.request.ready.eq(self.fetch.ready),
            missing.eq(generation.missing),
            generation.project.eq(loader.project), generation.project_start.eq(loader.project_start),
            generation.project_ready.eq(loader.project_ready),
            loader.tokens_predicted.eq(sweep.idle & ~loader.predict_tokens.valid),
            loader.queries_made.eq(generation.queries_made),
        ]
        connect(m, wiring.flipped(self.fetched), generation.row)

        # Codes go to the prediction, all other weights to the generator.
        weights, codes = loader.weights, loader.weights.payload.section == Section.CODES
        m.d.comb += [
            sweep.weights.payload.eq(weights.payload), generation.weights.payload.eq(weights.payload),
            sweep.weights.valid.eq(weights.valid & codes), generation.weights.valid.eq(weights.valid & ~codes),
            weights.ready.eq(Mux(codes, sweep.weights.ready, generation.weights.ready)),
        ]
        # A head whose keys came with its packet is predicted only when no tokens are.
        with m.If(sweep.predict.valid):
            m.d.comb += [predict.i.payload.eq(sweep.predict.payload), predict.i.valid.eq(1),
                         sweep.predict.ready.eq(predict.i.ready)]
        with m.Else():
            m.d.comb += [predict.i.payload.eq(loader.predict.payload), predict.i.valid.eq(loader.predict.valid),
                         loader.predict.ready.eq(predict.i.ready)]

        first = slices[0]
        m.d.comb += [sweep.walking.eq(first.walking), first.hold.eq(sweep.hold),
                     sweep.query_write.eq(delay(m, first.write.query, ENCODE_LATENCY, "query_write")),
                     sweep.khat.eq(first.khat)]
        for name in ("token", "token_valid", "token_keys", "code_block", "code_block_valid", "khat_shift"):
            m.d.comb += getattr(first, name).eq(getattr(sweep, name))
        for slice_, writer, group in zip(slices, writers, generation.groups, strict=True):
            record = slice_.record
            m.d.comb += [
                slice_.khat_write.eq(sweep.khat_write), slice_.khat_write_valid.eq(sweep.khat_write_valid),
                group.valid.eq(record.valid), group.segment.eq(record.segment),
                group.keys.eq(any_of(list(record.keys))),
                group.end.eq(record.end), group.tokens.eq(record.tokens), group.half.eq(record.half),
                group.release.eq(slice_.release),
                record.ready.eq(writer.record.ready & group.ready), slice_.complete.eq(group.complete),
            ]
        return {"predicting_tokens": sweep.token_valid, "generating": generation.active,
                "keys_made": generation.keys_made, "words_khat": generation.words_khat,
                "words_query": generation.words_query, "words_key": generation.words_key,
                "tokens_waiting": generation.waiting, "tile_tokens_held": sweep.held,
                "batches_held": generation.batches}


def largest(values):
    """The largest of some values; at least one."""
    most, *others = values
    for value in others:
        most = Mux(value > most, value, most)
    return most
