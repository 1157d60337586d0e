"""Models of `hw.sorter`: extraction of candidates from segments, and selection among them (SADS)."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Candidates", "KeptKeys", "extract", "segment_keys", "segment_of", "select"]


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
    bound = best = None
    clipped = 0
    for number in range(passes):
        quad = None
        for start in [0, *range(16, size, 12)]:
            new = entries[:, :16] if start == 0 else entries[:, start:start + 12]
            kept = np.ones(new.shape, dtype=bool)
            if number:
                kept &= new < bound[:, None]
            if radius and best is not None:
                outside = ((new >> bits) + radius < best[:, None]) & (new >> bits != 0)
                clipped += int(outside.sum())
                kept &= ~outside
            new = np.where(kept, new, 0)
            quad = _top_four(new if quad is None else np.concatenate([quad, new], axis=1))
            if number == 0:
                best = quad[:, 0] >> bits
        bound = quad[:, 3]
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
    """Kept keys of one row, in the order of the list, with the marks for the running maximum."""

    keys: np.ndarray
    lead: np.ndarray
    pair: np.ndarray


def select(candidates, kept, merge, ensure):
    """Model of `RowLane`: the keys that each row keeps.

    The segments are listed from the one with the row's best candidate on, and round. Quota keeps all
    candidates, merge the best `kept`: score descending, listed earlier first.

    Returns
    -------
    list of KeptKeys
    """
    rows, count = candidates.scores.shape
    first = np.zeros(rows, dtype=np.int64)
    if count:
        first = np.where(candidates.ranks == 0, candidates.scores, -1).argmax(axis=1)
    listed = (first[:, None] + np.arange(count)) % max(1, count)
    keys, scores = (np.take_along_axis(part, listed, axis=1) for part in (candidates.keys, candidates.scores))
    segments, ranks = candidates.segments[listed], candidates.ranks[listed]
    accepted = scores > 0
    if merge:
        best = np.zeros(scores.shape, dtype=bool)
        np.put_along_axis(best, np.argsort(-scores, axis=1, kind="stable")[:, :kept], True, axis=1)
        accepted &= best
    lead = ranks < ensure
    second = np.zeros(scores.shape, dtype=bool)
    second[:, :-1] = accepted[:, 1:] & (segments[:, 1:] == segments[:, :-1])
    pair = (ranks == 0) & second & (ensure > 1)
    return [KeptKeys(*(part[row] for part in parts), pairs[row])
            for *parts, pairs, row in zip(keys, lead, pair, accepted, strict=True)]
