"""Section: what the page was made of."""

from gen.report.section import Section

__all__ = ["summary"]

OF_RUNS = ("simulator", "bit_exact", "cycles", "utilisation", "speedup_vs_dense", "softmax_mass", "keep", "stall")
OF_AREAS = ("target", "cells", "luts", "ffs", "dsps", "brams", "gate_equivalents", "area_um2", "memory_bits")
OF_CLOCKS = ("device", "fmax_mhz", "fmax_all")


def summary(inputs):
    """The main figures of each report, and the sections of the benchmark."""
    section = Section("Summary")
    for title, reports, keys in (("Simulations", inputs.runs, OF_RUNS), ("Areas", inputs.areas, OF_AREAS),
                                 ("Clocks", inputs.clocks, OF_CLOCKS)):
        rows = [{"report": name, **{key: report[key] for key in keys if report.get(key) is not None}}
                for name, report in reports.items()]
        if rows:
            section.tables[title] = rows
    if inputs.bench is not None:
        section.tables["Sections of the benchmark"] = [
            {"section": name, "revision": measured.get("revision"), "seconds": measured.get("seconds"),
             "outcome": measured.get("error", "measured")} for name, measured in inputs.bench["sections"].items()]
    return section
