"""The task header of `sofa`: its layout on the stream, its legal values, and the errors it can have."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

__all__ = ["HEADER_BITS", "HEADER_MAGIC", "Header", "Projection", "SofaError", "Task", "TaskDecoder"]

HEADER_MAGIC = 0x50FA
HEADER_BITS = 256


class SofaError(enum.Enum, shape=unsigned(8)):
    """Errors that a task can end with; the code is in the trailer of its result packet."""

    NONE = 0
    BAD_MAGIC = 1        # the header does not start with HEADER_MAGIC, or a reserved bit is set
    BAD_QUERIES = 2      # no queries, or more than tokens
    BAD_KEYS = 3         # no keys, or more than max_keys
    BAD_DIMENSION = 4    # a head dimension of 0, or above max_head_dim
    BAD_KEEP = 5         # no kept keys, or a segment limit of 0 or above max_segment_keys
    SHORT_PACKET = 6     # the packet ended before its task; missing words were taken as zero
    LONG_PACKET = 7      # words followed the task; they were dropped
    BAD_RANGE = 8        # a shift, a base, a count of extra segments or a radius that this accelerator cannot hold
    NO_GENERATOR = 9     # a head from tokens, for an accelerator without generator
    BAD_FEATURES = 10    # no features, more than max_features, or a weight matrix beyond max_weights
    NO_WEIGHTS = 11      # weights are to be kept from the head before, which left none of this shape
    MISSING_TOKEN = 12   # a fetched token was shorter than the task says, or longer


class Header(data.StructLayout):
    """First 32 bytes of each head of a task, little-endian.

    With ``tokens`` the head is made from tokens: queries, keys and values are projected here, from tokens that are
    fetched by number. ``keys`` is then the number of tokens, ``queries`` at most that; ``features`` is the length
    of a token, the shifts scale the projections, ``source`` accompanies each fetch, and ``keep_weights`` uses the
    weights of the last head from tokens again.

    ``kept`` keys remain of each row. A segment delivers at most ``segment_keys`` of its keys, one more in the
    first ``extra_segments`` segments. Exact scores are query-key sums shifted right by ``score_shift``,
    predicted ones by ``predict_shift``; query codes have their lowest octave at ``code_base``. ``radius`` in
    predicted-score steps switches clipping on when it is not 0.
    """

    def __init__(self):
        super().__init__({
            "magic": 16,
            "causal": 1, "mask": 1, "dense": 1, "merge": 1, "more_heads": 1, "return_keys": 1,
            "interleaved": 1, "tokens": 1, "keep_weights": 1, "reserved_flags": 7,
            "queries": 16, "keys": 16,
            "head_dim": 16, "value_dim": 16,
            "kept": 16, "segment_keys": 8, "score_shift": 8,
            "extra_segments": 16, "code_base": 8, "predict_shift": 8,
            "radius": 16, "features": 16,
            "source": 8, "khat_shift": 8, "query_shift": 8, "key_shift": 8, "value_shift": 8,
            "reserved": 24,
        })


class Task(data.StructLayout):
    """One head, as the blocks of the engine see it: the header's fields and what follows from them."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "causal": 1, "mask": 1, "dense": 1, "merge": 1, "more_heads": 1, "return_keys": 1, "interleaved": 1,
            "tokens": 1, "half": 1,
            "queries": 16,
            "keys": bits_for(p.max_keys),
            "kept": bits_for(p.max_keys),
            "segments": bits_for(p.max_segments),
            "segment_keys": bits_for(p.max_segment_keys),
            "extra_segments": bits_for(p.max_segments),
            "score_shift": 5,
            "predict_shift": p.predict_shift_bits,
            "code_base": 4,
            "radius": p.score_width,
            "last_fold": p.fold_bits,
            "last_tree_fold": max(1, ceil_log2(p.tree_folds)),
            "last_key_beat": p.beat_bits,
            "last_value_beat": p.beat_bits,
            "value_dim": bits_for(p.max_head_dim),
        })


class Projection(data.StructLayout):
    """What the blocks that make a head from tokens need of it. Counts are given by their last number.

    Channels are projected in whole beats: queries up to a whole number of `lanes`, keys and values up to a beat.
    """

    def __init__(self, parameters):
        p = parameters
        beats = p.beat_bits
        super().__init__({
            "half": 1, "dense": 1, "spread": 1,
            "source": 8,
            "queries": bits_for(p.max_keys),
            "keys": bits_for(p.max_keys),
            "segments": bits_for(p.max_segments),
            "last_word": max(1, ceil_log2(p.feature_words)),
            "last_token_fold": max(1, ceil_log2(p.token_folds)),
            "last_query_beat": beats, "last_key_beat": beats, "last_value_beat": beats,
            "khat_shift": 5, "query_shift": 5, "key_shift": 5, "value_shift": 5,
            "code_base": 4,
        })


class TaskDecoder(wiring.Component):
    """Check a header and derive the task from it.

    All outputs are there ``latency`` cycles after the header, which is to stay until then.

    Members
    -------
    header : In(Header)
    half : In(1)
        Half of the key memories that the task is given.
    task : Out(Task)
    projection : Out(Projection)
        Of a head from tokens.
    error : Out(SofaError)
        First error found, NONE when the task can run.
    """

    latency = 7

    def __init__(self, parameters):
        self._parameters = parameters
        super().__init__({
            "header": In(Header()),
            "half": In(1),
            "task": Out(Task(parameters)),
            "projection": Out(Projection(parameters)),
            "error": Out(SofaError),
        })

    def elaborate(self, platform):
        m = Module()
        p, h, task = self._parameters, self.header, self.task

        def kept(value, name):
            """A register of a value, as one stage of several."""
            register = Signal(value.shape(), name=name)
            m.d.sync += register.eq(value)
            return register

        def last(dimension, unit, name):
            return kept((dimension - 1)[ceil_log2(unit):16], f"last_{name}")

        wider = kept(h.value_dim > h.head_dim, "wider")
        widest = kept(Mux(wider, h.value_dim, h.head_dim), "widest")
        for name in ("causal", "mask", "dense", "merge", "more_heads", "return_keys", "interleaved", "tokens",
                     "queries", "keys", "segment_keys", "extra_segments", "score_shift", "predict_shift",
                     "code_base", "radius", "value_dim"):
            m.d.comb += task[name].eq(h[name])
        all_kept = kept(h.kept > h.keys, "all_kept")
        m.d.comb += [
            task.half.eq(self.half),
            task.kept.eq(Mux(all_kept, h.keys, h.kept)),
            task.segments.eq(kept((h.keys + (p.tile - 1))[ceil_log2(p.tile):], "segments")),
            task.last_fold.eq(last(widest, p.lanes, "fold")),
            task.last_tree_fold.eq(last(h.head_dim, p.tree_lanes, "tree_fold")),
            task.last_key_beat.eq(last(h.head_dim, p.elements_per_beat, "key_beat")),
            task.last_value_beat.eq(last(h.value_dim, p.elements_per_beat, "value_beat")),
        ]
        projection = self.projection
        for name in ("source", "queries", "keys", "khat_shift", "query_shift", "key_shift", "value_shift", "code_base"):
            m.d.comb += projection[name].eq(h[name])
        query_beats = p.lanes // p.elements_per_beat
        token_folds = last(h.features, p.tree_lanes, "token_fold")
        m.d.comb += [
            projection.half.eq(self.half), projection.dense.eq(h.dense), projection.spread.eq(h.interleaved & ~h.dense),
            projection.segments.eq(task.segments),
            projection.last_word.eq(last(h.features, p.elements_per_beat, "word")),
            projection.last_token_fold.eq(token_folds),
            projection.last_query_beat.eq((task.last_fold << ceil_log2(query_beats)) | (query_beats - 1)),
            projection.last_key_beat.eq(task.last_key_beat), projection.last_value_beat.eq(task.last_value_beat),
        ]
        # The matrix of the queries is the largest one; features count in whole folds of a predictor tree. A fold for
        # each bit of the number of beats, which are added in pairs.
        beats = kept(Value.cast(projection.last_query_beat) + 1, "beats")
        folds = kept(token_folds + 1, "folds")
        pieces = [Mux(beats[bit], folds << bit, 0) for bit in range(len(beats))]
        while len(pieces) > 1:
            pieces = [kept(sum(pieces[place:place + 2]), f"pieces{len(pieces)}_{place}")
                      for place in range(0, len(pieces), 2)]

        extra = kept(h.extra_segments != 0, "extra")
        none = (h.segment_keys == 0) & ~extra
        most = h.segment_keys + extra
        ranges = Cat(h[name][len(task[name]):] for name in
                     ("score_shift", "predict_shift", "code_base", "extra_segments", "radius")).any()
        shifts = Cat(h[name][5:] for name in ("khat_shift", "query_shift", "key_shift", "value_shift")).any()
        tokens = h.tokens
        # From the last check to the first one.
        previous = SofaError.NONE
        for number, (error, wrong) in enumerate(reversed((
                (SofaError.BAD_MAGIC, h.magic != HEADER_MAGIC),
                (SofaError.BAD_MAGIC, Cat(h.reserved_flags, h.reserved).any()),
                (SofaError.BAD_QUERIES, h.queries == 0),
                (SofaError.BAD_KEYS, kept(h.keys == 0, "no_keys") | kept(h.keys > p.max_keys, "many_keys")),
                (SofaError.BAD_QUERIES, tokens & kept(h.queries > h.keys, "many_queries")),
                (SofaError.BAD_DIMENSION, kept(h.head_dim == 0, "no_head_dim")
                 | kept(h.head_dim > p.max_head_dim, "large_head_dim")),
                (SofaError.BAD_DIMENSION, kept(h.value_dim == 0, "no_value_dim")
                 | kept(h.value_dim > p.max_head_dim, "large_value_dim")),
                (SofaError.BAD_KEEP, h.kept == 0),
                (SofaError.BAD_KEEP, ~h.dense & kept(none | (most > p.max_segment_keys), "bad_segment")),
                (SofaError.BAD_RANGE, ranges | ((h.radius != 0) & (not p.clipping))),
                (SofaError.NO_GENERATOR, tokens & (p.generator_rows == 0)),
                (SofaError.BAD_FEATURES, tokens & ((h.features == 0) | (h.features > p.max_features))),
                (SofaError.BAD_FEATURES, tokens & (pieces[0] > p.matrix_words // p.tree_lanes)),
                (SofaError.BAD_RANGE, tokens & shifts)))):
            found = Signal(SofaError, name=f"error{number}")
            with m.If(kept(wrong, f"wrong{number}")):
                m.d.comb += found.eq(error)
            with m.Else():
                m.d.comb += found.eq(previous)
            previous = found
        m.d.sync += self.error.eq(previous)
        return m
