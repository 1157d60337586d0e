import re
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.sofa.parameters import SofaParameters
from tests.sofa.heads import tiny


def test_defaults_are_legal():
    p = SofaParameters()
    assert (p.elements_per_beat, p.slices, p.slice_rows, p.trees, p.trees_per_sorter, p.sorters) == (16, 1, 16, 8, 8, 1)
    assert (p.multipliers, p.folds, p.tree_folds, p.query_groups) == (64, 2, 2, 8)


def test_tiny_has_all_parts():
    p = tiny()
    assert (p.slices, p.slice_rows, p.trees, p.sorters, p.trees_per_sorter) == (1, 4, 2, 1, 2)
    assert (p.batch_rows, p.batches) == (2, 1)
    assert (p.folds, p.tree_folds, p.max_segments, p.max_passes, p.query_groups) == (2, 2, 4, 2, 8)


def test_is_frozen_and_hashable():
    p = tiny()
    with pytest.raises(FrozenInstanceError):
        p.rows = 8
    assert {p: 1}[tiny()] == 1


def test_every_parameter_describes_itself():
    for item in fields(SofaParameters):
        assert item.metadata["doc"] and item.metadata["range"]


@pytest.mark.parametrize(("changes", "message"), [
    (dict(bus_width=48), "bus_width must be one of 32, 64, 128, 256, 512, not 48"),
    (dict(rows=0), "rows must be 1..256, not 0"),
    (dict(rows=257), "rows must be 1..256, not 257"),
    (dict(columns=0), "columns must be 1..256, not 0"),
    (dict(row_multipliers=1), "row_multipliers must be 2..64, not 1"),
    (dict(row_multipliers=3), "row_multipliers must be even, not 3"),
    (dict(lanes=1), "lanes must be 2..256, not 1"),
    (dict(lanes=6), "lanes must be a power of two, not 6"),
    (dict(tree_lanes=3), "tree_lanes must be a power of two, not 3"),
    (dict(bus_width=128, normalise_lanes=4), "lanes must be at least bus_width / element_width = 8, not 4"),
    (dict(bus_width=64, lanes=8, tree_lanes=2, row_multipliers=4),
     "tree_lanes must be at least bus_width / element_width = 4, not 2"),
    (dict(rows=3), "rows * row_multipliers must be a multiple of 2 * lanes = 8, not 6"),
    (dict(rows=4, row_multipliers=6), "rows must be a multiple of the 3 slices, not 4"),
    (dict(columns=3, tree_lanes=8, lanes=8, rows=8),
     "rows of a slice must be a multiple of its 3 predictor trees, not 8"),
    (dict(columns=1, tree_lanes=8, lanes=8, rows=4, row_multipliers=4),
     "rows of a slice * columns must be a multiple of tree_lanes = 8, not 4"),
    (dict(columns=4, tree_lanes=8), "lanes must be a multiple of tree_lanes = 8, not 4"),
    (dict(columns=8), "rows of a slice must be a multiple of its 8 predictor trees, not 4"),
    (dict(rows_per_sorter=3), "rows_per_sorter must divide the 4 rows of a slice, not 3"),
    (dict(rows_per_sorter=0), "rows_per_sorter must be 1..256, not 0"),
    (dict(max_head_dim=513), "max_head_dim must be 1..512, not 513"),
    (dict(max_keys=31), "max_keys must be 32..16384, not 31"),
    (dict(max_keys=33), "max_keys must be a power of two, not 33"),
    (dict(tile=2), "tile must be one of 4, 8, 16, 32, 64, 128, not 2"),
    (dict(max_segment_keys=9), "max_segment_keys must be at most tile = 8, not 9"),
    (dict(element_width=8), "element_width must be one of 16, not 8"),
    (dict(khat_width=17), "khat_width must be 2..16, not 17"),
    (dict(query_code_width=12), "query_code_width must be one of 8, 16, not 12"),
    (dict(query_code_width=8, code_levels=8), "code_levels must be at most query_code_width - 1 = 7, not 8"),
    (dict(code_levels=16), "code_levels must be 1..15, not 16"),
    (dict(score_width=3), "score_width must be 4..16, not 3"),
    (dict(score_width=18), "score_width must be 4..16, not 18"),
    (dict(ensure=0), "ensure must be one of 1, 2, not 0"),
    (dict(zclip=6), "zclip must be 1..5, not 6"),
    (dict(log_fraction=13), "log_fraction must be 6..12, not 13"),
    (dict(log_integer=4), "log_integer must be 5..10, not 4"),
    (dict(probability_fraction=15), "probability_fraction must be 8..14, not 15"),
    (dict(rescale_step=3), "rescale_step must be one of 1, 2, 4, not 3"),
    (dict(normalise_lanes=3), "normalise_lanes must divide lanes = 4 and the 2 elements of a beat, not 3"),
    (dict(normalise_lanes=4), "normalise_lanes must divide lanes = 4 and the 2 elements of a beat, not 4"),
    (dict(columns=4, reuse_rows=3), "reuse_rows must divide the 4 predictor trees of a slice, not 3"),
    (dict(reuse_rows=0), "reuse_rows must be 1..16, not 0"),
    (dict(reuse_rows=17), "reuse_rows must be 1..16, not 17"),
    (dict(vendor="acme"), "vendor must be one of generic, ecp5, xilinx, not 'acme'"),
])
def test_bad_values(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tiny(**changes)


@pytest.mark.parametrize(("changes", "message"), [
    (dict(rows=4.0), "rows must be of type int, not 4.0"),
    (dict(rows=True), "rows must be of type int, not True"),
    (dict(clipping=1), "clipping must be of type bool, not 1"),
    (dict(vendor=None), "vendor must be of type str, not None"),
])
def test_bad_types(changes, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        tiny(**changes)


@given(st.data())
def test_any_legal_set_is_consistent(data):
    """What is legal divides as the slices need it, and no width is too small for its largest value."""
    changes = {}
    for item in fields(SofaParameters):
        meta = item.metadata
        if item.name in ("rows", "columns", "row_multipliers", "lanes", "tree_lanes", "rows_per_sorter", "max_keys",
                         "normalise_lanes"):
            changes[item.name] = 1 << data.draw(st.integers(0, 8 if item.name != "max_keys" else 14))
        elif meta["choices"]:
            changes[item.name] = data.draw(st.sampled_from(meta["choices"]))
        else:
            changes[item.name] = data.draw(st.integers(meta["low"], meta["high"]))
    changes["rows"] *= data.draw(st.sampled_from([1, 3]))
    try:
        p = SofaParameters(**changes)
    except ValueError:
        return
    assert p.slices * p.slice_rows == p.rows
    assert p.sorters * p.trees_per_sorter == p.trees
    assert p.slice_rows % p.trees == 0
    assert p.batch_rows <= p.reuse_rows and p.batches * p.batch_rows == p.trees
    assert p.slices * 2 * p.lanes == p.multipliers
    assert p.folds * p.lanes >= p.max_head_dim and p.tree_folds * p.tree_lanes >= p.max_head_dim
    assert p.max_head_dim << (p.khat_width + p.code_levels - 2) < 1 << (p.predict_width - 1)
    assert p.max_head_dim << 30 < 1 << (p.product_width - 1)
    most = 1 << (p.zclip + p.probability_fraction)
    assert p.max_keys * most < 1 << p.sum_width
    assert p.max_keys * (most << 15 >> p.product_drop) < 1 << (p.output_width - 1)
    assert p.product_drop >= 0
