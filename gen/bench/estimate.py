"""Section `estimate`: what `thresher describe` predicts, next to synthesis and simulation."""

import tempfile
import time

from gen.bench.cycles import cases, run_case
from gen.estimate.area import KINDS
from gen.estimate.coarse import TARGET
from gen.tops.registry import resolve, tops

__all__ = ["AREA", "compare_area", "compare_cycles", "deviation", "measure_estimate"]

TOP = "sofa"

#: Configurations whose area is compared: presets, and sets of parameters far from them. `paper` takes hours to be
#: flattened and is larger than the device; `thresher describe` estimates it all the same.
AREA = (("tiny", ()), ("ecp5", ()),
        ("tiny", ("generator_rows=0", "row_multipliers=8", "columns=8", "lanes=16", "tree_lanes=16", "max_keys=64")),
        ("tiny", ("rows=6", "bus_width=32", "max_head_dim=20", "lanes=4", "tree_lanes=4", "columns=2", "reuse_rows=1",
                  "rows_per_sorter=1", "max_keys=256", "clipping=false", "generator_rows=0", "max_segment_keys=9",
                  "score_width=6", "normalise_lanes=2", "tile=32")))


def deviation(estimated, measured):
    """By what share of the measured value the estimated one is above it, or below if negative; 0 if both are 0."""
    if not measured:
        return 0.0 if not estimated else float("inf")
    return estimated / measured - 1


def compare_area(preset, sets=(), name=TOP):
    """Estimate and synthesise a configuration; a row of the table."""
    from gen.bench.area import emitted
    from gen.estimate import estimate_area
    from gen.synth import synth

    top, begin = tops()[name], time.perf_counter()
    estimated = estimate_area(top.build(resolve(name, preset, None, list(sets)), TARGET), name)
    seconds = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder:
        verilog, _sources = emitted(preset, folder, sets, name=name)
        begin = time.perf_counter()
        measured = synth(verilog, name, TARGET)
    row = {"configuration": ", ".join((preset, *sets)), "estimate_seconds": seconds,
           "synthesis_seconds": time.perf_counter() - begin}
    for kind in KINDS:
        row |= {f"{kind}_estimated": estimated[kind], kind: measured[kind],
                f"{kind}_deviation": deviation(estimated[kind], measured[kind])}
    return row


def compare_cycles(case, folder):
    """Predict and simulate a case; a row of the table."""
    from gen.bench.heads import save
    from gen.estimate import WorkloadOptions

    parameters = resolve(TOP, case.preset, None, list(case.sets))
    predicted = tops()[TOP].predict(parameters, WorkloadOptions(input=save(case.head, folder), keep=case.keep))
    cycles = run_case(case, folder, compare_dense=False)["cycles"]
    q, k, _ = case.head.arrays
    return {"configuration": case.configuration, "head": case.head.name, "queries": len(q), "keys": len(k),
            "keep": case.keep, "predicted": predicted["cycles"], "cycles": cycles,
            "deviation": deviation(predicted["cycles"], cycles)}


def measure_estimate(update, area=AREA, heads=None):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    areas, cycles = [], []
    for preset, sets in area:
        update(f"estimate: synthesising {', '.join((preset, *sets))}")
        areas.append(compare_area(preset, sets))
    with tempfile.TemporaryDirectory() as folder:
        for case in cases() if heads is None else heads:
            update(f"estimate: simulating {case.configuration}, {case.head.name}, {case.keep:g} of the keys kept")
            cycles.append(compare_cycles(case, folder))
    figures = {}
    for kind in KINDS:
        figures[f"{kind}: deviation of the estimate from synthesis, at most"] = max(
            abs(row[f"{kind}_deviation"]) for row in areas)
    figures["cycles: deviation of the prediction from simulation, at most"] = max(
        abs(row["deviation"]) for row in cycles)
    figures |= {f"seconds to estimate ({row['configuration']})": row["estimate_seconds"] for row in areas}
    return {"tables": {"area": areas, "cycles": cycles}, "figures": figures}
