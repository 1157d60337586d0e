"""Host side of heads from tokens: weights as words of the stream, and the rows that the hardware fetches."""

from dataclasses import dataclass

import numpy as np

from hw.generation.formats import FetchKind, FetchRequest

from .words import pad_rows

__all__ = ["SofaTokens", "fetch_rows", "generated_keys", "pack_weights"]


@dataclass
class SofaTokens:
    """Tokens and weights of one head in integers.

    ``x`` (S, H) of 16 bits and ``x8`` of 8 bits; ``wq``, ``wk`` (H, d) and ``wv`` (H, dv) of ``weight_width`` bits with
    biases of 16 bits, added behind the shifts; ``codes`` (H, d) of the 8-bit key weights, see
    :func:`sim.golden.tokens.weight_codes`. ``source`` is what the requests for these tokens carry.
    """

    x: np.ndarray
    x8: np.ndarray
    wq: np.ndarray
    wk: np.ndarray
    wv: np.ndarray
    bq: np.ndarray
    bk: np.ndarray
    bv: np.ndarray
    codes: np.ndarray
    khat_shift: int = 0
    query_shift: int = 0
    key_shift: int = 0
    value_shift: int = 0
    source: int = 0
    keep_weights: bool = False


def pack_weights(head, parameters):
    """Body of a head from tokens without its masks: codes, then bias and matrix of queries, keys and values.

    A channel follows the other, each on a new word; see :class:`hw.sofa.loader.Loader`.
    """
    p, t = parameters, head.tokens
    if t.keep_weights:
        return b""
    beat = p.elements_per_beat

    def channels(weights, unit):
        """Weights (channels, features), filled up with channels of zeros."""
        padded = np.zeros((-(-weights.shape[1] // unit) * unit, weights.shape[0]), dtype=np.int64)
        padded[:weights.shape[1]] = weights.T
        return padded

    codes = pad_rows(channels(t.codes, beat), p.tree_lanes, np.uint8)
    codes = pad_rows(codes, p.bus_width // 4, np.uint8)
    parts = [(codes[:, ::2] | (codes[:, 1::2] << 4)).tobytes()]
    queries = p.query_channels(max(t.wk.shape[1], t.wv.shape[1]))
    for weights, bias, unit in ((t.wq, t.bq, queries), (t.wk, t.bk, beat), (t.wv, t.bv, beat)):
        parts.append(channels(bias[None, :], unit).astype("<i2").tobytes())
        parts.append(pad_rows(channels(weights, unit), beat).tobytes())
    return b"".join(parts)


def fetch_rows(heads, parameters):
    """Answers to the requests of heads from tokens: bytes of whole words by request.

    Raises
    ------
    ValueError
        If heads with different tokens have the same source.
    """
    p, layout, answers = parameters, FetchRequest(), {}
    sources = {}
    for head in heads:
        if head.tokens is not None and not np.array_equal(
                sources.setdefault(head.tokens.source, head.tokens).x, head.tokens.x):
            raise ValueError(f"two heads have different tokens, but the same source {head.tokens.source}")
    for source, tokens in sources.items():
        wide = pad_rows(tokens.x, p.elements_per_beat)
        narrow = pad_rows(tokens.x8, 2 * p.elements_per_beat, np.int8)
        for kind, rows in ((FetchKind.KHAT, narrow), (FetchKind.QUERY, wide), (FetchKind.KEY_VALUE, wide)):
            for token, row in enumerate(rows):
                request = layout.const({"token": token, "source": source, "kind": kind}).as_value().value
                answers[request] = row.tobytes()
    return answers


def generated_keys(requests, heads):
    """Tokens whose key and value were made: bool (heads, S), from the requests in their order.

    Heads are made one after the other, so that a new source is the next head.
    """
    layout = FetchRequest()
    made = np.zeros((len(heads), len(heads[0].keys)), dtype=bool)
    head = 0
    for bits in requests:
        request = layout.from_bits(bits)
        if request.kind != FetchKind.KEY_VALUE:
            continue
        while head + 1 < len(heads) and heads[head].tokens.source != request.source:
            head += 1
        if request.token < made.shape[1]:
            made[head, request.token] = True
    return made
