"""Heads of all kinds through the presets on both simulators: every row, every key and every counter."""

from dataclasses import replace

import pytest

from tests.sim.emitted import examples
from tests.sim.sofa.draw import CONTENTS, KEEPS, MASKS, draw_head
from tests.sim.sofa.simulation import preset
from tests.streams import generator

SIMULATORS = ("icarus", "verilator")


def cases(rng, parameters):
    """One head for each special case of values, masks, selection and layout; tasks of one to three heads."""
    p = parameters
    small = {"queries": 5, "keys": 21}

    def draw(**fixed):
        return draw_head(rng, p, **small | fixed)

    heads = [draw(content=content, dense=False, mask="none") for content in CONTENTS]
    heads += [draw(mask=mask, causal=causal, dense=dense, interleaved=interleaved)
              for mask in MASKS for causal, dense, interleaved in ((0, 0, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0))]
    heads += [draw(merge=merge, interleaved=interleaved, mask="none", keep=keep)
              for merge in (True, False) for interleaved in (True, False) for keep in (0.03, 0.5, 1.0)]
    heads += [draw(return_keys=False, queries=9), draw(value_dim=1), draw(head_dim=1, value_dim=p.max_head_dim),
              draw(keys=1), draw(queries=1, keys=1, head_dim=1, value_dim=1)]
    if p.clipping:
        heads += [draw(radius=radius, dense=False, mask="none", keep=0.5) for radius in (1, 20, 255)]
    tasks = []
    while heads:
        count = rng.randint(1, 3)
        tasks.append(heads[:count])
        heads = heads[count:]
    return tasks


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_special_cases(simulator, stall):
    rng = generator()
    top = preset("tiny")
    tasks = cases(rng, top.parameters)
    if simulator == "icarus":                        # a third of them: Icarus takes a second for 1,000 cycles
        tasks = rng.sample(tasks, len(tasks) // 3)
    top.check(tasks, simulator=simulator, stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_random_heads(simulator, stall):
    rng = generator()
    top = preset("tiny")
    count = examples(60 if simulator == "verilator" else 5)
    tasks = [[draw_head(rng, top.parameters, tokens=None) for _ in range(rng.randint(1, 4))]
             for _ in range(-(-count // 2))]
    top.check(tasks, simulator=simulator, stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_shapes(stall):
    rng = generator()
    top = preset("ecp5")
    lengths, widths = (1, 3, 17, 64, 200, 256), (1, 8, 31, 32, 64)
    heads = [draw_head(rng, top.parameters, queries=rng.choice(lengths), keys=rng.choice(lengths),
                       head_dim=rng.choice(widths), value_dim=rng.choice(widths), keep=rng.choice(KEEPS), tokens=None)
             for _ in range(examples(16))]
    # The grid's corners are always there.
    heads += [draw_head(rng, top.parameters, queries=256, keys=256, head_dim=64, value_dim=64, keep=0.25),
              draw_head(rng, top.parameters, queries=1, keys=1, head_dim=1, value_dim=1),
              draw_head(rng, top.parameters, queries=1, keys=256, head_dim=31, value_dim=64, keep=1.0),
              draw_head(rng, top.parameters, queries=200, keys=3, head_dim=64, value_dim=8)]
    rng.shuffle(heads)
    tasks = [heads[first:first + 3] for first in range(0, len(heads), 3)]
    top.check(tasks, simulator="verilator", stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_shapes_from_tokens(simulator, stall):
    """Lengths and widths of 1, prime, and beside a multiple of everything; all in one task, so that heads overlap."""
    rng = generator()
    top = preset("tiny")
    shapes = [(1, 1, 1, 1), (7, 33, 5, 16), (2, 64, 16, 16), (60, 31, 15, 3), (13, 8, 4, 8), (65, 9, 7, 16)]
    if simulator == "icarus":
        shapes = rng.sample(shapes[:3] + shapes[4:5], 2)
    heads = [draw_head(rng, top.parameters, tokens=True, queries=rng.choice((keys, rng.randint(1, keys))), keys=keys,
                       features=features, head_dim=head_dim, value_dim=value_dim, keep=rng.choice(KEEPS))
             for keys, features, head_dim, value_dim in shapes]
    top.check([heads], simulator=simulator, stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_wide_shapes_from_tokens(stall):
    rng = generator()
    top = preset("ecp5")
    shapes = [(129, 33, 31, 31), (7, 384, 32, 32), (1, 384, 1, 32), (60, 192, 64, 40), (300, 64, 32, 32)]
    heads = [draw_head(rng, top.parameters, tokens=True, queries=keys, keys=keys, features=features,
                       head_dim=head_dim, value_dim=value_dim, keep=0.25, mask="none", dense=False)
             for keys, features, head_dim, value_dim in shapes]
    rng.shuffle(heads)
    top.check([heads[:3], heads[3:]], simulator="verilator", stall=stall, seed=rng.getrandbits(32))


def test_weights_are_kept():
    """A second sequence with the weights of the first, and a third behind a head that has its own keys."""
    rng = generator()
    top = preset("tiny")

    def draw(**fixed):
        return draw_head(rng, top.parameters, keys=20, queries=20, head_dim=9, value_dim=12, mask="none", **fixed)

    heads = [draw(tokens=True, features=33) for _ in range(3)]
    first = heads[0].tokens
    for head in heads[1:]:
        kept = ("wq", "wk", "wv", "bq", "bk", "bv", "codes")
        head.tokens = replace(head.tokens, keep_weights=True, **{name: getattr(first, name) for name in kept})
    top.check([[heads[0], heads[1], draw(), heads[2]]], simulator="verilator", seed=rng.getrandbits(32))


def test_largest_head():
    rng = generator()
    top = preset("ecp5")
    p = top.parameters
    head = draw_head(rng, p, queries=40, keys=p.max_keys, head_dim=p.max_head_dim, value_dim=p.max_head_dim,
                     mask="random", dense=False, merge=True, segment_keys=p.max_segment_keys, keep=0.125)
    top.check([[head], [head]], simulator="verilator")


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_heads_claim_halves_and_the_whole_memory_in_turn(simulator):
    rng = generator()
    top = preset("tiny")
    half = top.parameters.max_keys // 2
    orders = [(half, half + 1), (half + 1, half), (2 * half, 2 * half), (half, half, half, half + 1, 1, 2 * half)]
    tasks = [[draw_head(rng, top.parameters, queries=3, keys=keys, keep=0.125, mask="none") for keys in order]
             for order in (orders if simulator == "verilator" else orders[:2])]
    top.check(tasks, simulator=simulator, seed=rng.getrandbits(32))


def test_stalls_do_not_change_what_is_returned():
    rng = generator()
    top = preset("tiny")
    tasks = [[draw_head(rng, top.parameters, tokens=None) for _ in range(2)] for _ in range(3)]
    runs = [top.check(tasks, simulator="verilator", stall=stall, seed=rng.getrandbits(32))
            for stall in (0.0, 0.1, 0.7)]
    assert runs[0].packets == runs[1].packets == runs[2].packets


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_row_without_keys_is_the_last_in_flight(simulator):
    """It must not wait for a key that another row would bring."""
    rng = generator()
    top = preset("tiny")
    before = draw_head(rng, top.parameters, content="uniform", queries=3, keys=40, mask="none", dense=False,
                       merge=False, interleaved=True, segment_keys=4, extra_segments=0, radius=0, causal=False)
    empty = draw_head(rng, top.parameters, queries=1, keys=5, mask="all empty", dense=False)
    top.check([[before, empty], [before], [empty]], simulator=simulator)
