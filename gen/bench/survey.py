"""Section `accuracy`: what the selection loses on all heads of a real model, and the same in Verilog."""

import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from gen.bench.accuracy import head_accuracy
from gen.bench.cycles import Case, run_case
from gen.bench.heads import LAYERS, model_heads, model_installed, shipped_heads
from gen.tops.registry import resolve

__all__ = ["measure_accuracy", "summarise", "survey"]

KEEPS = (0.25, 0.125)
PRESET = "ecp5"

#: Heads that run in Verilog too: the most even one, a local one, one of the last layer.
IN_VERILOG = ((0, 11), (2, 3), (5, 0))


def survey(layer):
    """Measure all heads of a layer, or the shipped ones for None, at each share of kept keys."""
    parameters = resolve("sofa", PRESET, None, [])
    heads = shipped_heads() if layer is None else model_heads(layer)
    return [{"head": head.name, "layer": layer, "keys": len(head.arrays[1]), "keep": keep,
             **head_accuracy(*head.arrays, keep, parameters)} for head in heads for keep in KEEPS]


def summarise(measured, keep):
    """Means over the heads, and by layer, at one share of kept keys.

    Returns
    -------
    dict of str to list of dict
        Tables: one row a selection, with the mean mass, its difference to exact top-k in points, and the
        mean agreement in total and by layer.
    """
    chosen = [head for head in measured if head["keep"] == keep]
    layers = sorted({head["layer"] for head in chosen if head["layer"] is not None})
    exact = np.mean([head["mass"]["exact"] for head in chosen])
    mass, agreement = [], []
    for name in chosen[0]["mass"]:
        mean = np.mean([head["mass"][name] for head in chosen])
        mass.append({"selection": name, "mass": mean, "points_below_exact": 100 * (exact - mean)} | {
            f"layer {layer}": np.mean([head["mass"][name] for head in chosen if head["layer"] == layer])
            for layer in layers})
        if name in chosen[0]["agreement"]:
            agreement.append({
                "selection": name, "agreement": np.mean([head["agreement"][name] for head in chosen])} | {
                f"layer {layer}": np.mean([head["agreement"][name] for head in chosen
                                           if head["layer"] == layer]) for layer in layers})
    return {"softmax mass": mass, "agreement with exact top-k": agreement}


def measure_accuracy(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    update("accuracy: the shipped heads by the golden model")
    measured = {"shipped": survey(None)}
    checked = []
    if model_installed():
        update("accuracy: the 72 heads of MiniLM-L6-v2 by the golden model")
        # Fresh processes: a fork would copy threads of NumPy in the middle of their work.
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1), get_context("spawn")) as pool:
            measured["MiniLM-L6-v2"] = [head for layer in pool.map(survey, LAYERS) for head in layer]
        with tempfile.TemporaryDirectory() as folder:
            for layer, number in IN_VERILOG:
                update(f"accuracy: layer {layer} head {number} in Verilog")
                checked += in_verilog(layer, number, measured["MiniLM-L6-v2"], folder)
    tables, figures = {}, {}
    for source, heads in measured.items():
        for keep in KEEPS:
            where = f"{source}, {heads[0]['keys']} keys, keep {keep:g}"
            for title, rows in summarise(heads, keep).items():
                tables[f"{title}, mean over heads: {where}"] = rows
                figures |= figures_of(title, rows, where)
            figures[f"largest error of an output over the kept keys ({where})"] = max(
                head["max_error_over_selected"] for head in heads if head["keep"] == keep)
    if checked:
        tables["heads in Verilog against the golden model"] = checked
        figures["heads in Verilog with equal mass and bits"] = (
            f"{sum(row['bit_exact'] and row['same_mass'] for row in checked)} of {len(checked)}")
    return {"tables": tables, "figures": figures, "heads": measured}


def figures_of(title, rows, where):
    """The lines of the summary that a table gives."""
    rows = {row["selection"]: row for row in rows}
    if title == "softmax mass":
        return {f"softmax mass, {name.replace('_', ' ')} ({where})": rows[name]["mass"]
                for name in ("exact", "merge_interleaved", "quota_contiguous_tile_64")}
    return {f"agreement with exact top-k, {name.replace('_', ' ')} ({where})": rows[name]["agreement"]
            for name in ("merge_interleaved", "predictor", "multiplier_4x4", "both_snapped")}


def in_verilog(layer, number, measured, folder):
    """Run one head in Verilator and compare its bits and its mass with the golden model's."""
    head = model_heads(layer, [number])[0]
    rows = []
    for keep in KEEPS:
        report = run_case(Case(PRESET, head, keep), folder, compare_dense=False,
                          output=Path(folder) / "result.npz")
        golden = next(row for row in measured if row["head"] == head.name and row["keep"] == keep)
        mass = golden["mass"]["merge_interleaved"]
        rows.append({"head": head.name, "keep": keep, "bit_exact": report["bit_exact"],
                     "mass_in_verilog": report["softmax_mass"], "mass_of_golden_model": mass,
                     # Both are means of the same float64 weights, summed in different orders.
                     "same_mass": abs(report["softmax_mass"] - mass) < 1e-9, "cycles": report["cycles"]})
    return rows
