"""Emitted Verilog of a top, for tests that run packets through it, and what several of them do."""

import os
from dataclasses import dataclass
from typing import ClassVar

from gen.emit import emit_cached
from gen.tops.registry import resolve, tops
from sim.runner import (
    PauseInput,
    ResumeInput,
    WaitCycles,
    WaitInputPackets,
    WaitInputWords,
    WaitRegister,
    WriteRegister,
    simulate,
)

__all__ = ["EmittedTop", "examples", "soft_reset_at_random"]

ENABLE, SOFT_RESET, BUSY = 1, 2, 1


def examples(usual):
    """How many examples a test draws: environment variable ``THRESHER_EXAMPLES``, or the usual number."""
    return int(os.environ.get("THRESHER_EXAMPLES", usual))


@dataclass(frozen=True)
class EmittedTop:
    """Emitted Verilog of a parameter set of the top `name`."""

    parameters: object
    verilog: object
    registers: dict
    name: ClassVar[str]

    @classmethod
    def emit(cls, parameters):
        """Emit, or find emitted."""
        emitted = emit_cached(tops()[cls.name], parameters)
        return cls(parameters, emitted.verilog, emitted.registers)

    @classmethod
    def preset(cls, name, *sets):
        """With the parameters of a preset and changes of them."""
        return cls.emit(resolve(cls.name, name, None, list(sets)))

    def address(self, register):
        """Byte address of a register."""
        return self.registers[register]["address"]

    def simulate(self, packets, **options):
        """Run packets; every register is read at the end."""
        addresses = {name: entry["address"] for name, entry in self.registers.items()
                     if not name.startswith("parameter_")}
        options = {"registers_to_read": addresses, "max_idle_cycles": 100_000} | options
        return simulate(self.verilog, self.name, packets, bus_width=self.parameters.bus_width, **options)


def soft_reset_at_random(rng, top, words):
    """Script that resets the engine softly, in or behind the first of three packets, which has so many words."""
    moment = rng.choice(([WaitInputWords(rng.randint(1, words - 1)), PauseInput(), WaitCycles(rng.randint(0, 12))],
                         [WaitInputPackets(1), PauseInput(), WaitCycles(rng.randint(1, 600))]))
    return [*moment, WriteRegister(top.address("control"), ENABLE | SOFT_RESET), ResumeInput(),
            WaitInputPackets(3), WaitRegister(top.address("status"), 0, BUSY)]
