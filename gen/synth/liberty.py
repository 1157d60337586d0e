"""The little that area needs of a Liberty cell library."""

import re
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["CellLibrary"]


class CellLibrary:
    """Areas and flip-flops of a library.

    Parameters
    ----------
    path : path-like
        Liberty file.

    Attributes
    ----------
    path : :class:`pathlib.Path`
    areas : dict of str to float
        Area of each cell in the unit of the library: square micrometres in all that we know of.
    flip_flops : frozenset of str
        Cells with an ``ff`` group.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the file cannot be read, or holds no cell with an area, or no flip-flop.
    """

    def __init__(self, path):
        self.path = Path(path).resolve()
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ThresherError(f"Cannot read the Liberty file {str(path)!r}: "
                                f"{error.strerror or error}.") from error
        self.areas, flip_flops = {}, set()
        for name, body in _cells(text):
            if area := re.search(r"\barea\s*:\s*\"?([-+.\deE]+)", body):
                try:
                    self.areas[name] = float(area[1])
                except ValueError:
                    raise ThresherError(f"Cell {name!r} of the Liberty file {str(path)!r} has the area "
                                        f"{area[1]!r}, which is not a number.") from None
            if re.search(r"\bff\s*\(", body):
                flip_flops.add(name)
        self.flip_flops = frozenset(flip_flops)
        if not self.areas or not self.flip_flops:
            what = "no cell with an area" if not self.areas else "no flip-flop"
            raise ThresherError(f"{str(path)!r} is not a usable Liberty file: it has {what}.")


def _cells(text):
    """Name and body of each ``cell (NAME) { ... }``."""
    depth, name, start = 0, None, 0
    header = re.compile(r"\bcell\s*\(\s*\"?([^\s\")]+)\"?\s*\)\s*$")
    last = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|//[^\n]*|[{}]', text, re.DOTALL):
        if token[0] == "{":
            if name is None and (match := header.search(text[last:token.start()].rstrip())):
                name, start, outside = match[1], token.end(), depth
            depth += 1
            last = token.end()
        elif token[0] == "}":
            depth -= 1
            last = token.end()
            if name is not None and depth == outside:
                yield name, text[start:token.start()]
                name = None
