"""Section `netlist`: the shipped head through the netlist that place and route takes, in Icarus."""

import tempfile

from gen.bench.cycles import TOP, cut_head
from gen.bench.heads import save
from gen.simulation import SimulationOptions
from gen.tops.registry import resolve, tops

__all__ = ["measure_netlist"]

PRESET, TARGET = "tiny", "ecp5"


def measure_netlist(update):
    """Synthesise `tiny` and simulate its cells next to the emitted Verilog; see :func:`gen.bench.run.run_sections`."""
    top, parameters = tops()[TOP], resolve(TOP, PRESET, None, [])
    head, rows, reports = cut_head(), [], {}
    with tempfile.TemporaryDirectory() as folder:
        path = save(head, folder)
        for netlist in (None, TARGET):
            what = "emitted Verilog" if netlist is None else f"netlist of {netlist}"
            update(f"netlist: {PRESET}, {what}")
            report = top.simulate(parameters, SimulationOptions(simulator="icarus", input=path, netlist=netlist))
            rows.append({"preset": PRESET, "what": what, "head": head.name, "cycles": report["cycles"],
                         "bit_exact": report["bit_exact"], "kcycles_per_second": report["kcycles_per_second"]})
            reports[f"{PRESET}, {what}"] = {**report, "preset": PRESET}
    return {"tables": {"netlist": rows}, "reports": reports,
            "figures": {"cycles of the netlist, next to those of the emitted Verilog":
                        "equal" if rows[0]["cycles"] == rows[1]["cycles"] else "different",
                        "runs that are bit-exact": f"{sum(row['bit_exact'] for row in rows)} of {len(rows)}"}}
