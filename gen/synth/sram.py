"""Area, energy and delay of static memories, from a model with a stated source."""

import dataclasses
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["Macro", "Node", "SramModel", "load_sram_model"]

_SHIPPED = Path(__file__).with_name("sram.toml")
_TEXTS = ("name", "source")


@dataclass(frozen=True)
class Macro:
    """Shape of a memory: words, bits a word, and ports.

    ``clocked`` says whether all its reads are registered, as those of a static memory are.
    """

    words: int
    width: int
    read_ports: int = 1
    write_ports: int = 1
    clocked: bool = True

    @property
    def bits(self):
        return self.words * self.width

    @property
    def name(self):
        """Name of its cell."""
        return f"sram_{self.words}x{self.width}_{self.read_ports}r{self.write_ports}w" + "_async" * (not self.clocked)


@dataclass(frozen=True)
class Node:
    """A technology: feature size, supply, and typical areas of a bit cell and of a two-input NAND gate."""

    feature_nm: float
    voltage: float
    bit_cell_um2: float
    nand2_um2: float


@dataclass(frozen=True)
class SramModel:
    """The model; ``sram.toml`` says what each parameter means.

    Parameters
    ----------
    name, source : str
        For reports.
    nodes : tuple of :class:`Node`
    border_rows, border_columns, port_growth, most_words_in_row : int or float
        Of the area.
    energy_pj, energy_feature_nm, energy_voltage, write_ratio : float
        Of the energy.
    access_ns, input_ff : float
        Of the timing.
    """

    name: str
    source: str
    nodes: tuple
    border_rows: float
    border_columns: float
    port_growth: float
    most_words_in_row: int
    energy_pj: float
    energy_feature_nm: float
    energy_voltage: float
    write_ratio: float
    access_ns: float
    input_ff: float

    def node(self, library=None):
        """The node of a cell library: nearest by its NAND gate, with the library's voltage; the first without one."""
        if library is None:
            return self.nodes[0]
        nearest = min(self.nodes, key=lambda node: abs(math.log(node.nand2_um2 / library.nand2)))
        return dataclasses.replace(nearest, voltage=library.voltage or nearest.voltage)

    def area_um2(self, macro, node):
        """Area in square micrometres, of the best arrangement of words in rows."""
        arrangements = [2**bit for bit in range(int(math.log2(self.most_words_in_row)) + 1)]
        array = min((math.ceil(macro.words / words) + self.border_rows) * (macro.width * words + self.border_columns)
                    for words in arrangements)
        ports = macro.read_ports + macro.write_ports
        return array * node.bit_cell_um2 * (1 + self.port_growth * (ports - 1)) ** 2

    def read_pj(self, macro, node):
        """Energy of a read in picojoules."""
        technology = node.feature_nm / self.energy_feature_nm * (node.voltage / self.energy_voltage) ** 2
        return self.energy_pj * technology * macro.width / 64 * math.sqrt(macro.bits / 65536)

    def write_pj(self, macro, node):
        """Energy of a write in picojoules."""
        return self.write_ratio * self.read_pj(macro, node)

    def delay_ns(self, macro, node):
        """From the clock, or from the address of a read that is not clocked, to the data, in nanoseconds."""
        return self.access_ns * node.feature_nm / self.energy_feature_nm * (macro.bits / 65536) ** 0.25

    def input_farads(self, node):
        """Capacitance of an input in farads."""
        return self.input_ff * 1e-15 * node.feature_nm / self.energy_feature_nm

    def about(self, node):
        """What a report says of the model at a node."""
        return {"name": self.name, "node_nm": node.feature_nm, "voltage": node.voltage, "source": self.source}

    def figures(self, macro, node, library=None):
        """What a report says of a memory."""
        area = self.area_um2(macro, node)
        return {"area_um2": round(area, 1),
                "gate_equivalents": round(area / (library.nand2 if library else node.nand2_um2), 1),
                "read_pj": round(self.read_pj(macro, node), 2), "write_pj": round(self.write_pj(macro, node), 2),
                "access_ns": round(self.delay_ns(macro, node), 2)}


def load_sram_model(path=None):
    """The model of a TOML file over the shipped one; None is the shipped one.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        The file cannot be read, or has an unknown key or a value that is no positive number.
    """
    values = tomllib.loads(_SHIPPED.read_text(encoding="utf-8"))
    if path is not None:
        try:
            own = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ThresherError(f"{str(path)!r} is not a TOML file of a memory model: {error}.") from error
        values |= own
        # Figures that are not all the shipped ones need a source of their own.
        if own and "source" not in own:
            values["source"] = f"{path}; what it does not say: {values['source']}"
    nodes = values.pop("nodes")
    if not isinstance(nodes, list) or not nodes:
        raise ThresherError("A memory model needs at least one node.")
    return _checked(SramModel, {**values, "nodes": tuple(_checked(Node, node) for node in nodes)})


def _checked(kind, values):
    names = [field.name for field in dataclasses.fields(kind)]
    if not isinstance(values, dict) or set(values) != set(names):
        found = ", ".join(values) if isinstance(values, dict) else repr(values)
        raise ThresherError(f"A {kind.__name__} of a memory model has the keys {', '.join(names)}, not {found}.")
    for name, value in values.items():
        if name == "nodes":
            continue
        if name in _TEXTS:
            legal, what = isinstance(value, str), "a text"
        elif name == "most_words_in_row":
            legal = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024
            what = "an integer from 1 to 1024"
        elif name in ("border_rows", "border_columns", "port_growth"):
            legal, what = type(value) in (int, float) and 0 <= value < math.inf, "a number of at least 0"
        else:
            legal, what = type(value) in (int, float) and 0 < value < math.inf, "a number over 0"
        if not legal:
            raise ThresherError(f"{name} of a memory model must be {what}, not {value!r}.")
    return kind(**values)
