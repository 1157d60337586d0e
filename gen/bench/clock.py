"""Sections `clock`, `placement` and `pnr`: how fast the presets run on an ECP5, by place and route."""

import tempfile

from gen.bench.area import emitted
from gen.tops.registry import tops

__all__ = ["measure_clock", "measure_placement", "measure_pnr"]

DEVICE = "85k"


def measure_clock(update):
    """Place and route `tiny` of each top with one seed; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "tiny", 1)


def measure_placement(update):
    """Place `ecp5` of each top with three seeds, and do not route; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "ecp5", 3, route=False)


def measure_pnr(update):
    """Place and route `ecp5` of each top with three seeds, which the router need not end; see
    :func:`gen.bench.run.run_sections`."""
    return measure(update, "ecp5", 3)


def measure(update, preset, seeds, route=True):
    """A section: clock, clock of each seed, and cells used, of one preset of each top."""
    from gen.synth import pnr

    clocks, by_seed, cells, figures, reports = [], [], [], {}, {}
    number = f"{seeds} seed{'s' * (seeds != 1)}"
    for top in tops():
        update(f"clock: placing{' and routing' * route} {top} {preset} with {number}")
        with tempfile.TemporaryDirectory() as folder:
            verilog, _ = emitted(preset, folder, name=top)
            report = pnr(verilog, top, device=DEVICE, seeds=seeds, route=route)
        about = {"top": top, "preset": preset, "device": report["device"]}
        path = report["critical_path"] or {}
        clocks.append({**about, "fmax_mhz": report["fmax_mhz"], "lowest": min(report["fmax_all"]),
                       "highest": max(report["fmax_all"]),
                       **{key: path.get(key) for key in ("logic_ns", "routing_ns", "stages")}})
        # nextpnr numbers its runs from 1.
        by_seed += [{**about, "seed": seed, "mhz": mhz} for seed, mhz in enumerate(report["fmax_all"], 1)]
        cells += [{**about, "kind": kind, **counts, "share": counts["used"] / max(1, counts["available"])}
                  for kind, counts in report["utilisation"].items()]
        figures[f"MHz, {'median of ' * (seeds > 1)}{number}{', placed only' * (not route)} ({top}, {preset}, "
                f"{DEVICE})"] = report["fmax_mhz"]
        reports[f"{top}, {preset}, {DEVICE}{', placed only' * (not route)}"] = {**about, **report}
    return {"tables": {"place and route" if route else "placement alone": clocks, "clock by seed": by_seed,
                       "cells used": cells}, "figures": figures, "reports": reports}
