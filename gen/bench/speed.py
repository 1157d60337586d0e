"""Section `simulation`: how fast the simulators run."""

import tempfile

import numpy as np

from gen.bench.cycles import Case, cut_head, run_case
from gen.bench.heads import Head, shipped_heads

__all__ = ["measure_simulation"]

#: Heads of a task of `tiny` on Verilator: enough cycles to measure a speed.
HEADS = 12

NOTES = ("`paper` is not simulated: PAPER.",)


def measure_simulation(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    cut = cut_head()
    many = Head(f"{cut.name}, {HEADS} times", None, tuple(np.stack([array] * HEADS) for array in cut.arrays))
    chosen = (("verilator", Case("tiny", many, 0.25)), ("icarus", Case("tiny", cut, 0.25)),
              ("verilator", Case("ecp5", shipped_heads()[0], 0.25)))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for simulator, case in chosen:
            update(f"simulation: {case.preset} on {simulator}")
            report = run_case(case, folder, simulator=simulator, compare_dense=False)
            rows.append({
                "preset": case.preset, "simulator": simulator, "head": case.head.name, "cycles": report["cycles"],
                "kcycles_per_second": report["kcycles_per_second"], "bit_exact": report["bit_exact"]})
    return {"tables": {"simulation": rows}, "notes": NOTES,
            "figures": {f"thousand cycles a second ({row['preset']}, {row['simulator']})":
                        row["kcycles_per_second"] for row in rows}}
