"""Operations of prediction, sorting and attention, as counts and weighted."""

import math

import numpy as np

from gen.claims.claim import Claim, claims, near

from .bitonic import top_four_network
from .sorting_cost import selection_comparisons, sorting_rounds

__all__ = ["head_operations"]

#: Cost of an operation in additions of a word: products and quotients as so many shifted additions.
WORDS = {"shift": 1, "add": 1, "compare": 1, "multiply 4": 4, "multiply": 16, "exponential": 16, "divide": 16}
#: Cost in operations on bits: barrel shifters of four levels, sums as wide as their products need.
BITS = {"shift": 64, "add": 37, "compare": 16, "multiply 4": 16, "multiply": 256, "exponential": 256, "divide": 256}

KEYS, HIDDEN, CHANNELS, KEPT, SEGMENTS, ENSURE = 1024, 768, 64, 256, 16, 2


def bitonic_comparisons(keys):
    """Compare-exchanges of a full bitonic sort."""
    levels = math.ceil(math.log2(keys))
    return keys // 4 * levels * (levels + 1)


def head_operations(sort):
    """Operations of a query row: the baseline and then with DLZS, SADS and SU-FA, each beside the ones before.

    Parameters
    ----------
    sort : str
        Of the baseline: ``selection`` (what the paper's complexity assumes) or ``bitonic``.

    Returns
    -------
    list of dict
        Counts of each kind of operation.
    """
    # Predicted keys are shared by all rows, so a row's part of them is one key.
    products = HIDDEN * CHANNELS + KEYS * CHANNELS
    predictors = [{"multiply 4": products, "add": products}, {"shift": products, "add": products}]
    if sort == "selection":
        sorters = [selection_comparisons(KEYS, KEPT, 1), selection_comparisons(KEYS, KEPT, SEGMENTS)]
    else:
        sorters = [bitonic_comparisons(KEYS), sum(map(len, top_four_network())) * sorting_rounds(KEYS, KEPT, SEGMENTS)]
    common = {"multiply": 2 * KEPT * CHANNELS, "add": KEPT * (2 * CHANNELS + 1) + SEGMENTS, "divide": CHANNELS}

    def attention(comparisons, rescales):
        return {**common, "compare": comparisons, "exponential": KEPT + rescales,
                "multiply": common["multiply"] + rescales * (CHANNELS + 1)}

    # FlashAttention-2 rescales once a tile, SU-FA as often as the maximum of tiles in random order rises.
    attentions = [attention(KEPT, SEGMENTS),
                  attention(ENSURE * SEGMENTS, round(sum(1 / place for place in range(1, SEGMENTS + 1))))]
    return [total(predictors[dlzs], {"compare": sorters[sads]}, attentions[su_fa])
            for dlzs, sads, su_fa in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1))]


def total(*parts):
    return {name: sum(part.get(name, 0) for part in parts) for name in WORDS}


def cost(counts, weights):
    return sum(weights[name] * count for name, count in counts.items())


@claims("V", "statistical")
def complexity_reduction(evidence):
    for sort, weights, unit, why in (
            ("selection", WORDS, "word additions", ""),
            ("bitonic", WORDS, "word additions", "a bitonic sort costs so little that SADS saves less than SU-FA; "),
            ("selection", BITS, "bit operations", "a barrel shift of 16 bits costs more than a 4 × 4-bit product; ")):
        counts = head_operations(sort)
        reductions = [100 - 100 * cost(step, weights) / cost(counts[0], weights) for step in counts[1:]]
        dlzs, sads, su_fa = np.diff([0, *reductions])
        listed = "; ".join(f"{name} " + ", ".join(f"{step[name]:,}" for step in counts) for name in WORDS)
        yield Claim(
            f"complexity reduction of DLZS, + SADS, + SU-FA, in {unit}, over a {sort} sort", "complexity ablation",
            [18, 25, 28], reductions, "%", bool(dlzs > sads > su_fa > 0), "the shape: DLZS > SADS > SU-FA > 0",
            f"{why}the paper does not print its weights, here {listing(weights)}. A row of S = {KEYS}, H = {HIDDEN}, "
            f"d = {CHANNELS}, k = {KEPT}, n = {SEGMENTS}; counts of the four steps: {listed}")


def listing(weights):
    return ", ".join(f"{name} {weight}" for name, weight in weights.items())


@claims("III-C", "statistical")
def update_of_the_sum(evidence):
    """Fig. 10(a): what one key costs, for the sum of a row alone."""
    flash = {"compare": 1, "exponential": 2, "multiply": 1, "add": 1}
    ascending = {"exponential": 1, "multiply": 1, "add": 1}
    descending = {"exponential": 1, "add": 1}
    paper = [25, 11]
    ours = [100 - 100 * cost(descending, WORDS) / cost(other, WORDS) for other in (flash, ascending)]
    # With an addition of 1, both savings fix comparison + exponential + product and the product, so the exponential
    # costs most where the comparison is free.
    both, product = (1 / (1 - saving / 100) - 1 for saving in paper)
    largest = (both - product) / (1 - (both - product))
    yield near("complexity saved by the descending update over FlashAttention and over the ascending one", "Fig. 10(a)",
               paper, ours, "%", 3,
               f"in word additions; the figure's operations give both of the paper's values only if an exponential "
               f"costs at most {largest:.2f} additions")
