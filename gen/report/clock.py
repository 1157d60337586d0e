"""Section: the clock."""

import plotly.graph_objects as go

from gen.report.section import Section, figure

__all__ = ["clock"]


def clock(inputs):
    """Clock of each seed of place and route with its median, cells used, and the longest path."""
    section = Section("Clock")
    if not inputs.clocks:
        return section
    section.text.append("Place and route out of context; a seed is one run of a random search, and the median counts.")
    traces, rows, cells = [], [], []
    for name, report in inputs.clocks.items():
        # nextpnr's runs are numbered from 1.
        seeds = [f"seed {seed}" for seed in range(1, len(report["fmax_all"]) + 1)]
        traces.append(go.Bar(name=name, x=seeds, y=report["fmax_all"],
                             hovertemplate=name + "<br>%{x}: %{y:.1f} MHz<extra></extra>"))
        traces.append(go.Scatter(name="median", x=seeds, y=[report["fmax_mhz"]] * len(seeds), mode="lines+markers",
                                 line={"dash": "dot"}, hovertemplate="median: %{y:.1f} MHz<extra></extra>"))
        path = dict(report.get("critical_path") or {})
        if "through" in path:
            path["through"] = ", ".join(f"{hop['component']} {hop['delay_ns']:g}" for hop in path["through"])
        rows.append({"report": name, "fmax_mhz": report["fmax_mhz"], "lowest": min(report["fmax_all"]),
                     "highest": max(report["fmax_all"]), **path})
        cells += [{"report": name, "kind": kind, "used": counts["used"], "available": counts["available"],
                   "share": counts["used"] / max(1, counts["available"])}
                  for kind, counts in report["utilisation"].items()]
    section.figures["Clock by seed"] = figure(
        *traces, yaxis={"title": {"text": "MHz"}, "rangemode": "tozero"}, barmode="group",
        legend={"orientation": "h", "y": -0.2})
    section.tables = {"Clock and longest path": rows, "Cells used": cells}
    return section
