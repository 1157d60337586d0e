"""The little that area and power need of a Liberty cell library."""

import itertools
import re
from functools import cached_property
from pathlib import Path

from gen.errors import ThresherError
from gen.synth.boolean import compile_function

__all__ = ["GATE_LIBRARY", "CellLibrary"]

#: Our own library of generic gates, whose areas are gate equivalents; it has no timing and no power.
GATE_LIBRARY = Path(__file__).with_name("generic.lib")

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|//[^\n]*|[{}]', re.DOTALL)
_CELL = re.compile(r"\bcell\s*\(\s*\"?([^\s\")]+)\"?\s*\)\s*$")
_PIN = re.compile(r"\bpin\s*\(\s*\"?([^\s\")]+)\"?\s*\)\s*\{")


class CellLibrary:
    """Areas, flip-flops and the NAND gate of a library.

    Parameters
    ----------
    path : path-like
        Liberty file.

    Attributes
    ----------
    path : :class:`pathlib.Path`
    areas : dict of str to float
        Area of each cell in the unit of the library: square micrometres in all that we know of, gate equivalents in
        :data:`GATE_LIBRARY`.
    flip_flops : frozenset of str
        Cells with an ``ff`` group.
    nand2 : float
        Area of the smallest two-input NAND gate.
    head : str
        What stands before the first cell, without comments.
    voltage : float or None
        Nominal supply in volts, where the library says.
    has_timing, has_power : bool
        Whether any cell has delays, and energies of its transitions.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the file cannot be read, is cut short or no Liberty file, or holds no cell with an area, no flip-flop or no
        two-input NAND gate with an area.
    """

    def __init__(self, path):
        self.path = Path(path).resolve()
        self._name = str(path)
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ThresherError(f"Cannot read the Liberty file {self._name!r}: {error.strerror or error}.") from error
        text, depth = _without_comments(text)
        if not text.strip():
            self._refuse("it is empty")
        if not re.search(r"\blibrary\s*\([^)]*\)\s*\{", text):
            self._refuse("it has no library group")
        if depth:
            self._refuse("its braces do not match, as in a file that is cut short")
        self._cells = dict(_cells(text))
        self.areas = {name: area for name, body in self._cells.items() if (area := self._area(name, body)) is not None}
        self.flip_flops = frozenset(name for name, body in self._cells.items() if re.search(r"\bff\s*\(", body))
        for missing, found in (("cell with an area", self.areas), ("flip-flop", self.flip_flops),
                               ("two-input NAND gate with an area, the unit of gate equivalents", self.nand2)):
            if not found:
                self._refuse(f"it has no {missing}")
        self.head = text[:cell.start()] if (cell := re.search(r"\bcell\s*\(", text)) else text
        voltage = re.search(r"\bnom_voltage\s*:\s*\"?([\d.]+)", text)
        self.voltage = float(voltage[1]) if voltage else None
        self.has_timing = re.search(r"\bcell_rise\s*\(", text) is not None
        self.has_power = re.search(r"\binternal_power\s*\(", text) is not None

    def body(self, name):
        """What stands between the braces of a cell."""
        return self._cells[name]

    def _refuse(self, what):
        raise ThresherError(f"{self._name!r} is not a usable Liberty file: {what}.")

    def _area(self, name, body):
        area = re.search(r"\barea\s*:\s*\"?([^\s\";]+)", body)
        if area is None:
            return None
        try:
            value = float(area[1])
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise ThresherError(f"Cell {name!r} of the Liberty file {self._name!r} has the area "
                                f"{area[1]!r}, which is not a number of at least 0.")
        return value

    @cached_property
    def nand2(self):
        return min(self._areas_of(2, [1, 1, 1, 0]), default=(0.0, ""))[0]

    @cached_property
    def inverter(self):
        """Name of the smallest inverter, or None."""
        return min(self._areas_of(1, [1, 0]), default=(0.0, None))[1]

    def _areas_of(self, inputs, table):
        """Area and name of each cell that has one output, of that truth table of so many inputs."""
        return [(area, name) for name, area in self.areas.items()
                if area and _computes(self._cells[name], inputs, table)]


def _without_comments(text):
    """The text without comments, and how many braces are open at its end."""
    kept, last, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0].startswith("/"):
            kept.append(text[last:token.start()])
            last = token.end()
        elif token[0] in "{}":
            depth += 1 if token[0] == "{" else -1
            if depth < 0:
                return text, depth
    return " ".join([*kept, text[last:]]), depth


def _cells(text):
    """Name and body of each ``cell (NAME) { ... }``."""
    depth, name, start, last = 0, None, 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
            if name is None and (match := _CELL.search(text[last:token.start()].rstrip())):
                name, start, outside = match[1], token.end(), depth
            depth += 1
            last = token.end()
        elif token[0] == "}":
            depth -= 1
            last = token.end()
            if name is not None and depth == outside:
                yield name, text[start:token.start()]
                name = None


def _computes(body, inputs, table):
    """Whether a cell has that number of inputs and one output, with that truth table."""
    pins = _PIN.findall(body)
    functions = re.findall(r"\bfunction\s*:\s*\"([^\"]*)\"", body)
    if len(pins) != inputs + 1 or len(functions) != 1 or re.search(r"\b(ff|latch)\s*\(", body):
        return False
    names = sorted(set(re.findall(r"[A-Za-z_]\w*", functions[0])))
    if len(names) != inputs or not set(names) <= set(pins):
        return False
    try:
        function = compile_function(functions[0], names)
    except ThresherError:
        return False
    return [function(1, *values) for values in itertools.product((0, 1), repeat=inputs)] == table
