# amaranth: UnusedElaboratable=no
# Registers are read off a top that is never elaborated.
"""What all tops have in common: presets, and an engine in a shell."""

import dataclasses
import importlib.metadata

from hw.shell import Shell

__all__ = ["Top"]

#: Targets with a form of multipliers and memories of their own.
_VENDORS = {"ecp5": "ecp5", "xilinx": "xilinx", "vivado": "xilinx"}


class Top:
    """A top: an engine behind an AXI shell.

    Attributes
    ----------
    name, summary : str
    parameters_class, engine_class : type
        The engine takes an object of its parameters, which have at least ``vendor`` and ``counters``.
    remedies : dict of str to str
        Parameters that decide how much of each resource of an FPGA a design takes.
    """

    def presets(self):
        """Named parameter sets."""
        from gen.tops.registry import load_presets

        return load_presets(self.name)

    def build(self, parameters, target="generic"):
        """The top as an Amaranth component, with multipliers and memories of the target unless the vendor is set."""
        if parameters.vendor == "generic" and target in _VENDORS:
            parameters = dataclasses.replace(parameters, vendor=_VENDORS[target])
        return Shell(self.engine_class(parameters), self.name, importlib.metadata.version("thresher"),
                     counters=parameters.counters)
