"""Hit rates of predictors: the share of the exact best keys of a row that a predictor finds."""

import numpy as np

from gen.claims.claim import between, claims
from sim.golden.predictor import dlzs
from sim.workloads import token_case

SHARES = (0.05, 0.1, 0.2, 0.25, 0.5)
PLACE = "loss of accuracy of the prediction"


def rounded(x, bits):
    """Symmetric rounding of a tensor to integers of `bits` bits."""
    limit = (1 << (bits - 1)) - 1
    return np.rint(x * (limit / np.abs(x).max())).astype(np.int64)


def product(a, b):
    """Exact product of integer matrices whose elements stay below 2^53."""
    return (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)


def to_16_bits(x):
    """Drop the low bits that keep a tensor from fitting in 16 bits."""
    return x >> max(0, int(np.abs(x).max()).bit_length() - 15)


def predicted(x, wk, q, k):
    """Predicted scores (Sq, Sk) of tokens x (Sk, H), weights wk (H, d), queries q (Sq, d) and exact keys k (Sk, d).

    ``two_phase``: keys from 8-bit tokens and snapped weights, scores from snapped queries (SOFA). ``both_snapped``: the
    same with both operands of each product snapped. ``snapped_query`` and ``snapped_key``: the second phase alone, on
    exact keys. ``multiplier``: queries and exact keys rounded to 4 bits.
    """
    tokens, weights, queries, keys = rounded(x, 8), rounded(wk, 8), rounded(q, 16), rounded(k, 16)
    snap = dlzs(1, queries, 16)
    guessed = to_16_bits(product(tokens, dlzs(1, weights, 8)))
    guessed_twice = to_16_bits(product(dlzs(1, tokens, 8), dlzs(1, weights, 8)))
    return {"two_phase": product(snap, guessed.T), "both_snapped": product(snap, dlzs(1, guessed_twice, 16).T),
            "snapped_query": product(snap, keys.T), "snapped_key": product(queries, dlzs(1, keys, 16).T),
            "multiplier": product(rounded(q, 4), rounded(k, 4).T)}


def ranks(exact):
    """Rank of each key in its row, 0 the best."""
    rank = np.empty(exact.shape, dtype=np.int64)
    np.put_along_axis(rank, np.argsort(-exact, axis=1), np.arange(exact.shape[1])[None, :], axis=1)
    return rank


def hit_rates(scores, rank):
    """Share of each row's exact best keys that the scores rank as best, in percent, for each of :data:`SHARES`."""
    kept = [round(share * rank.shape[1]) for share in SHARES]
    # Exact ranks of the keys, those that the scores rank as best first.
    found = np.take_along_axis(rank, np.argpartition(-scores, [count - 1 for count in kept], axis=1), axis=1)
    return np.array([100 * np.mean(found[:, :count] < count) for count in kept])


def mean_rates(cases):
    """Mean hit rates of each predictor over cases ``(x, wk, q, k)``."""
    rates = []
    for x, wk, q, k in cases:
        rank = ranks(q.astype(np.float64) @ k.T.astype(np.float64))
        rates.append({name: hit_rates(scores, rank) for name, scores in predicted(x, wk, q, k).items()})
    return {name: np.mean([case[name] for case in rates], axis=0) for name in rates[0]}


def synthetic_cases():
    """Random tokens and weights: S = 1024, H = 512, d = 64."""
    for seed in range(4):
        case = token_case(1024, 512, 64, seed=seed)
        yield case["x"], case["wk"], case["x"] @ case["wq"], case["x"] @ case["wk"]


def real_cases(evidence):
    """Tokens, weights, queries and keys of the real heads; a bias of the keys adds the same to all scores of a row."""
    for layer in evidence.layers:
        for wk, q, k in zip(layer["wk"], layer["q"], layer["k"], strict=True):
            yield layer["x"], wk, q, k


def compared(rates, where):
    """Claims about the predictors' mean hit rates."""
    shares = "top " + ", ".join(f"{100 * share:g}" for share in SHARES) + " %"

    def listed(name):
        return ", ".join(f"{rate:.1f}" for rate in rates[name])

    yield between(f"hit rate of DLZS less that of a 4 × 4-bit multiplier, {where}", PLACE, None,
                  list(rates["two_phase"] - rates["multiplier"]), "points", low=-1.5,
                  note=f"{shares}: DLZS {listed('two_phase')}; multiplier {listed('multiplier')}")
    yield between(f"hit rate of DLZS less that of both operands snapped, {where}", PLACE, None,
                  list(rates["two_phase"] - rates["both_snapped"]), "points", low=3,
                  note=f"{shares}: both snapped {listed('both_snapped')}")
    yield between(f"hit rate of snapping the query less that of snapping the key, exact keys, {where}",
                  "the query is converted", None, list(rates["snapped_query"] - rates["snapped_key"]), "points", low=0,
                  note=f"{shares}: query {listed('snapped_query')}; key {listed('snapped_key')}")


@claims("III-A", "statistical")
def hit_rate_on_random_tokens(evidence):
    yield from compared(mean_rates(synthetic_cases()), "random tokens")


@claims("III-A", "statistical")
def hit_rate_on_real_heads(evidence):
    yield from compared(mean_rates(real_cases(evidence)), "real heads")
