"""Host side of `sofa`: heads as words of the stream, and rows back from them."""

from dataclasses import dataclass

import numpy as np

from hw.shell import TRAILER_MARKER
from hw.sofa.task import HEADER_BITS, HEADER_MAGIC, Header
from sim.golden.sorter import segment_keys

from .tokens import SofaTokens, pack_weights
from .words import pad_rows

__all__ = ["SofaHead", "SofaRow", "pack_task", "unpack_result"]


@dataclass
class SofaHead:
    """One head in integers: operands and the fields of its header.

    With `tokens` the operands are what these give, and only their shapes are sent.
    """

    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    mask: np.ndarray | None = None
    causal: bool = False
    dense: bool = False
    merge: bool = True
    interleaved: bool = True
    return_keys: bool = True
    kept: int = 1
    segment_keys: int = 1
    extra_segments: int = 0
    score_shift: int = 0
    predict_shift: int = 0
    code_base: int = 0
    radius: int = 0
    tokens: SofaTokens | None = None


@dataclass
class SofaRow:
    """What the hardware returned for a row: kept keys, ascending (None if not asked for), and output channels.

    ``first_word`` and ``output_word`` tell where in the packet its keys and its output channels begin.
    """

    keys: np.ndarray | None
    outputs: np.ndarray
    first_word: int
    output_word: int


def header_bytes(head, more_heads, **overrides):
    """Header of a head; `overrides` replace fields by name."""
    layout = Header()
    fields = dict(
        magic=HEADER_MAGIC, causal=head.causal, mask=head.mask is not None, dense=head.dense, merge=head.merge,
        more_heads=more_heads, return_keys=head.return_keys, interleaved=head.interleaved,
        queries=len(head.queries), keys=len(head.keys), head_dim=head.keys.shape[1],
        value_dim=head.values.shape[1], kept=head.kept, segment_keys=head.segment_keys,
        score_shift=head.score_shift, extra_segments=head.extra_segments, code_base=head.code_base,
        predict_shift=head.predict_shift, radius=head.radius)
    if head.tokens is not None:
        t = head.tokens
        fields |= dict(tokens=1, keep_weights=t.keep_weights, features=t.x.shape[1], source=t.source,
                       khat_shift=t.khat_shift, query_shift=t.query_shift, key_shift=t.key_shift,
                       value_shift=t.value_shift)
    fields |= overrides
    return layout.const({name: int(value) for name, value in fields.items()}).as_value().value.to_bytes(
        HEADER_BITS // 8, "little")


def pack_head(head, parameters, more_heads, **overrides):
    """Words of one head."""
    p = parameters
    word = p.bus_width // 8
    header = header_bytes(head, more_heads, **overrides)
    header += bytes(-len(header) % word)
    masks = np.zeros((len(head.queries), 0), dtype=np.uint8)
    if head.mask is not None:
        bits = np.packbits(head.mask, axis=1, bitorder="little")
        masks = np.zeros((len(bits), -(-bits.shape[1] // word) * word), dtype=np.uint8)
        masks[:, :bits.shape[1]] = bits
    if head.tokens is not None:
        return header + pack_weights(head, p) + masks.tobytes()
    queries = np.concatenate([pad_rows(head.queries, p.elements_per_beat).view(np.uint8), masks], axis=1)
    early = p.early_rows
    return b"".join([
        header, queries[:early].tobytes(), pad_rows(head.keys, p.elements_per_beat).tobytes(),
        pad_rows(head.values, p.elements_per_beat).tobytes(), queries[early:].tobytes()])


def pack_task(heads, parameters):
    """Packet of a task of one or more heads, as bytes."""
    return b"".join(pack_head(head, parameters, place < len(heads)) for place, head in enumerate(heads, start=1))


def unpack_result(packet, heads, parameters):
    """Rows of each head, and the error code, from a result packet.

    Raises
    ------
    ValueError
        If the packet does not have the rows that its heads need although its error code is 0.
    """
    word = parameters.bus_width // 8
    trailer = packet[-word:]
    if len(packet) < word or trailer[1] != TRAILER_MARKER:
        raise ValueError("the result packet does not end with a trailer")
    error, body = trailer[0], np.frombuffer(packet[:-word], dtype="<u2")
    per_word, place, results = word // 2, 0, []
    if error:
        return [], error
    for head in heads:
        rows, width = [], head.values.shape[1]
        segments = segment_keys(len(head.keys), parameters.tile, head.interleaved and not head.dense)
        mask_words = -(-len(segments) * parameters.tile // parameters.bus_width)
        for _ in head.queries:
            keys, first_word = None, place // per_word
            if head.return_keys:
                mask = np.unpackbits(body[place:place + mask_words * per_word].view(np.uint8), bitorder="little")
                if len(mask) != mask_words * parameters.bus_width:
                    raise ValueError("the result packet is too short for the rows of its heads")
                keys = np.sort(np.concatenate([
                    members[np.flatnonzero(mask[index * parameters.tile:][:len(members)])]
                    for index, members in enumerate(segments)]))
                place += mask_words * per_word
            output_word = place // per_word
            outputs = body[place:place + width].astype("<i2").astype(np.int64)
            if len(outputs) != width:
                raise ValueError("the result packet is too short for the rows of its heads")
            place += -(-width // per_word) * per_word
            rows.append(SofaRow(keys, outputs, first_word, output_word))
        results.append(rows)
    if place != len(body):
        raise ValueError("the result packet is longer than the rows of its heads")
    return results, error
