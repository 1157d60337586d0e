"""Command line of the benchmark."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gen.bench.report import markdown, print_results
from gen.bench.run import DEFAULT_SECTIONS, RESULTS, SECTIONS, load_results, run_sections
from gen.cli.output import out, progress
from gen.errors import ThresherError

PAGE = Path("docs/results.md")


def command(
    sections: Annotated[list[str] | None, typer.Argument(
        metavar="[SECTION]...", show_default=False,
        help=f"Of {', '.join(SECTIONS)}; all but pnr when none is named.")] = None,
    output: Annotated[Path, typer.Option(
        "--output", "-o", metavar="FILE.json", help="Where results are kept.")] = RESULTS,
    write_docs: Annotated[bool, typer.Option(
        "--write-docs", help=f"Write {PAGE} from the results; only named sections are measured.")] = False,
):
    """Measure cycles, heads from tokens, accuracy, emission, simulation and area of `sofa`.

    The exit code is 1 if a section fails or a bit differs from the golden model.
    """
    try:
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
    except ThresherError as error:
        print(f"thresher: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    if any(failed(results["sections"][name]) for name in names):
        raise typer.Exit(1)


def failed(section):
    """Whether a section could not be measured, or a run in it was not bit-exact."""
    return "error" in section or any(
        row.get("bit_exact") is False for rows in section["tables"].values() for row in rows)


if __name__ == "__main__":
    # A system Yosys may be too old for Amaranth.
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")
    typer.run(command)
