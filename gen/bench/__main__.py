"""Command line of the benchmark."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gen.bench.figures import TOLERANCE, changes, load_figures, write_figures
from gen.bench.report import markdown, print_changes, print_results
from gen.bench.run import DEFAULT_SECTIONS, RESULTS, SECTIONS, load_results, run_sections
from gen.cli.output import out, progress
from gen.errors import ThresherError

PAGE = Path("docs/results.md")
FIGURES = Path("docs/results.json")
NOT_BY_DEFAULT = [name for name in SECTIONS if name not in DEFAULT_SECTIONS]


def command(
    sections: Annotated[list[str] | None, typer.Argument(
        metavar="[SECTION]...", show_default=False,
        help=f"Of {', '.join(SECTIONS)}; all but {', '.join(NOT_BY_DEFAULT)} when none is named. Or: compare OLD.json "
             "NEW.json, which measures nothing.")] = None,
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="FILE.json", help="Where results are kept.")] = RESULTS,
    write_docs: Annotated[bool, typer.Option(
        "--write-docs", help=f"Write {PAGE} and {FIGURES} of the results; only named sections are measured.")] = False,
    check: Annotated[Path | None, typer.Option(
        metavar="OLD.json", show_default=False,
        help=f"Compare what was measured with earlier results, such as {FIGURES}.")] = None,
):
    """Measure cycles, heads from tokens, accuracy, emission, simulation, netlist, area and clock of `sofa`,
    cycles, emission and area of `butterfly`, and the same of `flaash`.

    The exit code is 1 if a section fails, a bit differs from the golden model, or a figure is worse than before.
    """
    with sentences():
        earlier = None if check is None else load_figures(check)
        if write_docs and not sections:
            results, names = load_results(output), []
            if not results["sections"]:
                raise ThresherError(f"There are no results in {output}; run `make bench` first")
        else:
            names = list(dict.fromkeys(sections or DEFAULT_SECTIONS))
            with progress("benchmarks") as update:
                results = run_sections(names, output, update)
            print_results(out(), results, names)
        if write_docs:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(markdown(results), encoding="utf-8")
            write_figures(FIGURES, results)
        worse = earlier is not None and compared(earlier, load_figures(output))
    if worse or any(failed(results["sections"][name]) for name in names):
        raise typer.Exit(1)


def compare(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", show_default=False)],
):
    """Print the figures that moved by more than 5 % between two files of results.

    Each is a file of the benchmark, or one of figures such as docs/results.json; sections that only one has are left
    out. The exit code is 1 if a figure got worse by more than that, or is gone.
    """
    with sentences():
        worse = compared(load_figures(old), load_figures(new))
    if worse:
        raise typer.Exit(1)


def compared(old, new):
    """Print what moved; whether anything got worse."""
    found = changes(old, new)
    print_changes(out(), found, len(old.keys() & new.keys()), TOLERANCE)
    return any(change.is_worse for change in found)


@contextlib.contextmanager
def sentences():
    """Turn errors into one sentence and the exit code 2."""
    try:
        yield
    except ThresherError as error:
        print(f"thresher: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


def failed(section):
    """Whether a section could not be measured, or a run in it was not bit-exact."""
    return "error" in section or any(
        row.get("bit_exact") is False for rows in section["tables"].values() for row in rows)


def main(arguments=None):
    """Run the command with the arguments of the process, or with others."""
    arguments = sys.argv[1:] if arguments is None else arguments
    app = typer.Typer(add_completion=False)
    if arguments[:1] == ["compare"]:
        app.command()(compare)
        return app(arguments[1:], prog_name="python -m gen.bench compare")
    app.command()(command)
    return app(arguments, prog_name="python -m gen.bench")


if __name__ == "__main__":
    # A system Yosys may be too old for Amaranth.
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")
    main()
