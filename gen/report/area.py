"""Section: where the area goes."""

import itertools
import re

import plotly.graph_objects as go

from gen.report.section import COLOURS, Section, figure

__all__ = ["area", "module_tree"]

#: What a map's areas are, in the order of preference: the first that the report has.
MEASURES = {"area_um2": "square micrometres", "gate_equivalents": "gate equivalents", "luts": "look-up tables",
            "cells": "cells"}
LARGEST = 15
#: Level of the hierarchy that is told apart by colour.
COLOURED = 4
BY_STAGE = re.compile(r"by stage, hierarchy kept: (.*)")


def area(inputs):
    """A map of the modules of each synthesised design, its largest modules, and the benchmark's stages."""
    section = Section("Area", ["Maps show the hierarchy: a box is all copies of a module within another; click to "
                               "enter it. Modules were synthesised one by one, so that their sum is somewhat larger "
                               "than a flattened design."])
    stages = {} if inputs.bench is None else {
        match[1]: rows for title, rows in inputs.bench["sections"].get("area", {"tables": {}})["tables"].items()
        if (match := BY_STAGE.fullmatch(title))}
    if stages:
        section.figures["Look-up tables by stage, benchmark"] = stage_bars(stages)
    for name, report in inputs.areas.items():
        measure = next((key for key in MEASURES if any(module.get(key) for module in report["modules"].values())), None)
        if measure is None:
            continue
        # Reports of earlier versions do not tell what is in what.
        if all("children" in module for module in report["modules"].values()):
            section.figures[f"{MEASURES[measure].capitalize()} by module, {name}"] = module_map(report["modules"],
                                                                                                 measure)
        section.tables[f"Largest modules, {name}"] = largest(report["modules"], measure)
    return section


def module_tree(modules, measure):
    """Nodes of the hierarchy, all copies of a module within another as one.

    Parameters
    ----------
    modules : dict of str to dict
        As :func:`gen.synth.synth` reports them, the top first.
    measure : str
        Key of a count.

    Returns
    -------
    list of dict
        ``path`` (names from the top on, joined by ``/``), ``parent`` (path, empty for the top), ``module``,
        ``copies`` in the parent, and ``total``, the measure of all these copies with what is in them. What is in
        no submodule is the node ``(own)``.
    """
    nodes = []

    def visit(name, parent, copies, total_copies):
        path, module = f"{parent}/{name}".lstrip("/"), modules[name]
        if not module[measure]:
            return
        nodes.append({"path": path, "parent": parent, "module": name, "copies": copies,
                      "total": module[measure] * total_copies})
        children = module["children"]
        for kind, number in children.items():
            visit(kind, path, number, total_copies * number)
        if children and module["own"][measure]:
            nodes.append({"path": f"{path}/(own)", "parent": path, "module": "(own)", "copies": 1,
                          "total": module["own"][measure] * total_copies})

    visit(next(iter(modules)), "", 1, 1)
    return nodes


def module_map(modules, measure):
    nodes = module_tree(modules, measure)
    top = nodes[0]["module"]
    texts = [node["module"].removeprefix(f"{top}_") + (f" × {node['copies']}" if node["copies"] > 1 else "")
             for node in nodes]
    # What is large in a machine is some levels down, and gets a colour with all that is in it.
    parts = ["/".join(node["path"].split("/")[:COLOURED]) for node in nodes]
    palette = dict(zip(dict.fromkeys(part for part in parts if part.count("/") == COLOURED - 1),
                       itertools.cycle(COLOURS[:6]), strict=False))
    # Sums of rounded areas may miss that of the parent by less than a unit, which "total" does not forgive.
    values = {node["path"]: node["total"] for node in nodes}
    for node in reversed(nodes):
        inner = sum(values[child["path"]] for child in nodes if child["parent"] == node["path"])
        values[node["path"]] = max(values[node["path"]], inner)
    return figure(go.Treemap(
        ids=[node["path"] for node in nodes], parents=[node["parent"] for node in nodes], labels=texts,
        values=list(values.values()), branchvalues="total", maxdepth=4, tiling={"pad": 2},
        marker={"colors": [palette.get(part, "#d5dae0") for part in parts]},
        texttemplate="%{label}<br>%{value:,.0f}",
        hovertemplate="%{id}<br>%{value:,.0f} " + MEASURES[measure] + "<br>%{percentRoot:.1%} of all<extra></extra>",
    ), height=460)


def largest(modules, measure):
    kinds = ("luts", "ffs", "dsps", "brams", "gate_equivalents", "area_um2")
    total = next(iter(modules.values()))[measure]
    own = sorted(modules.items(), key=lambda item: -item[1]["own"][measure] * item[1]["instances"])[:LARGEST]
    return [{"module": name, "copies": module["instances"],
             **{kind: module["own"][kind] * module["instances"] for kind in kinds
                if module["own"].get(kind) is not None},
             "share": module["own"][measure] * module["instances"] / total} for name, module in own]


def stage_bars(stages):
    names = list(dict.fromkeys(row["stage"] for rows in stages.values() for row in rows))
    traces = []
    for name in names:
        counts = [next((row["luts"] for row in rows if row["stage"] == name), 0) for rows in stages.values()]
        shares = [count / max(1, sum(row["luts"] for row in rows))
                  for count, rows in zip(counts, stages.values(), strict=True)]
        traces.append(go.Bar(name=name, x=shares, y=list(stages), orientation="h", customdata=counts,
                             hovertemplate=f"{name}<br>%{{customdata:,}} look-up tables<br>%{{x:.1%}}<extra></extra>"))
    return figure(*traces, height=140 + 60 * len(stages), barmode="stack", xaxis={"tickformat": ".0%"},
                  legend={"orientation": "h", "y": -0.25, "traceorder": "normal"})
