"""The ports of a top, grouped into the AXI interfaces that they make."""

import re
from dataclasses import dataclass

__all__ = ["CLOCK", "INTERRUPT", "RESET", "Interface", "interfaces"]

#: Ports of every top that belong to no AXI interface.
CLOCK, RESET, INTERRUPT = "clk", "rst", "interrupt"

_PORT = re.compile(r"([sm]_(axi|axis(?:_[a-z]+)?))_([a-z]+)")


@dataclass(frozen=True)
class Interface:
    """One AXI interface of a top.

    Attributes
    ----------
    name : str
        Prefix of its ports, for example ``"s_axis_fetch"``.
    signals : dict of str to dict
        The ports (``name``, ``direction``, ``width``) by the name of the signal in AXI, in lower case.
    """

    name: str
    signals: dict

    @property
    def is_master(self):
        """Whether the top drives it."""
        return self.name.startswith("m_")

    @property
    def is_stream(self):
        """Whether it is AXI4-Stream; otherwise it is AXI4-Lite."""
        return "_axis" in self.name

    @property
    def data_width(self):
        """Bits of its data."""
        return self.signals["tdata" if self.is_stream else "wdata"]["width"]


def interfaces(ports):
    """AXI interfaces among ports.

    Parameters
    ----------
    ports : list of dict
        ``name``, ``direction`` and ``width`` of each, as in a manifest.

    Returns
    -------
    list of :class:`Interface`
        In the order of their first ports; what is left are :data:`CLOCK`, :data:`RESET` and :data:`INTERRUPT`.
    """
    found = {}
    for port in ports:
        if match := _PORT.fullmatch(port["name"]):
            found.setdefault(match[1], {})[match[3]] = port
        else:
            assert port["name"] in (CLOCK, RESET, INTERRUPT), port
    return [Interface(name, signals) for name, signals in found.items()]
