"""Random legal parameter sets: emitted, compiled by Icarus, and run on random heads."""

import pytest

from hw.sofa.parameters import SofaParameters
from tests.sim.emitted import examples
from tests.sim.sofa.draw import draw_head, draw_parameters
from tests.sim.sofa.simulation import Top
from tests.streams import generator

pytestmark = pytest.mark.usefixtures("own_cache")

#: Parameters that each set off something that the others do not.
STRUCTURES = {
    "three slices, shared sorters": {
        "rows": 12, "row_multipliers": 4, "lanes": 8, "tree_lanes": 4, "columns": 2, "bus_width": 64,
        "rows_per_sorter": 4},
    "more lanes than the heads and the predictor need": {
        "rows": 8, "row_multipliers": 8, "lanes": 16, "tree_lanes": 2, "columns": 1, "bus_width": 32,
        "rows_per_sorter": 2, "max_head_dim": 1},
    "24 channels, many folds": {
        "rows": 2, "row_multipliers": 2, "lanes": 2, "tree_lanes": 2, "columns": 1, "bus_width": 32,
        "rows_per_sorter": 1, "max_head_dim": 24},
    "one beat a vector": {
        "rows": 8, "row_multipliers": 4, "lanes": 8, "tree_lanes": 8, "columns": 4, "bus_width": 128,
        "rows_per_sorter": 4, "max_head_dim": 8, "generator_rows": 3, "max_weights": 256},
    "two slices from tokens, codes wider than a word": {
        "rows": 8, "row_multipliers": 4, "lanes": 8, "tree_lanes": 8, "columns": 4, "bus_width": 32,
        "rows_per_sorter": 2, "generator_rows": 2, "khat_width": 3, "code_levels": 2, "max_features": 37,
        "max_weights": 700, "weight_width": 9},
    "one pass over the tokens, every tree a channel": {
        "rows": 4, "row_multipliers": 4, "lanes": 8, "tree_lanes": 8, "columns": 8, "bus_width": 64,
        "rows_per_sorter": 4, "adder_levels": 3, "generator_rows": 1, "khat_width": 9, "code_levels": 7,
        "max_features": 20, "max_weights": 400},
}
USUAL = {"max_keys": 64, "max_head_dim": 12, "normalise_lanes": 2}


def run(rng, parameters, tasks=4):
    top = Top.emit(parameters)
    stall = rng.choice((0.0, 0.4))
    print(parameters, f"stall={stall}")
    most = min(48, parameters.max_keys)
    heads = [[draw_head(rng, parameters, queries=rng.randint(1, 10), keys=rng.randint(1, most), tokens=None)
              for _ in range(rng.randint(1, 3))] for _ in range(tasks)]
    top.check(heads, simulator="icarus", stall=stall, seed=rng.getrandbits(32))


def test_random_parameter_sets():
    rng = generator()
    for _ in range(examples(3)):
        run(rng, draw_parameters(rng))


@pytest.mark.parametrize("structure", STRUCTURES)
def test_structures(structure):
    run(generator(), SofaParameters(**USUAL | STRUCTURES[structure]), tasks=3)
