"""Area, clock and utilisation of emitted Verilog."""

from gen.synth.pnr import DEVICES, pnr
from gen.synth.synth import DEFAULT_LIBERTY, MACRO_WORDS, synth
from gen.synth.xilinx import FAMILIES

__all__ = ["DEFAULT_LIBERTY", "DEVICES", "FAMILIES", "MACRO_WORDS", "pnr", "synth"]
