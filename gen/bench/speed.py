"""Section `simulation`: how fast the simulators run."""

import tempfile

from gen.bench.cycles import Case, cases, run_case
from gen.bench.heads import shipped_heads

__all__ = ["measure_simulation"]


def measure_simulation(update):
    """Run the section; see :func:`gen.bench.run.run_sections`."""
    chosen = (("verilator", Case("ecp5", shipped_heads()[0], 0.25)),
              ("icarus", next(case for case in cases() if case.preset == "tiny")))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for simulator, case in chosen:
            update(f"simulation: {case.preset} on {simulator}")
            report = run_case(case, folder, simulator=simulator, compare_dense=False)
            rows.append({
                "preset": case.preset, "simulator": simulator, "cycles": report["cycles"],
                "kcycles_per_second": report["kcycles_per_second"], "bit_exact": report["bit_exact"]})
    return {"tables": {"simulation": rows},
            "figures": {f"thousand cycles a second ({row['preset']}, {row['simulator']})":
                        row["kcycles_per_second"] for row in rows}}
