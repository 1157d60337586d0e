"""The task header of `sofa`: its layout on the stream, its legal values, and the errors it can have."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

__all__ = ["HEADER_BITS", "HEADER_MAGIC", "Header", "SofaError", "Task", "TaskDecoder"]

HEADER_MAGIC = 0x50FA
HEADER_BITS = 256


class SofaError(enum.Enum, shape=unsigned(8)):
    """Errors that a task can end with; the code is in the trailer of its result packet."""

    NONE = 0
    BAD_MAGIC = 1        # the header does not start with HEADER_MAGIC, or a reserved bit is set
    BAD_QUERIES = 2      # no queries
    BAD_KEYS = 3         # no keys, or more than max_keys
    BAD_DIMENSION = 4    # a head dimension of 0, or above max_head_dim
    BAD_KEEP = 5         # no kept keys, or a segment limit of 0 or above max_segment_keys
    SHORT_PACKET = 6     # the packet ended before its task; missing words were taken as zero
    LONG_PACKET = 7      # words followed the task; they were dropped
    BAD_RANGE = 8        # a shift, a base, a count of extra segments or a radius that this accelerator cannot hold


class Header(data.StructLayout):
    """First 32 bytes of each head of a task, little-endian.

    ``kept`` keys remain of each row. A segment delivers at most ``segment_keys`` of its keys, one more in the
    first ``extra_segments`` segments. Exact scores are query-key sums shifted right by ``score_shift``,
    predicted ones by ``predict_shift``; query codes have their lowest octave at ``code_base``. ``radius`` in
    predicted-score steps switches clipping on when it is not 0.
    """

    def __init__(self):
        super().__init__({
            "magic": 16,
            "causal": 1, "mask": 1, "dense": 1, "merge": 1, "more_heads": 1, "return_keys": 1,
            "interleaved": 1, "reserved_flags": 9,
            "queries": 16, "keys": 16,
            "head_dim": 16, "value_dim": 16,
            "kept": 16, "segment_keys": 8, "score_shift": 8,
            "extra_segments": 16, "code_base": 8, "predict_shift": 8,
            "radius": 16, "reserved": 16,
            "reserved_words": 64,
        })


class Task(data.StructLayout):
    """One head, as the blocks of the engine see it: the header's fields and what follows from them."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "causal": 1, "mask": 1, "dense": 1, "merge": 1, "more_heads": 1, "return_keys": 1, "interleaved": 1,
            "half": 1,
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
            "last_key_beat": bits_for(max(1, -(-p.max_head_dim // p.elements_per_beat) - 1)),
            "last_value_beat": bits_for(max(1, -(-p.max_head_dim // p.elements_per_beat) - 1)),
            "value_dim": bits_for(p.max_head_dim),
        })


class TaskDecoder(wiring.Component):
    """Check a header and derive the task from it; combinational.

    Members
    -------
    header : In(Header)
    half : In(1)
        Half of the key memories that the task is given.
    task : Out(Task)
    error : Out(SofaError)
        First error found, NONE when the task can run.
    """

    def __init__(self, parameters):
        self._parameters = parameters
        super().__init__({
            "header": In(Header()),
            "half": In(1),
            "task": Out(Task(parameters)),
            "error": Out(SofaError),
        })

    def elaborate(self, platform):
        m = Module()
        p, h, task = self._parameters, self.header, self.task

        def last(dimension, unit):
            return (dimension - 1)[ceil_log2(unit):16]

        widest = Signal(16)
        m.d.comb += widest.eq(h.head_dim)
        with m.If(h.value_dim > h.head_dim):
            m.d.comb += widest.eq(h.value_dim)

        for name in ("causal", "mask", "dense", "merge", "more_heads", "return_keys", "interleaved", "queries",
                     "keys", "kept", "segment_keys", "extra_segments", "score_shift", "predict_shift",
                     "code_base", "radius", "value_dim"):
            m.d.comb += task[name].eq(h[name])
        with m.If(h.kept > h.keys):
            m.d.comb += task.kept.eq(h.keys)
        m.d.comb += [
            task.half.eq(self.half),
            task.segments.eq((h.keys + (p.tile - 1))[ceil_log2(p.tile):]),
            task.last_fold.eq(last(widest, p.lanes)),
            task.last_tree_fold.eq(last(h.head_dim, p.tree_lanes)),
            task.last_key_beat.eq(last(h.head_dim, p.elements_per_beat)),
            task.last_value_beat.eq(last(h.value_dim, p.elements_per_beat)),
        ]
        none = (h.segment_keys == 0) & (h.extra_segments == 0)
        most = h.segment_keys + (h.extra_segments != 0)
        with m.If((h.magic != HEADER_MAGIC) | (Cat(h.reserved_flags, h.reserved, h.reserved_words) != 0)):
            m.d.comb += self.error.eq(SofaError.BAD_MAGIC)
        with m.Elif(h.queries == 0):
            m.d.comb += self.error.eq(SofaError.BAD_QUERIES)
        with m.Elif((h.keys == 0) | (h.keys > p.max_keys)):
            m.d.comb += self.error.eq(SofaError.BAD_KEYS)
        with m.Elif((h.head_dim == 0) | (h.head_dim > p.max_head_dim)
                    | (h.value_dim == 0) | (h.value_dim > p.max_head_dim)):
            m.d.comb += self.error.eq(SofaError.BAD_DIMENSION)
        with m.Elif((h.kept == 0) | (~h.dense & (none | (most > p.max_segment_keys)))):
            m.d.comb += self.error.eq(SofaError.BAD_KEEP)
        with m.Elif(Cat(h[name][len(task[name]):] for name in
                        ("score_shift", "predict_shift", "code_base", "extra_segments", "radius")).any()
                    | ((h.radius != 0) & (not p.clipping))):
            m.d.comb += self.error.eq(SofaError.BAD_RANGE)
        return m
