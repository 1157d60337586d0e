"""What a page is made of: JSON files of the benchmark and of `thresher sim`, `synth` and `pnr`."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["Inputs", "read_inputs"]

#: What each kind of report must hold, by which it is recognised; tried in this order.
KINDS = {
    "bench": {"sections": dict, "versions": dict},
    "clocks": {"fmax_all": list, "fmax_mhz": (int, float), "device": str, "utilisation": dict},
    "areas": {"target": str, "modules": dict, "cells": int},
    "runs": {"bit_exact": bool, "cycles": int, "parameters": dict},
}


@dataclass
class Inputs:
    """Reports by kind; each with the name that the page calls it.

    Parameters
    ----------
    bench : dict or None
        Results of the benchmark.
    runs, areas, clocks : dict of str to dict
        Reports of `thresher sim`, `synth` and `pnr`: those of files, and those in the benchmark's results.
    """

    bench: dict | None = None
    runs: dict = field(default_factory=dict)
    areas: dict = field(default_factory=dict)
    clocks: dict = field(default_factory=dict)


def read_inputs(paths):
    """Read report files and sort them by kind.

    Parameters
    ----------
    paths : iterable of path-like

    Returns
    -------
    Inputs

    Raises
    ------
    ThresherError
        A file is missing, is not JSON, or not a report of a kind that a page shows; or two hold the benchmark.
    """
    inputs = Inputs()
    for path in dict.fromkeys(map(Path, paths)):
        report = read_json(path)
        kind = kind_of(report)
        if kind is None:
            raise ThresherError(f"{path} is not a report of `thresher sim`, `synth` or `pnr`, nor results of "
                                "`python -m gen.bench`")
        if kind == "bench":
            if inputs.bench is not None:
                raise ThresherError(f"{path} is the second file with results of the benchmark; a page shows one")
            inputs.bench = report
            for name, section in report["sections"].items():
                for title, inner in section.get("reports", {}).items():
                    add(inputs, f"benchmark, {name}: {title}", inner)
        else:
            add(inputs, f"{path.name}: {title_of(report)}", report)
    return inputs


def read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ThresherError(f"The report {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ThresherError(f"The report {path} is not JSON: {error}") from error


def kind_of(report):
    """Kind of a report, None if a page has no place for it."""
    if not isinstance(report, dict):
        return None
    return next((kind for kind, needs in KINDS.items()
                 if all(isinstance(report.get(key), types) for key, types in needs.items())), None)


def add(inputs, title, report):
    kind = kind_of(report)
    if kind not in (None, "bench"):
        getattr(inputs, kind)[title] = report


def title_of(report):
    words = (report.get(key) for key in ("top", "preset", "target", "device", "simulator"))
    return ", ".join(word for word in words if isinstance(word, str))
