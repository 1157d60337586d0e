"""Sections `simulation` and `paper`: how fast the simulators run."""

import tempfile

import numpy as np

from gen.bench.cycles import Case, cut_head, run_case
from gen.bench.heads import Head, shipped_heads

__all__ = ["measure_paper", "measure_simulation"]

#: Heads of a task of `tiny` on Verilator: enough cycles to measure a speed.
HEADS = 12

NOTES = ("`paper` is in the section of that name, which runs when it is named: its model is 55 MB of "
         "C++, that of `ecp5` 8 MB, and takes many minutes to compile.",)


def measure_simulation(update):
    """Time `tiny` and `ecp5`; see :func:`gen.bench.run.run_sections`."""
    cut = cut_head()
    many = Head(f"{cut.name}, {HEADS} times", None, tuple(np.stack([array] * HEADS) for array in cut.arrays))
    return {"notes": NOTES, **measure(update, (
        ("verilator", Case("tiny", many, 0.25)), ("icarus", Case("tiny", cut, 0.25)),
        ("verilator", Case("ecp5", shipped_heads()[0], 0.25))))}


def measure_paper(update):
    """Time `paper` on the head of `ecp5`, which compiles for many minutes; see :func:`gen.bench.run.run_sections`."""
    return measure(update, [("verilator", Case("paper", shipped_heads()[0], 0.25))])


def measure(update, chosen):
    """A section: cycles and speed of cases on simulators."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for simulator, case in chosen:
            update(f"simulation: {case.preset} on {simulator}")
            report = run_case(case, folder, simulator=simulator, compare_dense=False)
            rows.append({
                "preset": case.preset, "simulator": simulator, "head": case.head.name, "cycles": report["cycles"],
                "utilisation": report["utilisation"], "kcycles_per_second": report["kcycles_per_second"],
                "bit_exact": report["bit_exact"]})
    return {"tables": {"simulation": rows},
            "figures": {f"thousand cycles a second ({row['preset']}, {row['simulator']})":
                        row["kcycles_per_second"] for row in rows}}
