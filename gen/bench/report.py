"""Results of the benchmark as tables for people and as a page of the documentation."""

from rich.table import Table

from gen.cli.output import in_words

__all__ = ["markdown", "print_results"]

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
        "`build/bench.json`. Cycles, shares and areas are the same on every machine with the same tools; "
        "seconds and cycles a second are of one machine, and nothing depends on them.", "",
        *_table([{"tool": name, "version": version or "not installed"}
                 for name, version in results["versions"].items()]), "",
        f"Machine: {results['machine']['cores']} cores, {results['machine']['architecture']}, "
        f"{results['machine']['system']}. Revision: {results['revision'] or 'unknown'}.", ""]
    for name, section in results["sections"].items():
        lines += [f"## {name}", ""]
        if section.get("revision") != results["revision"]:
            lines += [f"Measured at revision {section['revision'] or 'unknown'}.", ""]
        if "error" in section:
            lines += [f"Failed: {section['error']}", ""]
        for title, rows in section["tables"].items():
            lines += [f"### {title[0].upper()}{title[1:]}", "", *_table(rows), ""]
        if section["figures"]:
            lines += ["### Summary", "",
                      *_table([{"what": what, "figure": cell(what, figure)}
                               for what, figure in section["figures"].items()]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows):
    columns = headings(rows)
    body = [[cell(column, row.get(column)).replace("|", "\\|") for column in columns] for row in rows]
    return ["| " + " | ".join(line) + " |"
            for line in ([name.replace("_", " ") for name in columns], ["---"] * len(columns), *body)]
