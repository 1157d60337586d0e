"""Selections of keys for the blocks between sorter and softmax, with the golden models' view of them."""

from types import SimpleNamespace

import numpy as np

from sim.golden.sofa import candidates
from sim.golden.sorter import Candidates, in_order, segment_keys, select


class Selection:
    """What the rows of a head keep, and the fields of a `SelectionRule` that led to it.

    ``members`` are the keys of each segment; ``candidates``, ``accepted``, ``lead`` and ``origins`` those of
    `sim.golden.sorter`; ``rows`` the keys of each row in the order of their use.
    """

    def __init__(self, parameters, keys, interleaved, rule, found, accepted, lead, origins):
        self.parameters, self.keys, self.interleaved, self.rule = parameters, keys, interleaved, rule
        self.candidates, self.accepted, self.lead, self.origins = found, accepted, lead, origins
        self.members = segment_keys(keys, parameters.tile, interleaved)
        self.rows = in_order(found, accepted, lead, origins, len(self.members), parameters.batch_rows)

    def positions(self, row, segment):
        """Positions of a segment that a row keeps, as a set, and those of them that lead."""
        if row >= len(self.rows):
            return set(), set()
        place = {int(key): position for position, key in enumerate(self.members[segment])}
        kept = self.rows[row]
        here = [(place[key], lead) for key, lead in zip(kept.keys.tolist(), kept.lead.tolist(), strict=True)
                if key in place]
        return {position for position, _ in here}, {position for position, lead in here if lead}

    def bits(self, row, segment):
        """The positions that a row keeps as bits."""
        return sum(1 << position for position in self.positions(row, segment)[0])

    def mask(self, rng, row, segment):
        """Fields of the `KeyMask` of a row's segment; a lead that the row does not keep is anywhere else."""
        p = self.parameters
        keys, leads = self.positions(row, segment)
        others = [position for position in range(p.tile) if position not in keys] or [min(leads, default=0)]
        leads = sorted(leads) + [rng.choice(others) for _ in range(p.ensure - len(leads))]
        return dict(keys=self.bits(row, segment), leads=leads)

    def groups(self):
        """First row of each group of `trees` rows."""
        return range(0, len(self.rows), self.parameters.trees)

    def total(self, row):
        """Keys that a row keeps; none where there is no row."""
        return len(self.rows[row].keys) if row < len(self.rows) else 0

    def origin(self, row):
        """Segment that the batch of a row begins with."""
        return int(self.origins[row]) if row < len(self.rows) else 0


def dense_selection(parameters, allowed, **rule):
    """The selection of a dense head whose rows may see the keys of bool (rows, keys) `allowed`."""
    p = parameters
    rows, keys = allowed.shape
    numbers = np.arange(keys)
    found = Candidates(np.tile(numbers, (rows, 1)), allowed.astype(int), numbers // p.tile, numbers % p.tile)
    rule = dict(merge=0, kept=1, segment_keys=0, extra_segments=0) | rule
    return Selection(p, keys, False, rule | dict(dense=1, segments=-(-keys // p.tile)), found, allowed,
                     np.broadcast_to(found.ranks == 0, allowed.shape), np.zeros(rows, dtype=int))


def draw_selection(rng, parameters, queries, keys=None, **fixed):
    """Draw the predicted scores of a head and select from them; some rows see no key.

    `fixed` gives fields of the rule, ``interleaved``, the number of score ``levels`` or the ``share`` of keys that
    may be seen.
    """
    p = parameters
    keys = keys or rng.choice([1, rng.randint(1, p.tile), rng.randint(1, p.max_keys), p.max_keys])
    keys = min(keys, p.max_keys)
    draw = np.random.default_rng(rng.getrandbits(32))
    segments, wanted = -(-keys // p.tile), fixed.get("segment_keys", rng.randint(0, p.max_segment_keys))
    extra = rng.randint(0 if wanted else 1, segments) if wanted < p.max_segment_keys else 0
    drawn = SimpleNamespace(**dict(
        dense=int(rng.random() < 0.2), interleaved=rng.random() < 0.5, merge=int(rng.random() < 0.7),
        kept=rng.randint(1, keys), segment_keys=wanted, extra_segments=extra, share=rng.choice([0.1, 0.5, 1]),
        levels=rng.choice([1, 2, (1 << p.score_width) - 1]), empty=0.15) | fixed, radius=0)
    scores = draw.integers(1, drawn.levels + 1, (queries, keys)) * (draw.random((queries, keys)) < drawn.share)
    scores[draw.random(queries) < drawn.empty] = 0
    rule = {name: getattr(drawn, name) for name in ("merge", "kept", "segment_keys", "extra_segments")}
    if drawn.dense:
        return dense_selection(p, scores > 0, **rule)
    found, _ = candidates(scores, drawn, p)
    return Selection(p, keys, drawn.interleaved, rule | dict(dense=0, segments=segments), found,
                     *select(found, drawn.kept, drawn.merge, p.ensure))
