"""Look-up tables, flip-flops, multiplier blocks and block memories of a design on ECP5, without synthesis."""

import importlib.metadata
import json
import re
from math import ceil
from pathlib import Path

from gen.emit.cache import cache_place, source_digest
from gen.emit.write import write_files
from gen.estimate.coarse import TARGET, coarse_modules
from gen.synth.cells import count_cells

__all__ = ["FLATTENED", "KINDS", "LUT_COSTS", "estimate_area", "estimate_cached", "module_area", "work"]

KINDS = ("luts", "ffs", "dsps", "brams")

#: Look-up tables per unit of work of each kind, see :func:`work`: fitted by :mod:`gen.estimate.fit`.
LUT_COSTS = {"add": 0.19, "choice": 0.47, "compare": 0.7, "decode": 1.0, "gates": 0.41, "mux": 0.89, "reduce": 0.1,
             "shift": 0.56, "table": 1.5}

#: What is left of look-up tables and flip-flops when the hierarchy is flattened: what is constant, unused or equal in
#: other modules goes.
FLATTENED = {"luts": 0.96, "ffs": 0.94}

_FLIP_FLOP = re.compile(r"\$(s|a)?dff\w*")
#: Yosys makes an adder of up to so many bits of look-up tables, and a wider one of carry cells.
_SHORT_ADDER = 4
_SHIFTS = ("$shl", "$shr", "$sshl", "$sshr", "$shift", "$shiftx")


def work(cell):
    """What a word-level cell costs in look-up tables: a kind of :data:`LUT_COSTS`, and how much of it.

    The amount is about the number of look-up tables of four inputs, were the cell alone. Most costs are less than 1,
    because logic of neighbouring cells shares look-up tables.

    Parameters
    ----------
    cell : :class:`gen.estimate.coarse.Cell`

    Returns
    -------
    tuple of (str, float) or None
        None of a cell without logic.
    """
    n, constants = cell.numbers, cell.constants
    width = n.get("Y_WIDTH", n.get("WIDTH", 0))
    match cell.kind:
        case "$and" | "$or" | "$xor" | "$xnor":
            return "gates", width if not constants else 0
        case "$mux":
            return "mux", width if not constants else width / 2
        case "$pmux":
            return "choice", width * n["S_WIDTH"]
        case "$bmux":
            return "choice", width * ((1 << n["S_WIDTH"]) - 1)
        case "$demux":
            return "decode", width * (1 << n["S_WIDTH"])
        case "$eq" | "$ne" | "$eqx" | "$nex":
            bits = max(n["A_WIDTH"], n["B_WIDTH"])
            return "compare", (bits if constants else 2 * bits) / 3
        case "$reduce_and" | "$reduce_or" | "$reduce_bool" | "$reduce_xor" | "$logic_not":
            return "reduce", (n["A_WIDTH"] - 1) / 3
        case "$logic_and" | "$logic_or":
            return "reduce", (n["A_WIDTH"] + n["B_WIDTH"] - 1) / 3
        case "$alu":
            return "add", 2 * width
        case "$fa":
            return "add", 2 * width
        case "$mem_v2":
            return "table", n["WIDTH"] * max(1, n["SIZE"] / 16)
        case "$lut":
            return "gates", max(1, 2 ** (n["WIDTH"] - 4))
        case kind if kind in _SHIFTS:
            return "shift", width * min(n["B_WIDTH"], max(1, n["A_WIDTH"]).bit_length())
    return None


def module_area(cells):
    """What one copy of a module takes, without the modules that it instances.

    Parameters
    ----------
    cells : list of :class:`gen.estimate.coarse.Cell`

    Returns
    -------
    dict
        ``luts`` that are there as such (adders, distributed memory), ``ffs``, ``dsps``, ``brams``, and ``work``: the
        amount of each kind of logic.
    """
    amounts, types, ffs = {}, {}, 0
    for cell in cells:
        if _FLIP_FLOP.fullmatch(cell.kind):
            ffs += cell.numbers["WIDTH"]
        elif cell.kind == "$alu" and cell.numbers["Y_WIDTH"] > _SHORT_ADDER:
            # Two bits a carry cell.
            types["CCU2C"] = types.get("CCU2C", 0) + ceil(cell.numbers["Y_WIDTH"] / 2)
        elif (found := work(cell)) is not None:
            amounts[found[0]] = amounts.get(found[0], 0) + found[1]
        else:
            types[cell.kind] = types.get(cell.kind, 0) + 1
    counted = count_cells(TARGET, types)
    return {"luts": counted.luts, "ffs": counted.ffs + ffs, "dsps": counted.dsps, "brams": counted.brams,
            "work": amounts}


def estimate_area(component, name):
    """What a design takes on an ECP5.

    Parameters
    ----------
    component : :class:`amaranth.lib.wiring.Component`
        The top, built for ECP5.
    name : str

    Returns
    -------
    dict of str to int
        ``luts``, ``ffs``, ``dsps``, ``brams``, counted as :func:`gen.synth.synth` does of a flattened design.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If Yosys is missing or fails.
    """
    totals = dict.fromkeys(KINDS, 0)
    for module in coarse_modules(component, name).values():
        area = module_area(module.cells)
        area["luts"] += sum(LUT_COSTS[kind] * amount for kind, amount in area["work"].items())
        for kind in totals:
            totals[kind] += module.copies * area[kind]
    return {kind: round(count * FLATTENED.get(kind, 1)) for kind, count in totals.items()}


def estimate_cached(top, parameters):
    """Estimate the area of a top, or find it estimated: an elaboration takes seconds.

    Parameters
    ----------
    top : object of :func:`gen.tops.registry.tops`
    parameters : dataclass
        Of the top.

    Returns
    -------
    dict
        See :func:`estimate_area`.
    """
    sources = source_digest(Path(__file__).parent, Path(__file__).parent.with_name("synth"))
    path = cache_place("estimate", top.name, parameters, sources, importlib.metadata.version("pyosys"))
    path = path.with_name(f"{path.name}.json")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        area = estimate_area(top.build(parameters, TARGET), top.name)
    write_files(path.parent, {path.name: json.dumps(area)})
    return area
