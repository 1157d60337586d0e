"""Model of the `sofa` engine: what a head gives, bit for bit."""

from dataclasses import dataclass

import numpy as np

from .attention import attend, exact_scores
from .counters import work_counters
from .predictor import predicted_score, predicted_sum, upper_bits
from .sorter import Candidates, KeptKeys, extract, in_order, segment_keys, select
from .tokens import project_tokens

__all__ = ["GoldenHead", "allowed_keys", "candidates", "choose_keys", "golden_head", "kept_keys", "operands"]


@dataclass
class GoldenHead:
    """Result of one head.

    ``outputs`` int64 (Sq, dv); ``rows`` the kept keys of each row in order; ``selected`` bool (Sq, Sk);
    ``counters`` those of the hardware that do not depend on time.
    """

    outputs: np.ndarray
    rows: list
    selected: np.ndarray
    counters: dict


def allowed_keys(head):
    """Keys that a row may see: the mask, and for causal heads key <= row; bool (Sq, Sk)."""
    allowed = np.ones((len(head.queries), len(head.keys)), dtype=bool)
    if head.causal:
        allowed = np.tril(allowed)
    if head.mask is not None:
        allowed &= head.mask
    return allowed


def candidates(scores, head, parameters):
    """Candidates of all rows of masked scores (0: masked), and how many entries the radius clipped."""
    keys, found, segments, ranks, clipped = [], [], [], [], 0
    for index, members in enumerate(segment_keys(scores.shape[1], parameters.tile, head.interleaved)):
        wanted = head.segment_keys + (index < head.extra_segments)
        positions, best, outside = extract(scores[:, members], wanted, parameters.tile, head.radius)
        clipped += outside
        keys.append(members[np.minimum(positions, len(members) - 1)])
        found.append(best)
        segments.append(np.full(best.shape[1], index))
        ranks.append(np.arange(best.shape[1]))
    return Candidates(np.concatenate(keys, axis=1), np.concatenate(found, axis=1), np.concatenate(segments),
                      np.concatenate(ranks)), clipped


def choose_keys(scores, head, parameters):
    """Kept keys of each row in the order of their use, from masked scores, and what the radius clipped."""
    p = parameters
    found, clipped = candidates(scores, head, p)
    accepted, lead, origins = select(found, min(head.kept, len(head.keys)), head.merge, p.ensure)
    return in_order(found, accepted, lead, origins, -(-len(head.keys) // p.tile), p.batch_rows), clipped


def operands(head, parameters):
    """Queries, keys, values and predicted keys of a head: its own, or what its tokens give."""
    if head.tokens is None:
        return head.queries, head.keys, head.values, upper_bits(head.keys, parameters)
    queries, *others = project_tokens(head.tokens, parameters)
    return queries[:len(head.queries)], *others


def kept_keys(head, queries, khat, parameters):
    """Kept keys of each row, and the counters of the prediction, from queries and predicted keys."""
    p = parameters
    allowed = allowed_keys(head)
    if head.dense:
        rows = []
        for row in allowed:
            keys = np.flatnonzero(row)
            rows.append(KeptKeys(keys, keys % p.tile == 0))
        return rows, dict(predict_saturated=0, radius_clipped=0)
    scores, saturated = predicted_score(predicted_sum(queries, khat, head.code_base, p),
                                        head.predict_shift, p)
    scores = np.where(allowed, scores, 0)
    rows, clipped = choose_keys(scores, head, p)
    return rows, dict(predict_saturated=int((saturated & allowed).sum()), radius_clipped=clipped)


def golden_head(head, parameters):
    """Compute a head.

    Parameters
    ----------
    head : sim.host.SofaHead
    parameters : SofaParameters

    Returns
    -------
    GoldenHead
    """
    queries, keys, values, khat = operands(head, parameters)
    rows, counters = kept_keys(head, queries, khat, parameters)
    scores, saturated = exact_scores(queries, keys, head.score_shift, parameters)
    outputs, events, _ = attend(scores, values, rows, parameters)
    selected = np.zeros(scores.shape, dtype=bool)
    for index, row in enumerate(rows):
        selected[index, row.keys] = True
    batches = np.add.reduceat(selected, np.arange(0, len(rows), parameters.batch_rows), axis=0)
    counters |= events | dict(score_saturated=int((saturated & selected).sum()), rows=len(rows),
                              key_loads=int((batches > 0).sum()))
    counters |= work_counters(head, selected, parameters)
    return GoldenHead(outputs, rows, selected, counters)
