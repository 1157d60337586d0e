"""Section: what each stage of a machine did over time."""

from itertools import pairwise

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gen.report.section import COLOURS, TEMPLATE, Section, figure

__all__ = ["intervals", "stages"]

#: Most intervals of a stage that a figure shows; more are put together.
MOST = 400


def stages(inputs):
    """Utilisation over time, and a Gantt chart, of each run that was sampled."""
    section = Section("Stages over time")
    sampled = {name: report["timeline"] for name, report in inputs.runs.items() if report.get("timeline")}
    if sampled:
        section.text.append(
            "From the machine's counters, read while it worked. Utilisation is what a counter grew by from sample to "
            "sample, over the most that it can. Bars show when a stage worked: where they stand "
            "above one another, stages overlap.")
    for name, timeline in sampled.items():
        section.figures[f"Utilisation over time, {name}"] = utilisation(timeline["stages"])
        section.figures[f"Stage overlap, {name}"] = gantt(timeline["stages"])
        section.tables[f"Stages, {name}"] = [row(stage) for stage in timeline["stages"]]
    return section


def intervals(stage, most=MOST):
    """Intervals of a stage as ``(begin, end, utilisation)``, in cycles; neighbours are put together beyond `most`.

    Parameters
    ----------
    stage : dict
        Of :func:`gen.tops.sofa_stages.timeline`.
    most : int

    Returns
    -------
    list of (int, int, float)
    """
    points, total = [(0, 0)], 0
    for cycle, increment in zip(stage["cycle"], stage["increment"], strict=True):
        total += increment
        points.append((cycle, total))
    step = -(-(len(points) - 1) // most)
    chosen = points[::step] if (len(points) - 1) % step == 0 else [*points[::step], points[-1]]
    return [(begin, end, (after - before) / (stage["capacity"] * (end - begin)))
            for (begin, before), (end, after) in pairwise(chosen)]


def row(stage):
    busy = [(begin, end) for begin, end, share in intervals(stage) if share]
    return {"stage": stage["stage"], "counter": stage["counter"], "counts": sum(stage["increment"]),
            "most_a_cycle": stage["capacity"], "first_busy_by_cycle": busy[0][1] if busy else None,
            "last_busy_by_cycle": busy[-1][1] if busy else None,
            "mean_utilisation": sum(stage["increment"]) / (stage["capacity"] * stage["cycle"][-1])}


def colour(index, stage):
    return "#888888" if stage["waits"] else COLOURS[index % (len(COLOURS) - 1)]


def utilisation(found):
    """A strip for each stage, one below the other."""
    strips = make_subplots(rows=len(found), cols=1, shared_xaxes=True, vertical_spacing=0.02 + 0.1 / len(found),
                           subplot_titles=[stage["stage"] for stage in found])
    for index, stage in enumerate(found):
        spans = intervals(stage)
        # A point stands for the interval that ends at it.
        strips.add_trace(go.Scatter(
            name=stage["stage"], x=[end for _, end, _ in spans], y=[share for _, _, share in spans], mode="lines",
            line={"shape": "vh", "width": 1, "color": colour(index, stage)}, fill="tozeroy",
            hovertemplate="up to cycle %{x}: %{y:.0%}<extra>" + stage["stage"] + "</extra>"), row=index + 1, col=1)
    strips.update_layout(template=TEMPLATE, height=100 + 85 * len(found), showlegend=False)
    strips.update_yaxes(range=[0, 1.05], tickformat=".0%", tickvals=[0, 0.5, 1])
    strips.update_xaxes(title={"text": "cycle"}, row=len(found), col=1)
    strips.update_annotations(font={"size": 12}, x=0, xanchor="left")
    return strips


def gantt(found):
    """Bars where a stage worked, the darker the busier."""
    # A share that differs by less is drawn as one bar: a machine has many samples and few phases.
    steps = 10
    spans = []
    for stage in found:
        joined = []
        for begin, end, share in intervals(stage):
            level = -(-share * steps // 1) / steps
            if joined and joined[-1][2] == level:
                joined[-1][1] = end
            else:
                joined.append([begin, end, level])
        spans += [(stage["stage"], begin, end, level) for begin, end, level in joined if level]
    names, begins, ends, levels = zip(*spans, strict=True)
    bars = go.Bar(
        y=names, base=begins, x=[end - begin for begin, end in zip(begins, ends, strict=True)], orientation="h",
        marker={"color": levels, "colorscale": [[0, "#dcebf5"], [1, "#08306b"]], "cmin": 0, "cmax": 1,
                "showscale": True, "line": {"width": 0},
                "colorbar": {"tickformat": ".0%", "thickness": 10, "title": {"text": "busy", "side": "right"}}},
        customdata=list(zip(begins, ends, levels, strict=True)),
        hovertemplate="%{y}<br>cycles %{customdata[0]} to %{customdata[1]}<br>"
                      "busy up to %{customdata[2]:.0%}<extra></extra>")
    return figure(bars, height=120 + 42 * len(found), xaxis={"title": {"text": "cycle"}},
                  yaxis={"autorange": "reversed", "categoryorder": "array", "automargin": True,
                         "categoryarray": [stage["stage"] for stage in found]})
