"""Sections `clock` and `pnr`: how fast the presets run on an ECP5, by place and route."""

import tempfile

from gen.bench.area import emitted
from gen.tops.registry import tops

__all__ = ["measure_clock", "measure_pnr"]

DEVICE = "85k"


def measure_clock(update):
    """Place and route `tiny` of each top with one seed; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "tiny", 1)


def measure_pnr(update):
    """Place and route `ecp5` of each top with three seeds; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "ecp5", 3)


def measure(update, preset, seeds):
    """A section: clock, clock of each seed, and cells used, of one preset of each top."""
    from gen.synth import pnr

    clocks, by_seed, cells, figures, reports = [], [], [], {}, {}
    number = f"{seeds} seed{'s' * (seeds != 1)}"
    for top in tops():
        update(f"clock: placing and routing {top} {preset} with {number}")
        with tempfile.TemporaryDirectory() as folder:
            verilog, _ = emitted(preset, folder, name=top)
            report = pnr(verilog, top, device=DEVICE, seeds=seeds)
        about = {"top": top, "preset": preset, "device": report["device"]}
        path = report["critical_path"] or {}
        clocks.append({**about, "fmax_mhz": report["fmax_mhz"], "lowest": min(report["fmax_all"]),
                       "highest": max(report["fmax_all"]),
                       **{key: path.get(key) for key in ("logic_ns", "routing_ns", "stages")}})
        # nextpnr numbers its runs from 1.
        by_seed += [{**about, "seed": seed, "mhz": mhz} for seed, mhz in enumerate(report["fmax_all"], 1)]
        cells += [{**about, "kind": kind, **counts, "share": counts["used"] / max(1, counts["available"])}
                  for kind, counts in report["utilisation"].items()]
        figures[f"MHz, {'median of ' * (seeds > 1)}{number} ({top}, {preset}, {DEVICE})"] = report["fmax_mhz"]
        reports[f"{top}, {preset}, {DEVICE}"] = {**about, **report}
    return {"tables": {"place and route": clocks, "clock by seed": by_seed, "cells used": cells}, "figures": figures,
            "reports": reports}
