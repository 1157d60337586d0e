"""What the memories of a slice are written with."""

from amaranth.hdl import signed
from amaranth.lib import data
from amaranth.utils import ceil_log2

__all__ = ["BeatWrite", "GeneratedBeat"]


class BeatWrite(data.StructLayout):
    """A beat of a vector on its way to the memories, or a word of a row's mask.

    A beat of a query stays for ``query_parts`` cycles; ``part`` counts them. A beat of a key goes to the exact keys
    (`key`), its upper bits to the predicted ones (`khat`).
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "query": 1, "key": 1, "khat": 1, "value": 1, "mask": 1,
            "vector": p.key_bits,
            "slot": range(p.query_groups),
            "tree": max(1, ceil_log2(p.trees)),
            "part": max(1, ceil_log2(p.query_parts)),
            "beat": p.beat_bits,
            "data": data.ArrayLayout(signed(p.element_width), p.elements_per_beat),
            "code_base": 4,
            "mask_word": p.key_bits - 4,
            "mask_data": 16,
        })


class GeneratedBeat(data.StructLayout):
    """A beat of a vector that was projected from a token, and the slices it is for.

    ``group_end``: with it the queries of a group are complete.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "query": 1, "key": 1, "value": 1,
            "slices": p.slices,
            "vector": p.key_bits,
            "slot": range(p.query_groups),
            "tree": max(1, ceil_log2(p.trees)),
            "beat": p.beat_bits,
            "data": data.ArrayLayout(signed(p.element_width), p.elements_per_beat),
            "code_base": 4,
            "group_end": 1,
        })
