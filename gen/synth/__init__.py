"""Area, clock and utilisation of emitted Verilog."""

from gen.synth.pnr import DEVICES, pnr
from gen.synth.synth import DEFAULT_LIBERTY, MACRO_WORDS, synth

__all__ = ["DEFAULT_LIBERTY", "DEVICES", "MACRO_WORDS", "pnr", "synth"]
