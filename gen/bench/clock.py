"""Sections `clock` and `pnr`: how fast the presets run on an ECP5, by place and route."""

import tempfile

from gen.bench.area import TOP, emitted

__all__ = ["measure_clock", "measure_pnr"]

DEVICE = "85k"


def measure_clock(update):
    """Place and route `tiny` with one seed; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "tiny", 1)


def measure_pnr(update):
    """Place and route `ecp5` with three seeds, which takes long; see :func:`gen.bench.run.run_sections`."""
    return measure(update, "ecp5", 3)


def measure(update, preset, seeds):
    """A section: clock, clock of each seed, and cells used, of one preset."""
    from gen.synth import pnr

    update(f"clock: placing and routing {preset} with {seeds} seed{'s' * (seeds != 1)}")
    with tempfile.TemporaryDirectory() as folder:
        verilog, _ = emitted(preset, folder)
        report = pnr(verilog, TOP, device=DEVICE, seeds=seeds)
    about = {"preset": preset, "device": report["device"]}
    path = report["critical_path"] or {}
    return {
        "tables": {
            "place and route": [{**about, "fmax_mhz": report["fmax_mhz"], "lowest": min(report["fmax_all"]),
                                 "highest": max(report["fmax_all"]),
                                 **{key: path.get(key) for key in ("logic_ns", "routing_ns", "stages")}}],
            # nextpnr numbers its runs from 1.
            "clock by seed": [{**about, "seed": seed, "mhz": mhz} for seed, mhz in enumerate(report["fmax_all"], 1)],
            "cells used": [{**about, "kind": kind, **counts, "share": counts["used"] / max(1, counts["available"])}
                           for kind, counts in report["utilisation"].items()]},
        "figures": {f"MHz, {'median of ' if seeds > 1 else ''}{seeds} seed{'s' * (seeds != 1)} "
                    f"({preset}, {report['device']})": report["fmax_mhz"]},
        "reports": {f"{preset}, {DEVICE}": {"top": TOP, **about, **report}}}
