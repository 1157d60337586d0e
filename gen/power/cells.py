"""What the cells of a Liberty library compute, for words of one bit a cycle, and what their transitions take."""

import re
from dataclasses import dataclass

import numpy as np

from gen.errors import ThresherError
from gen.power.group import Group, parse_groups
from gen.synth.boolean import compile_function

__all__ = ["Cell", "Table", "Units", "read_cells", "read_units"]

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}
#: Attributes of the head that a library which is read beside another repeats.
_SHARED = ("time_unit", "voltage_unit", "current_unit", "leakage_power_unit", "nom_voltage", "nom_process",
           "nom_temperature",
           *(f"slew_{side}_threshold_pct_{edge}" for side in ("lower", "upper") for edge in ("rise", "fall")),
           *(f"{side}_threshold_pct_{edge}" for side in ("input", "output") for edge in ("rise", "fall")))


@dataclass(frozen=True)
class Units:
    """Units of a library in seconds, farads and watts, its tables' variables, and lines for a library beside it.

    ``variables`` maps each template of tables to the names of its variables.
    """

    time: float
    capacitance: float
    leakage: float
    variables: dict
    lines: tuple


@dataclass(frozen=True)
class Table:
    """A table of a library over the load of an output and the transition time of an input, either or neither."""

    loads: np.ndarray
    slews: np.ndarray
    values: np.ndarray

    def at(self, loads, slews):
        """Bilinear interpolation at arrays of loads and transition times; beyond the table its edge holds."""
        row, down = _place(self.loads, loads)
        column, right = _place(self.slews, slews)
        next_row, next_column = np.minimum(row + 1, len(self.loads) - 1), np.minimum(column + 1, len(self.slews) - 1)
        return ((1 - down) * ((1 - right) * self.values[row, column] + right * self.values[row, next_column])
                + down * ((1 - right) * self.values[next_row, column] + right * self.values[next_row, next_column]))


@dataclass(frozen=True)
class Cell:
    """A combinational cell or a flip-flop with a rising clock.

    Attributes
    ----------
    inputs : tuple of str
    outputs : dict of str to callable
        By output, a function of a mask and of the inputs' values, integers with a bit a cycle; of a flip-flop's state
        and its complement instead.
    state, clock : str or None
        The input that a flip-flop takes, and its clock.
    capacitances : dict of str to float
        Of each pin.
    leakage : float
    energies : dict of (str, str or None) to list of :class:`Table`
        Energy of a rise and of a fall, of an output for a change of the input that causes it, or of a pin alone.
    slews : dict of str to list of :class:`Table`
        Transition times of each output.

    All in the units of the library.
    """

    inputs: tuple
    outputs: dict
    state: str | None
    clock: str | None
    capacitances: dict
    leakage: float
    energies: dict
    slews: dict


def read_units(library):
    """Units of a :class:`gen.synth.liberty.CellLibrary`.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If it does not give them in a form that we know.
    """
    text = library.head
    time = re.search(r"\btime_unit\s*:\s*\"?([\d.]+)\s*([a-z]?)s\"?", text)
    load = re.search(r"\bcapacitive_load_unit\s*\(\s*\"?([\d.]+)\"?\s*,\s*\"?([a-zA-Z])[fF]\"?\s*\)", text)
    leakage = re.search(r"\bleakage_power_unit\s*:\s*\"?([\d.]*)\s*([a-z]?)W\"?", text)
    if not time or not load or load[2].lower() not in _PREFIX:
        raise ThresherError(f"{library.path.name} does not give its units of time and capacitance.")
    lines = [match[0] for name in _SHARED if (match := re.search(rf"\b{name}\s*:[^;]*;", text))]
    templates = re.findall(r"\b(?:lu_table|power_lut)_template\s*\(\s*\"?(\w+)\"?\s*\)\s*\{([^}]*)\}", text)
    variables = {name: re.findall(r"\bvariable_\d\s*:\s*\"?(\w+)", body) for name, body in templates}
    return Units(float(time[1]) * _PREFIX[time[2]], float(load[1]) * _PREFIX[load[2].lower()],
                 float(leakage[1] or 1) * _PREFIX[leakage[2]] if leakage else 1e-9, variables, (*lines, load[0] + ";"))


def read_cells(library, names, units):
    """The cells of those names in a library, as a dict of :class:`Cell`.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If one is neither combinational nor a plain flip-flop with a rising clock.
    """
    return {name: _cell(name, parse_groups(library.body(name)), units) for name in names}


def _cell(name, group, units):
    pins = {pin.arguments[0]: pin for pin in group.all("pin") if pin.arguments}
    inputs = tuple(pin for pin, entry in pins.items() if entry.attributes.get("direction") == "input")
    functions = {pin: entry.attributes["function"] for pin, entry in pins.items() if "function" in entry.attributes}
    state = clock = None
    operands = inputs
    if registers := group.all("ff"):
        operands = tuple(registers[0].arguments)
        clock, state = (registers[0].attributes.get(key, "").strip("() ") for key in ("clocked_on", "next_state"))
        if clock not in inputs or state not in inputs or len(operands) != 2 or {"clear", "preset"} & set(
                registers[0].attributes):
            raise ThresherError(f"The netlist has the flip-flop {name!r}, which is not one of D and a rising clock.")
    elif not functions or group.all("latch"):
        raise ThresherError(f"The netlist has the cell {name!r}, which is neither logic nor a flip-flop.")
    energies, slews = {}, {}
    for pin, entry in pins.items():
        for power in entry.all("internal_power"):
            for related in power.attributes.get("related_pin", "").split() or [None]:
                tables = _tables(power, ("rise_power", "fall_power"), ("power", "power"), units)
                energies.setdefault((pin, related), []).extend([tables] if tables else [])
        for timing in entry.all("timing"):
            slews.setdefault(pin, []).extend(_tables(timing, ("rise_transition", "fall_transition"), (), units))
    capacitances = {pin: entry.number("capacitance") for pin, entry in pins.items()}
    outputs = {pin: compile_function(function, operands) for pin, function in functions.items()}
    return Cell(inputs, outputs, state, clock, capacitances, group.number("cell_leakage_power"), energies, slews)


def _tables(group, names, fallback, units):
    """The tables of a rise and of a fall; one stands for both where there is only one."""
    found = [table for name in names for table in group.all(name)] or [
        table for name in fallback for table in group.all(name)]
    tables = [_table(table, units) for table in found]
    return tables * 2 if len(tables) == 1 else tables


def _table(group: Group, units):
    values = [[float(number) for number in re.split(r"[,\s]+", row.strip()) if number]
              for row in group.attributes["values"]]
    variables = units.variables.get(group.arguments[0] if group.arguments else "", [])
    axes = [np.array([float(number) for number in re.split(r"[,\s]+", " ".join(group.attributes[key]).strip())])
            for key in ("index_1", "index_2") if key in group.attributes]
    table = np.array(values, dtype=float)
    table = table.reshape([len(axis) for axis in axes] or [1])
    nothing = np.zeros(1)
    if len(axes) == 2:
        first_is_load = not variables or "capacitance" in variables[0]
        loads, slews = axes if first_is_load else axes[::-1]
        return Table(loads, slews, table if first_is_load else table.T)
    if len(axes) == 1:
        if variables and "capacitance" in variables[0]:
            return Table(axes[0], nothing, table.reshape(-1, 1))
        return Table(nothing, axes[0], table.reshape(1, -1))
    return Table(nothing, nothing, table.reshape(1, 1))


def _place(axis, points):
    """Index of the interval of each point, and how far in it the point is."""
    points = np.clip(points, axis[0], axis[-1])
    index = np.clip(np.searchsorted(axis, points, side="right") - 1, 0, max(0, len(axis) - 2))
    if len(axis) == 1:
        return index, np.zeros(len(points))
    return index, (points - axis[index]) / (axis[index + 1] - axis[index])
