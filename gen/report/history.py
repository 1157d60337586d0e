"""Section: cycles, area and clock next to earlier results that were committed."""

import json
import subprocess
from pathlib import Path

import plotly.graph_objects as go

from gen.bench.figures import SEPARATOR, TOLERANCE, changes, figures_of
from gen.report.section import COLOURS, Section, figure

__all__ = ["committed", "history"]

#: The checkout; what is installed as a wheel has no history.
ROOT = Path(__file__).parents[2]
FILE = "docs/results.json"

#: Sections and columns that are shown however little they moved.
SHOWN = {"cycles": {"cycles"}, "tokens": {"cycles"}, "area": {"luts", "ffs", "gate_equivalents"},
         "targets": {"luts", "gate_equivalents"}, "clock": {"fmax_mhz"}, "pnr": {"fmax_mhz"}}
NOT_SHOWN = ("by stage", "gates by stage")
MOST_REVISIONS = 30


def committed(root=ROOT):
    """Figures of each revision of ``docs/results.json``, the oldest first.

    Returns
    -------
    list of (str, dict)
        Date with short revision, and figures. Without Git, what the file holds; nothing without the file.
    """
    found = []
    for line in git(root, "log", f"-{MOST_REVISIONS}", "--format=%cs %h", "--", FILE).splitlines():
        try:
            found.append((line, json.loads(git(root, "show", f"{line.split()[1]}:{FILE}"))["figures"]))
        except (ValueError, KeyError, TypeError):
            # The revision that removed the file, or one that wrote it otherwise.
            continue
    if not found:
        try:
            found = [("committed", json.loads((Path(root) / FILE).read_text(encoding="utf-8"))["figures"])]
        except (OSError, ValueError, KeyError, TypeError):
            return []
    return found[::-1]


def git(root, *arguments):
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True,
                              stdin=subprocess.DEVNULL, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def history(inputs, revisions=None):
    """Change of the main figures against the latest committed ones, and their course over revisions."""
    section = Section("Against earlier results")
    revisions = committed() if revisions is None else revisions
    if inputs.bench is None or not revisions:
        return section
    now, (latest, before) = figures_of(inputs.bench), revisions[-1]
    names = [name for name in before if shown(name) and before[name] and name in now]
    if not names:
        return section
    section.text.append(f"Main figures of these results next to {FILE} of {latest}; for cycles and area less is "
                        "better, for the clock more.")
    section.figures["Change since the last committed results"] = bars(names, before, now)
    if len(revisions) > 1:
        section.figures["Course over revisions"] = course(names, [*revisions, ("now", now)])
    section.tables["Main figures"] = [
        {"figure": name, "committed": before[name], "now": now[name],
         "change": f"{100 * (now[name] / before[name] - 1):+.1f} %"} for name in names]
    moved = changes(before, now)
    section.tables[f"All figures that moved by more than {100 * TOLERANCE:g} %"] = [
        {"figure": change.figure, "committed": change.old, "now": change.new, "is": change.verdict} for change in moved
    ] or [{"figure": "none"}]
    return section


def shown(name):
    section, title, *_, column = name.split(SEPARATOR)
    return column in SHOWN.get(section, ()) and not title.startswith(NOT_SHOWN)


def short(name):
    section, _, which, column = name.split(SEPARATOR)
    return f"{column} · {which} ({section})"


def bars(names, before, now):
    shares = [now[name] / before[name] - 1 for name in names]
    return figure(go.Bar(
        x=shares, y=[short(name) for name in names], orientation="h", width=0.3, textposition="outside",
        text=[f"{share:+.1%}" if abs(share) >= 0.0005 else "" for share in shares],
        marker={"color": [COLOURS[0] if abs(share) <= TOLERANCE else COLOURS[1] for share in shares]},
        customdata=[[before[name], now[name]] for name in names],
        hovertemplate="%{y}<br>%{customdata[0]:,} → %{customdata[1]:,}<extra></extra>"),
        height=90 + 38 * len(names),
        xaxis={"tickformat": "+.0%", "zeroline": True, "range": [min(-0.1, *shares) * 1.2, max(0.1, *shares) * 1.2]},
        yaxis={"autorange": "reversed", "showticklabels": False},
        # Above the bars, as long names would leave no room for them on a narrow screen.
        annotations=[{"text": short(name), "x": 0, "xref": "paper", "xanchor": "left", "y": index, "yshift": 13,
                      "showarrow": False, "font": {"size": 11}} for index, name in enumerate(names)])


def course(names, revisions):
    traces = []
    for name in names:
        known = [(title, figures[name]) for title, figures in revisions if figures.get(name)]
        traces.append(go.Scatter(
            name=short(name), x=[title for title, _ in known], y=[value / known[0][1] for _, value in known],
            customdata=[value for _, value in known], mode="lines+markers",
            hovertemplate="%{x}: %{customdata:,}<extra>" + short(name) + "</extra>"))
    return figure(*traces, height=420, showlegend=False,
                  yaxis={"tickformat": ".0%", "title": {"text": "of its first value"}},
                  xaxis={"type": "category", "categoryorder": "array",
                         "categoryarray": [title for title, _ in revisions]})
