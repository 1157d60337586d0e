"""Models of `hw.sorter`: extraction of candidates from segments, and selection among them (SADS)."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Candidates", "KeptKeys", "extract", "in_order", "segment_keys", "segment_of", "select"]


def segment_keys(keys, tile, interleaved):
    """Key indices of each segment, in the order of their positions."""
    count = -(-keys // tile)
    if interleaved:
        return [np.arange(index, keys, count) for index in range(count)]
    return [np.arange(index * tile, min(keys, (index + 1) * tile)) for index in range(count)]


def segment_of(key, keys, tile, interleaved):
    """Segment that a key of `keys` keys belongs to."""
    return key % -(-keys // tile) if interleaved else key // tile


def _top_four(entries):
    return -np.sort(-entries, axis=1)[:, :4]


def extract(scores, wanted, tile, radius=0):
    """Model of `SegmentSorter` for one segment of many rows.

    Parameters
    ----------
    scores : array (rows, length) of int
        Scores of the segment; 0 is never extracted.
    wanted : int
        Keys to extract.
    tile : int
        Length of a full segment.
    radius : int
        Entries below the best one so far by more than this are clipped, from the second round on; 0: none.

    Returns
    -------
    positions, scores : arrays (rows, 4 * ceil(wanted / 4)) of int
        Extracted entries, score descending and position ascending; score 0 where there was none.
    clipped : int
        Entries clipped by the radius, in all rounds.
    """
    rows, length = scores.shape
    size = 16 + 12 * -(-max(0, tile - 16) // 12)
    bits = max(1, (tile - 1).bit_length())
    entries = np.zeros((rows, size), dtype=np.int64)
    entries[:, :tile] = (1 << bits) - 1 - np.arange(tile)
    entries[:, :length] += scores << bits

    passes = -(-wanted // 4)
    found = np.zeros((rows, 4 * passes), dtype=np.int64)
    best, clipped = None, 0
    for number in range(passes):
        quad = None
        for start in [0, *range(16, size, 12)]:
            new = entries[:, :16] if start == 0 else entries[:, start:start + 12]
            if radius and best is not None:
                outside = ((new >> bits) + radius < best[:, None]) & (new >> bits != 0)
                clipped += int(outside.sum())
                new = np.where(outside, 0, new)
            quad = _top_four(new if quad is None else np.concatenate([quad, new], axis=1))
            if number == 0:
                best = quad[:, 0] >> bits
        for value in quad.T:
            taken = np.flatnonzero(value >> bits)
            entries[taken, ~value[taken] & ((1 << bits) - 1)] = 0
        found[:, 4 * number:4 * number + 4] = quad
    found[:, wanted:] = 0
    return (1 << bits) - 1 - (found & (1 << bits) - 1), found >> bits, clipped


@dataclass
class Candidates:
    """What the segments deliver: arrays (rows, n) in the order of delivery; score 0 is none."""

    keys: np.ndarray
    scores: np.ndarray
    segments: np.ndarray
    ranks: np.ndarray


@dataclass
class KeptKeys:
    """Kept keys of one row in the order of their use, and which of them lead their segment."""

    keys: np.ndarray
    lead: np.ndarray


def select(candidates, kept, merge, ensure):
    """Model of `RowSelect`: which candidates each row keeps.

    Quota keeps all candidates, merge the best `kept`: score descending, earlier segment first.

    Returns
    -------
    accepted, lead : bool arrays (rows, n)
        Candidates that are kept, and those that are among the `ensure` best of their segment.
    origins : array (rows,)
        Segment of each row's best candidate.
    """
    scores, count = candidates.scores, candidates.scores.shape[1]
    accepted = scores > 0
    if merge:
        best = np.zeros(scores.shape, dtype=bool)
        np.put_along_axis(best, np.argsort(-scores, axis=1, kind="stable")[:, :kept], True, axis=1)
        accepted &= best
    origins = np.zeros(len(scores), dtype=np.int64)
    if count:
        origins = candidates.segments[np.where(candidates.ranks == 0, scores, -1).argmax(axis=1)]
    return accepted, np.broadcast_to(candidates.ranks < ensure, scores.shape), origins


def in_order(candidates, accepted, lead, origins, segments, batch):
    """Model of `GroupWalk`: each row's kept keys in the order of their use.

    The rows of a batch walk the segments from that of the first row's best candidate on, and round, and the keys
    of a segment from the first to the last.

    Returns
    -------
    list of KeptKeys
    """
    rows = []
    for row in range(len(accepted)):
        keys, leads = candidates.keys[row, accepted[row]], lead[row, accepted[row]]
        turn = (candidates.segments[accepted[row]] - origins[row // batch * batch]) % segments
        order = np.lexsort((keys, turn))
        rows.append(KeptKeys(keys[order], leads[order]))
    return rows
