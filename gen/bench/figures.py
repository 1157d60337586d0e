"""The results that are the same on every machine, one a line, and what moved between two sets of them."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from gen.cli.output import write_report
from gen.errors import ThresherError

__all__ = ["TOLERANCE", "Change", "changes", "figures_of", "load_figures", "write_figures"]

#: Share of a figure that may move without being mentioned.
TOLERANCE = 0.05

#: Columns that say which run a row is of, besides all that hold text.
LABELS = frozenset({"queries", "keys", "channels", "keep", "tokens", "seed", "points", "batch", "stall",
                    "density", "portions"})

#: Columns that depend on the machine.
VARYING = frozenset({"seconds", "import_seconds", "lint_seconds", "estimate_seconds", "synthesis_seconds", "peak_mib",
                     "kcycles_per_second"})

#: Columns of single layers, of which there is a mean.
DETAIL = "layer "

#: Columns of which more is worse, and less is worse; others move without being either. A single seed of place and
#: route is a draw: the median counts.
MORE_IS_WORSE = frozenset({
    "cycles", "cycles_per_head", "working", "cells", "luts", "ffs", "dsps", "brams", "latches", "gate_equivalents",
    "area_um2", "verilog_bytes", "lint_findings", "loads", "total", "max_error_over_selected", "points_below_exact"})
LESS_IS_WORSE = frozenset({
    "fmax_mhz", "utilisation", "utilisation_attention", "utilisation_generator", "speedup_vs_dense", "softmax_mass",
    "topk_agreement", "mass", "agreement", "loads_saved", "traffic_saved", "bit_exact", "same_mass"})

SEPARATOR = " / "


def figures_of(results):
    """Figures of the tables of all sections that do not vary from machine to machine.

    Parameters
    ----------
    results : dict
        See :func:`gen.bench.run.run_sections`.

    Returns
    -------
    dict of str to int, float or bool
        By ``section / table / row / column``, sorted; fractions have five digits.
    """
    figures = {}
    for name, section in results["sections"].items():
        for title, rows in section["tables"].items():
            for row in rows:
                labels = {column: value for column, value in row.items() if column in LABELS or isinstance(value, str)}
                which = ", ".join(str(value) if isinstance(value, str) else f"{column} {value:g}"
                                  for column, value in labels.items())
                figures |= {SEPARATOR.join((name, title, which, column)): rounded(value)
                            for column, value in row.items()
                            if column not in labels and column not in VARYING and not column.startswith(DETAIL)
                            and value is not None}
    return dict(sorted(figures.items()))


def rounded(value):
    return float(f"{value:.5g}") if isinstance(value, float) else value


def write_figures(path, results):
    """Write what :func:`figures_of` gives, with the versions of the tools, as JSON with one figure a line."""
    write_report(path, {"figures": figures_of(results), "versions": dict(sorted(results["versions"].items()))})


def load_figures(path):
    """Figures of a file, which holds either them or the whole results of the benchmark.

    Raises
    ------
    ThresherError
        The file does not exist, or is neither.
    """
    path = Path(path)
    if not path.is_file():
        raise ThresherError(f"The file of results {path} does not exist")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        figures = content["figures"] if "figures" in content else figures_of(content)
        if all(isinstance(value, (int, float)) for value in figures.values()):
            return figures
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ThresherError(f"{path} holds neither results of the benchmark nor figures of it")


@dataclass(frozen=True)
class Change:
    """A figure that moved by more than the tolerance, or is there no longer.

    Parameters
    ----------
    figure : str
    old, new : number or None
        ``new`` is None where the section was measured and the figure is gone.
    verdict : str
        ``worse``, ``better``, ``moved`` (neither) or ``gone``.
    """

    figure: str
    old: float
    new: float | None
    verdict: str

    @property
    def share(self):
        """Change as a share of the old figure, infinite from 0."""
        return None if self.new is None else (self.new - self.old) / abs(self.old) if self.old else math.inf * self.new

    @property
    def is_worse(self):
        """Whether this fails a comparison."""
        return self.verdict in ("worse", "gone")


def changes(old, new, tolerance=TOLERANCE):
    """What moved by more than the tolerance; of sections that only one side has, nothing.

    Parameters
    ----------
    old, new : dict of str to number
    tolerance : float

    Returns
    -------
    list of Change
        The worse first, then the gone, then the others, each by the size of the change.
    """
    measured = {figure.split(SEPARATOR)[0] for figure in new}
    found = []
    for figure, before in old.items():
        if figure not in new:
            if figure.split(SEPARATOR)[0] in measured:
                found.append(Change(figure, before, None, "gone"))
        elif abs(new[figure] - before) > tolerance * abs(before):
            found.append(Change(figure, before, new[figure], verdict(figure, new[figure] > before)))
    order = ("worse", "gone", "better", "moved")
    return sorted(found, key=lambda change: (order.index(change.verdict), -abs(change.share or 0), change.figure))


def verdict(figure, grew):
    column = figure.split(SEPARATOR)[-1]
    if column not in MORE_IS_WORSE | LESS_IS_WORSE:
        return "moved"
    return "worse" if (column in MORE_IS_WORSE) == grew else "better"
