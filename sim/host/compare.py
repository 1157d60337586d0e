"""Rows that `sofa` returned against those of the golden model, each difference with its place and time."""

import numpy as np

from sim.golden.sorter import segment_of

__all__ = ["compare_heads"]


def compare_heads(heads, returned, golden, parameters, word_cycles=None):
    """List the rows that differ from the golden model, in the order in which they left the hardware.

    Parameters
    ----------
    heads : list of SofaHead
    returned : list of list of SofaRow
        Rows of each head, as `unpack_result` gives them.
    golden : list of GoldenHead
    parameters : SofaParameters
    word_cycles : list of int, optional
        Cycle in which each word of the packet was taken.

    Returns
    -------
    list of dict
        One for each array of a row that differs, about its first difference: ``head``, ``row``, ``array``
        (``"selected"`` or ``"o_raw"``), ``hardware`` and ``golden`` (None where a list has ended), ``word`` of the
        packet and the ``cycle`` in which it was taken. ``column`` is the key or the channel, ``tile`` the
        key's sub-segment or the fold of lanes that computed the channel.
    """
    p = parameters
    per_word = p.elements_per_beat
    differences = []
    for number, (head, rows, model) in enumerate(zip(heads, returned, golden, strict=True)):
        for index, row in enumerate(rows):
            place = {"head": number, "row": index}
            sorted_keys = np.sort(model.rows[index].keys)
            if row.keys is not None and (at := _first_difference(row.keys, sorted_keys)) is not None:
                pair = _pair(row.keys, sorted_keys, at)
                column = next(key for key in pair.values() if key is not None)
                differences.append(place | {
                    "array": "selected", "place": at, "column": column,
                    "tile": segment_of(column, len(head.keys), p.tile, head.interleaved)} | pair
                    | _when(row.first_word, word_cycles))
            if (at := _first_difference(row.outputs, model.outputs[index])) is not None:
                differences.append(place | {
                    "array": "o_raw", "column": at, "tile": at // p.lanes}
                    | _pair(row.outputs, model.outputs[index], at)
                    | _when(row.output_word + at // per_word, word_cycles))
    return differences


def _first_difference(hardware, golden):
    """Index of the first element that differs or that only one list has, else None."""
    shorter = min(len(hardware), len(golden))
    wrong = np.flatnonzero(np.asarray(hardware)[:shorter] != np.asarray(golden)[:shorter])
    if len(wrong):
        return int(wrong[0])
    return None if len(hardware) == len(golden) else shorter


def _pair(hardware, golden, at):
    """What both have at an index."""
    return {name: int(values[at]) if at < len(values) else None
            for name, values in (("hardware", hardware), ("golden", golden))}


def _when(word, word_cycles):
    if word_cycles is None:
        return {"word": word, "cycle": None}
    return {"word": word, "cycle": word_cycles[word]}
