"""Counters of the `sofa` engine that do not depend on time, other than those of its golden model."""

__all__ = ["work_counters"]


def work_counters(head, selected, parameters):
    """Words that a head moves by kind, and the work of the generator.

    Parameters
    ----------
    head : sim.host.SofaHead
    selected : bool array (Sq, Sk)
        Kept keys.
    parameters : SofaParameters

    Returns
    -------
    dict of str to int
    """
    p = parameters
    beat = p.elements_per_beat
    queries, keys = selected.shape
    channels, value_channels = head.keys.shape[1], head.values.shape[1]
    counters = dict.fromkeys((
        "words_queries", "words_keys", "words_values", "words_masks", "words_weights", "words_khat", "words_query",
        "words_key", "predicting_tokens", "generating", "keys_made"), 0)
    if head.mask is not None:
        counters["words_masks"] = queries * -(-keys // p.bus_width)
    if head.tokens is None:
        return counters | dict(words_queries=queries * -(-channels // beat), words_keys=keys * -(-channels // beat),
                               words_values=keys * -(-value_channels // beat))
    features, made = head.tokens.x.shape[1], int(selected.any(axis=0).sum())
    words, folds = -(-features // beat), -(-features // p.tree_lanes)
    # Channels of a matrix, filled up: of queries to the lanes, of keys and values to whole beats.
    query = p.query_channels(max(channels, value_channels))
    key, value = -(-channels // beat) * beat, -(-value_channels // beat) * beat
    counters |= dict(generating=words * (queries * query + made * (key + value)), keys_made=made,
                     words_query=queries * words, words_key=made * words)
    if not head.tokens.keep_weights:
        codes = key * -(-folds * p.tree_lanes * 4 // p.bus_width)
        counters["words_weights"] = codes + (query + key + value) * words + (query + key + value) // beat
    if not head.dense:
        passes = folds * (key // p.khat_columns) * p.weight_bands * p.token_digits
        counters |= dict(predicting_tokens=keys * passes, words_khat=keys * -(-features // (2 * beat)))
    return counters
