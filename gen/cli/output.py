"""What commands print for people and write for programs."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gen.errors import ThresherError

__all__ = ["out", "check_report_path", "print_mapping", "progress", "write_report", "write_text"]


def out():
    """Console of tables; made anew so that it follows a redirected standard output."""
    # Names and messages may hold square brackets, which are not markup.
    console = Console(markup=False, highlight=False)
    # In a pipe or a log file a table cut at 80 columns would lose words.
    if not console.is_terminal:
        console.width = max(console.width, 140)
    return console


def check_report_path(path):
    """Refuse, before any work is done, a report that could not be written after it; makes its folder."""
    if path is None:
        return
    if path.is_dir():
        raise ThresherError(f"The report {path} is a directory")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ThresherError(f"The folder of the report {path} cannot be made: {error.strerror}") from error
    if not os.access(path.parent, os.W_OK):
        raise ThresherError(f"The folder of the report {path} is not writable")


def plain(value):
    """JSON form of what reports hold beside JSON's own types: NumPy numbers and arrays, paths and sets."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def write_report(path, report):
    """Write a report as JSON so that a reader sees either the old file or the whole new one.

    Parameters
    ----------
    path : pathlib.Path or None
        None writes nothing.
    report : dict
        May hold NumPy numbers and arrays.
    """
    if path is None:
        return
    write_text(path, json.dumps(report, indent=2, default=plain) + "\n")


def write_text(path, text):
    """Write a text file so that a reader sees either the old file or the whole new one."""
    path = Path(path)
    # A temporary file beside the target: renaming is atomic only within a file system.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", text=True)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # mkstemp makes files private; a report has the permissions of any other new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def progress(message):
    """Show that long work goes on: a spinner on a terminal, a line a step elsewhere, on standard error.

    Yields
    ------
    callable
        Called with a new message when the work reaches another step.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(message) as status:
            yield status.update
        return

    def line(text):
        print(f"thresher: {text}", file=sys.stderr, flush=True)

    line(message)
    yield line


def in_words(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(in_words, value))
    return str(value)


def is_table(value):
    return isinstance(value, (list, tuple)) and value and all(isinstance(item, dict) for item in value)


def print_mapping(console, title, mapping):
    """Print a report: plain values in one table, then a table for each inner mapping or list of mappings."""
    rows, inner = [], []
    for key, value in mapping.items():
        if isinstance(value, dict) or is_table(value):
            inner.append((key, value))
        elif value is not None:
            rows.append((key, in_words(value)))
    if rows:
        table = Table(title=title, title_justify="left", show_header=False)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    for key, value in inner:
        heading = f"{title}: {key}"
        if isinstance(value, dict):
            print_mapping(console, heading, value)
            continue
        columns = list(dict.fromkeys(name for item in value for name in item))
        table = Table(*columns, title=heading, title_justify="left")
        for item in value:
            table.add_row(*(in_words(item.get(name, "")) for name in columns))
        console.print(table)
