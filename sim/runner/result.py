"""What a simulation gives back."""

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["RegisterRead", "SimulationResult"]


@dataclass(frozen=True)
class RegisterRead:
    """One `ReadRegister` step's answer."""

    name: str
    address: int
    value: int
    response: str
    cycle: int


@dataclass
class SimulationResult:
    """Outcome of one simulation.

    Cycle numbers count rising clock edges from the first one of the simulation on.

    Attributes
    ----------
    packets : list of bytes
        Output packets, in order; every output word in little-endian byte order.
    registers : dict of str to int
        Registers asked for by ``registers_to_read``, read after the last output word.
    reads : list of RegisterRead
        Answers to the script's reads.
    samples : dict of str to list of (int, int)
        Cycle and value of each answer to ``sample``, by register; empty without.
    cycles : int
        From the first input word accepted to the last output word taken, both included; 0 if there was none.
    input_cycles, output_cycles : list of (int, int)
        Cycle of the first and the last word of each packet.
    output_word_cycles : list of list of int
        Cycle in which each word of each output packet was taken.
    input_words, output_words : int
        Words accepted, words taken.
    fetches : list of int
        Requests for rows, in order.
    fetch_cycles : list of int
        Cycle in which each request was taken.
    total_cycles : int
        Cycles simulated in all, reset and register accesses included.
    violations : list of str
        Broken rules of AXI and X on outputs (`ProtocolError` carries them too).
    seconds, build_seconds : float
        Wall time of the simulation's process, and of the compilation (0 when it came from the cache).
    kcycles_per_second : float
        Thousands of simulated cycles a second, the simulator's start not counted.
    simulator, stall, seed
        How it was run; the same three repeat the run cycle by cycle.
    waves : Path or None
        The waveform file.
    """

    packets: list
    registers: dict
    reads: list
    samples: dict
    cycles: int
    input_cycles: list
    output_cycles: list
    output_word_cycles: list
    input_words: int
    output_words: int
    fetches: list
    fetch_cycles: list
    total_cycles: int
    violations: list
    kcycles_per_second: float
    simulator: str
    stall: float
    seed: int
    seconds: float = 0.0
    build_seconds: float = 0.0
    waves: Path | None = field(default=None)
