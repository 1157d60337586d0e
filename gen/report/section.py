"""A section of the page, and how its figures look."""

from dataclasses import dataclass, field

import plotly.graph_objects as go

__all__ = ["COLOURS", "TEMPLATE", "Section", "figure"]

#: Colours that readers with any colour vision tell apart (Okabe and Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Style of all figures; plotly's own are larger than most figures' data.
TEMPLATE = go.layout.Template(layout={
    "colorway": COLOURS, "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#1b1f24"},
    "margin": {"l": 10, "r": 10, "t": 34, "b": 10}, "hoverlabel": {"align": "left"},
    **{axis: {"automargin": True, "gridcolor": "#e6e9ed", "zerolinecolor": "#b8bec6", "linecolor": "#b8bec6"}
       for axis in ("xaxis", "yaxis")}})


@dataclass
class Section:
    """A heading with sentences, figures and tables.

    Parameters
    ----------
    title : str
    text : list of str
        A paragraph each.
    figures : dict of str to plotly.graph_objects.Figure
        By title.
    tables : dict of str to list of dict
        Rows by title; a column is what any row has.
    """

    title: str
    text: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)

    def __bool__(self):
        return bool(self.figures or self.tables)


def figure(*traces, height=320, **layout):
    """A figure in the style of the page; `layout` as plotly takes it."""
    return go.Figure(traces, go.Layout(template=TEMPLATE, height=height, **layout))
