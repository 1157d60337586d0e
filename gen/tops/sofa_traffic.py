"""What `sofa` moves: bytes off chip next to a vanilla accelerator's, and keys into its lanes next to the fewest."""

import numpy as np

__all__ = ["baseline_bytes", "reuse", "traffic", "union_loads"]

#: Rows that the baseline computes at once: the query block of SOFA.
BLOCK = 128
#: Counters of words by kind: those of the task packets, besides their headers, and those of other streams.
OF_PACKETS = {"weights": "words_weights", "queries": "words_queries", "keys": "words_keys", "values": "words_values",
              "masks": "words_masks"}
OTHERS = {"tokens_8bit": "words_khat", "tokens_for_queries": "words_query", "tokens_for_keys": "words_key",
          "output": "output_words"}


def baseline_bytes(queries, kept, keys, channels, value_channels):
    """Bytes of a head on a vanilla dynamic-sparsity accelerator (SOFA, section VI: memory access).

    It computes blocks of 128 queries, stage by stage through memory: queries of 16 bits and keys of 4 bits in, the
    predicted scores (4 bits) and the scores of the kept keys (16 bits) out and in again, key and value of each kept
    (query, key) pair in, the output out.

    Parameters
    ----------
    queries, kept, keys : int
        Queries; kept (query, key) pairs; keys.
    channels, value_channels : int

    Returns
    -------
    dict of str to float
    """
    blocks = -(-queries // BLOCK)
    return {
        "queries": 2.0 * queries * channels,
        "keys_4bit": 0.5 * blocks * keys * channels,
        "predicted_scores": 2 * 0.5 * queries * keys,
        "scores": 2 * 2.0 * kept,
        "keys_and_values": 2.0 * kept * (channels + value_channels),
        "output": 2.0 * queries * value_channels,
    }


def traffic(run, parameters):
    """Bytes of a run by kind, from the counters of the hardware; those of the baseline; and the share that is saved.

    Returns None if the hardware was built without counters.
    """
    if not run.counters:
        return None
    word = parameters.bus_width // 8
    words = {kind: run.counters.get(name, 0) for kind, name in {**OF_PACKETS, **OTHERS}.items()}
    words["headers"] = run.counters["input_words"] - sum(words[kind] for kind in OF_PACKETS)
    moved = {kind: count * word for kind, count in words.items() if count}
    baseline = {}
    for head, selected in zip(run.heads, run.selected, strict=True):
        queries, keys = selected.shape
        for kind, count in baseline_bytes(queries, int(selected.sum()), keys, head.keys.shape[1],
                                          head.values.shape[1]).items():
            baseline[kind] = baseline.get(kind, 0.0) + count
    total, before = sum(moved.values()), sum(baseline.values())
    return {"bytes": moved, "total": total, "baseline": baseline, "baseline_total": before,
            "saved": 1 - total / before}


def union_loads(selected, rows):
    """Fewest loads of keys if `rows` consecutive rows share them: each key that one of them keeps, once.

    Parameters
    ----------
    selected : bool array (Sq, Sk)
    rows : int
    """
    return int(np.logical_or.reduceat(selected, np.arange(0, len(selected), rows), axis=0).sum())


def reuse(run, parameters):
    """Loads of keys (each with its value) of a run: as counted, the fewest possible, and one a (row, key) pair.

    Returns None if the hardware was built without counters.
    """
    if not run.counters:
        return None
    pairs, loads = int(run.selected.sum()), run.counters["key_loads"]
    return {"loads": loads, "union": sum(union_loads(head, parameters.batch_rows) for head in run.selected),
            "pairs": pairs, "saved": 1 - loads / max(1, pairs)}
