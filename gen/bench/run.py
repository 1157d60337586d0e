"""Runs sections of the benchmark and keeps their results."""

import importlib
import json
import time
from pathlib import Path

from gen.bench.versions import machine, revision, versions
from gen.cli.output import write_report
from gen.errors import ThresherError

__all__ = ["DEFAULT_SECTIONS", "RESULTS", "SECTIONS", "load_results", "run_sections"]

#: Where results are kept, from the folder in which the benchmark is started.
RESULTS = Path("build/bench.json")

#: Section to the function that measures it. The function is given a callable that is told what is being done,
#: and returns ``tables`` (title to list of rows), ``figures`` (what to number), perhaps ``notes`` (sentences about
#: what is not measured) and ``reports`` (whole reports of tools), and whatever else is of use.
SECTIONS = {
    "cycles": "gen.bench.cycles:measure_cycles",
    "tokens": "gen.bench.tokens:measure_tokens",
    "accuracy": "gen.bench.survey:measure_accuracy",
    "emission": "gen.bench.emission:measure_emission",
    "simulation": "gen.bench.speed:measure_simulation",
    "paper": "gen.bench.speed:measure_paper",
    "netlist": "gen.bench.netlist:measure_netlist",
    "area": "gen.bench.area:measure_area",
    "estimate": "gen.bench.estimate:measure_estimate",
    "targets": "gen.bench.targets:measure_targets",
    "clock": "gen.bench.clock:measure_clock",
    "pnr": "gen.bench.clock:measure_pnr",
    "butterfly": "gen.bench.butterfly:measure_butterfly",
    "butterfly_emission": "gen.bench.butterfly:measure_emission",
    "butterfly_area": "gen.bench.butterfly_area:measure_area",
    "butterfly_engine": "gen.bench.butterfly_area:measure_engine",
    "flaash": "gen.bench.flaash:measure_flaash",
    "flaash_emission": "gen.bench.flaash:measure_emission",
    "flaash_area": "gen.bench.flaash_area:measure_area",
    "maia": "gen.bench.maia:measure_maia",
}

#: Run only when they are named: compiling the simulation of `paper` takes long, as does placing and routing three seeds
#: of each `ecp5`, and `maia` needs maia-hdl.
DEFAULT_SECTIONS = tuple(name for name in SECTIONS if name not in ("paper", "pnr", "maia"))


def load_results(path=RESULTS):
    """Results of earlier runs; empty ones if there are none.

    Raises
    ------
    ThresherError
        The file is not one of ours.
    """
    path = Path(path)
    if not path.exists():
        return {"sections": {}}
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        return {**results, "sections": dict(results["sections"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ThresherError(f"{path} does not hold results of the benchmark; remove it") from error


def run_sections(names, path=RESULTS, update=lambda message: None):
    """Measure sections, and write the results after each, beside those of the sections that were not named.

    Parameters
    ----------
    names : iterable of str
        Of :data:`SECTIONS`; none for :data:`DEFAULT_SECTIONS`.
    path : path-like
        JSON file, replaced atomically.
    update : callable
        Told what is being done.

    Returns
    -------
    dict
        ``versions``, ``machine``, ``revision`` of the last run, and ``sections``: each with ``tables``,
        ``figures``, ``seconds`` and the ``revision`` and ``versions`` it was measured with; or with
        ``error``.

    Raises
    ------
    ThresherError
        There is no such section, or `path` holds something else.
    """
    names = list(dict.fromkeys(names)) or list(DEFAULT_SECTIONS)
    for name in names:
        if name not in SECTIONS:
            raise ThresherError(
                f"The benchmark has no section {name!r}; its sections are {', '.join(SECTIONS)}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    results = load_results(path)
    about = {"revision": revision(), "versions": versions()}
    results |= {**about, "machine": machine()}
    for name in names:
        module, function = SECTIONS[name].split(":")
        begin = time.perf_counter()
        try:
            section = getattr(importlib.import_module(module), function)(update)
        except (ThresherError, OSError, ValueError) as error:
            # The others are still worth having; whoever reads the results sees that this one is missing.
            section = {"tables": {}, "figures": {}, "error": str(error) or type(error).__name__}
        results["sections"][name] = {**section, "seconds": time.perf_counter() - begin, **about}
        write_report(path, results)
    results["sections"] = {
        name: results["sections"][name] for name in SECTIONS if name in results["sections"]}
    write_report(path, results)
    # Results that were just measured hold NumPy's numbers, earlier ones do not.
    return load_results(path)
