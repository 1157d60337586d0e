"""Floorplan of memories and multipliers."""

import json

import numpy as np
import pytest

from gen.synth.floorplan import connections, floorplan, places, sites
from gen.synth.pnr import require_nextpnr, run_nextpnr

_PLACES = {"12k": (56, 28), "25k": (56, 28), "45k": (108, 72), "85k": (208, 156)}


def _cell(kind, attributes=None, **ports):
    return {"type": kind, "port_directions": {}, "parameters": {}, "attributes": attributes or {},
            "connections": {port: [net] for port, net in ports.items()}}


def _chain(length, between):
    """Memories in a row, with cells of logic between each two."""
    cells, net = {}, 2
    for number in range(length):
        cells[f"memory{number}"] = _cell("DP16KD", DIA0=net, DOA0=net + 1, CLKA=1)
        net += 1
        for step in range(between):
            cells[f"logic{number}_{step}"] = _cell("LUT4", A=net, Z=net + 1)
            net += 1
    return cells


def _write(folder, cells):
    (folder / "design.json").write_text(json.dumps({"modules": {"top": {
        "attributes": {"top": "00000000000000000000000000000001"}, "ports": {}, "cells": cells, "netnames": {}}}}),
        encoding="utf-8")


@pytest.mark.parametrize("device", _PLACES)
def test_numbers_of_places(device):
    """As the family's data sheet counts them (Lattice FPGA-DS-02012, table 1.1)."""
    assert tuple(len(sites(device)[kind]) for kind in ("DP16KD", "MULT18X18D")) == _PLACES[device]


def test_weights_are_those_of_springs():
    cells = {"a": _cell("DP16KD", DOA0=2), "b": _cell("DP16KD", DIA0=3), "c": _cell("MULT18X18D", A0=4, B0=3),
             "p": _cell("LUT4", A=2, Z=5), "q": _cell("LUT4", A=5, B=2, Z=3), "r": _cell("LUT4", A=5, Z=4)}
    macros, logic = ["a", "b", "c"], ["p", "q", "r"]
    order = macros + logic
    dense = np.zeros((6, 6))
    for net in (("a", "p", "q"), ("b", "c", "q"), ("c", "r"), ("p", "q", "r")):
        for one in net:
            for other in net:
                if one != other:
                    dense[order.index(one), order.index(other)] += 1 / (len(net) - 1)
    steps = .98 * dense[3:] / dense[3:].sum(axis=1, keepdims=True)
    tied = dense[:3, :3] + dense[:3, 3:] @ np.linalg.solve(np.eye(3) - steps[:, 3:], steps[:, :3])
    tied = (tied + tied.T) / 2
    np.fill_diagonal(tied, 0)
    assert connections(cells, macros) == pytest.approx(tied, abs=.01)


def test_what_is_tied_together_is_close():
    cells = _chain(40, 3)
    macros = [name for name in cells if name.startswith("memory")]
    free = sites("25k")
    chosen = places(connections(cells, macros), ["DP16KD"] * 40, free, 1)
    assert len(set(chosen)) == 40
    assert chosen == places(connections(cells, macros), ["DP16KD"] * 40, free, 1)
    spots = np.array([free["DP16KD"][name] for name in chosen])
    # 28 places a row, which are 2 or 3 tiles apart, and two rows that are 12 apart.
    assert np.abs(np.diff(spots, axis=0)).sum() < 39 * 4


def test_every_place_is_one_of_nextpnr(tmp_path):
    require_nextpnr()
    cells = {f"{kind}_{place}".replace("/", "_"): _cell(kind, {"BEL": place, "keep": "1"})
             for kind, places_of in sites("25k").items() for place in places_of}
    _write(tmp_path, cells)
    used = run_nextpnr(tmp_path, ["--25k", "--package", "CABGA381", "--json", "design.json", "--out-of-context",
                                  "--placer", "heap", "--no-route"], "report.json", "all places")["utilization"]
    assert {kind: used[kind]["used"] for kind in ("DP16KD", "MULT18X18D")} == {"DP16KD": 56, "MULT18X18D": 28}


@pytest.mark.parametrize("count, chosen", [(0, False), (56, True), (57, False)])
def test_only_what_fits_gets_places(tmp_path, count, chosen):
    _write(tmp_path, _chain(count, 1))
    before = (tmp_path / "design.json").read_text(encoding="utf-8")
    assert floorplan(tmp_path, "25k", {"DP16KD": count, "LUT4": count}) == chosen
    after = (tmp_path / "design.json").read_text(encoding="utf-8")
    assert (after != before) == chosen
    if chosen:
        cells = json.loads(after)["modules"]["top"]["cells"]
        assert {cell["attributes"]["BEL"] for cell in cells.values() if "BEL" in cell["attributes"]} == \
            set(sites("25k")["DP16KD"])
