"""Results of the benchmark as tables for people and as a page of the documentation."""

from rich.table import Table

from gen.cli.output import in_words

__all__ = ["cell", "headings", "markdown", "print_changes", "print_results", "table"]

_SHARES = ("utilisation", "mass", "agreement", "share", "saved", "ratio", "layer ")


def cell(name, value):
    """Text of a value: shares with four digits, other fractions with few."""
    if isinstance(value, float):
        if any(word in name for word in _SHARES):
            return f"{value:.4f}"
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10000:
        return f"{value:,}"
    return "" if value is None else in_words(value)


def headings(rows):
    """Names of all columns, in the order in which they appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def print_results(console, results, names):
    """Print the tables of sections and then their figures."""
    for name in names:
        section = results["sections"].get(name, {})
        for title, rows in section.get("tables", {}).items():
            columns = headings(rows)
            table = Table(*columns, title=f"{name}: {title}", title_justify="left")
            for row in rows:
                table.add_row(*(cell(column, row.get(column)) for column in columns))
            console.print(table)
    summary = Table("what", "figure", title="summary", title_justify="left")
    for name in names:
        section = results["sections"].get(name, {})
        for what, figure in section.get("figures", {}).items():
            summary.add_row(f"{name}: {what}", cell(what, figure))
        if "error" in section:
            summary.add_row(f"{name}: failed", section["error"])
    console.print(summary)


def print_changes(console, found, compared, tolerance):
    """Print what moved between two sets of figures.

    Parameters
    ----------
    console : rich.console.Console
    found : list of gen.bench.figures.Change
    compared : int
        Figures that both sides have.
    tolerance : float
    """
    if found:
        table = Table("figure", "old", "new", "change", "is", title=f"moved by more than {100 * tolerance:g} %",
                      title_justify="left")
        for change in found:
            column = change.figure.split(" / ")[-1]
            share = "" if change.share is None else f"{100 * change.share:+.1f} %"
            table.add_row(change.figure, cell(column, change.old), cell(column, change.new), share, change.verdict)
        console.print(table)
    worse = sum(change.is_worse for change in found)
    console.print(f"{compared} figures compared; {len(found)} moved by more than {100 * tolerance:g} %, {worse} of "
                  "them for the worse or gone.")


def markdown(results):
    """The page ``docs/results.md``.

    Parameters
    ----------
    results : dict
        See :func:`gen.bench.run.run_sections`.

    Returns
    -------
    str
    """
    lines = [
        "# Measured results", "",
        "Made by `make bench` and `python -m gen.bench --write-docs`; the full results are in "
        "`build/bench.json`. Cycles, shares, areas and clocks are the same on every machine with the same tools, and "
        "are also in `docs/results.json`, one figure a line; seconds and cycles a second are of one machine, and "
        "nothing depends on them.", "",
        *table([{"tool": name, "version": version or "not installed"}
                 for name, version in results["versions"].items()]), "",
        f"Machine: {results['machine']['cores']} cores, {results['machine']['architecture']}, "
        f"{results['machine']['system']}. Revision: {results['revision'] or 'unknown'}.", ""]
    for name, section in results["sections"].items():
        lines += [f"## {name}", ""]
        if section.get("revision") != results["revision"]:
            lines += [f"Measured at revision {section['revision'] or 'unknown'}.", ""]
        if "error" in section:
            lines += [f"Failed: {section['error']}", ""]
        for note in section.get("notes", ()):
            lines += [note, ""]
        for title, rows in section["tables"].items():
            lines += [f"### {title[0].upper()}{title[1:]}", "", *table(rows), ""]
        if section["figures"]:
            lines += ["### Summary", "",
                      *table([{"what": what, "figure": cell(what, figure)}
                               for what, figure in section["figures"].items()]), ""]
    return "\n".join(lines).rstrip() + "\n"


def table(rows):
    columns = headings(rows)
    body = [[cell(column, row.get(column)).replace("|", "\\|") for column in columns] for row in rows]
    return ["| " + " | ".join(line) + " |"
            for line in ([name.replace("_", " ") for name in columns], ["---"] * len(columns), *body)]
