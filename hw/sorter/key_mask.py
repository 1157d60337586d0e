"""Masks of kept keys, and the two interfaces that hand them on."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

__all__ = ["MASKS_LATENCY", "GroupMasks", "KeyMask", "MaskRecord"]

#: Cycles of :class:`GroupMasks` in which `read_enable` is high, from the address of masks to the masks.
MASKS_LATENCY = 2


class KeyMask(data.StructLayout):
    """What a row keeps of a segment: a bit for each position, and the positions of its best keys, which lead."""

    def __init__(self, parameters):
        p = parameters
        super().__init__({"keys": p.tile, "leads": data.ArrayLayout(p.position_bits, p.ensure)})


class GroupMasks(wiring.Signature):
    """The masks of a group of ``trees`` rows, seen from where they are held.

    Members
    -------
    valid : Out(1)
        The masks of a group can be read.
    read_enable, read_segment : In
    masks : Out(array of KeyMask)
        ``MASKS_LATENCY`` cycles later; those in which `read_enable` is low do not count, and nothing changes in them.
    totals, origins : Out
        Keys that each row keeps; the segment with the best candidate of each batch's first row.
    release : In(1)
        Pulse: the masks are no longer needed.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "valid": Out(1),
            "read_enable": In(1),
            "read_segment": In(p.segment_bits),
            "masks": Out(data.ArrayLayout(KeyMask(p), p.trees)),
            "totals": Out(data.ArrayLayout(bits_for(p.max_keys), p.trees)),
            "origins": Out(data.ArrayLayout(p.segment_bits, p.batches)),
            "release": In(1),
        })


class MaskRecord(wiring.Signature):
    """A copy of a group's masks for the host, a segment of all rows at a time, in the order of the segments.

    Members
    -------
    valid, segment, keys : Out
    end : Out(1)
        With `valid`: the last segment of the group.
    tokens, half : Out(1)
        The group belongs to a head from tokens; its half of the key memories.
    ready : In(1)
        There is room for a further group, whose segments then cannot be held up.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "valid": Out(1),
            "segment": Out(p.segment_bits),
            "keys": Out(data.ArrayLayout(p.tile, p.trees)),
            "end": Out(1),
            "tokens": Out(1),
            "half": Out(1),
            "ready": In(1),
        })
