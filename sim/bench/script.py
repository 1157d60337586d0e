"""Steps of a script that runs beside the streams: register accesses, waits, stops and resets.

A script is a list of steps, done one after another from the end of the reset on. The first steps up to the
first wait are done before the first input word is offered where they take no time (`PauseInput`). Steps about fetches
need a top that fetches rows.
"""

import dataclasses
from dataclasses import dataclass

__all__ = [
    "PauseFetch",
    "PauseInput",
    "PauseOutput",
    "ReadRegister",
    "Reset",
    "ResumeFetch",
    "ResumeInput",
    "ResumeOutput",
    "Step",
    "WaitCycles",
    "WaitFetches",
    "WaitInputPackets",
    "WaitInputWords",
    "WaitInterrupt",
    "WaitOutputPackets",
    "WaitOutputWords",
    "WaitRegister",
    "WriteRegister",
    "decode_script",
    "encode_script",
]

RESPONSES = ("OKAY", "EXOKAY", "SLVERR", "DECERR")


def _check_number(step, name):
    value = getattr(step, name)
    if not isinstance(value, int) or value < 0:
        raise TypeError(f"{name} of {type(step).__name__} must be a non-negative integer, not {value!r}")


@dataclass(frozen=True)
class Step:
    """One step of a script."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if field.name in ("address", "value", "mask", "count", "every", "level"):
                _check_number(self, field.name)
        response = getattr(self, "response", None)
        if response is not None and response not in RESPONSES:
            raise ValueError(f"response must be one of {', '.join(RESPONSES)} or None, not {response!r}")


@dataclass(frozen=True)
class WriteRegister(Step):
    """Write 32 bits; any other answer than `response` is an error (``None`` takes every answer)."""

    address: int
    value: int
    response: str | None = "OKAY"


@dataclass(frozen=True)
class ReadRegister(Step):
    """Read 32 bits into ``SimulationResult.reads`` under `name`."""

    address: int
    name: str = ""
    response: str | None = "OKAY"


@dataclass(frozen=True)
class WaitInputWords(Step):
    """Wait until the design has accepted `count` input words in all."""

    count: int


@dataclass(frozen=True)
class WaitOutputWords(Step):
    """Wait until `count` output words in all have been taken."""

    count: int


@dataclass(frozen=True)
class WaitInputPackets(Step):
    """Wait until the design has accepted `count` whole input packets."""

    count: int


@dataclass(frozen=True)
class WaitOutputPackets(Step):
    """Wait until `count` whole output packets have been taken."""

    count: int


@dataclass(frozen=True)
class WaitFetches(Step):
    """Wait until `count` requests for rows have been taken."""

    count: int


@dataclass(frozen=True)
class WaitCycles(Step):
    """Let `count` clock cycles pass."""

    count: int


@dataclass(frozen=True)
class WaitInterrupt(Step):
    """Wait until the ``interrupt`` port is at `level`."""

    level: int = 1


@dataclass(frozen=True)
class WaitRegister(Step):
    """Read a register each `every` cycles until its bits under `mask` equal `value`."""

    address: int
    value: int
    mask: int = 0xFFFFFFFF
    every: int = 16


@dataclass(frozen=True)
class PauseInput(Step):
    """Offer no further input word (one that is offered already stays, as AXI asks)."""


@dataclass(frozen=True)
class ResumeInput(Step):
    """Offer input words again."""


@dataclass(frozen=True)
class PauseOutput(Step):
    """Take no further output word."""


@dataclass(frozen=True)
class ResumeOutput(Step):
    """Take output words again."""


@dataclass(frozen=True)
class PauseFetch(Step):
    """Send no further word of a row (one that is offered already stays); requests are still taken."""


@dataclass(frozen=True)
class ResumeFetch(Step):
    """Send rows again."""


@dataclass(frozen=True)
class Reset(Step):
    """Raise ``rst`` for `count` cycles.

    The bus partners are reset as well: the input packet that was under way is not sent again, the next one
    is sent from its start; the words of an output packet that was under way are dropped; requests for rows that were
    taken and not answered are forgotten.
    """

    count: int = 4


_STEPS = {step.__name__: step for step in Step.__subclasses__()}


def encode_script(steps):
    """Script as JSON values."""
    for step in steps:
        if not isinstance(step, Step):
            raise TypeError(f"script must hold steps such as sim.runner.WaitCycles, not {step!r}")
    return [{"step": type(step).__name__, **dataclasses.asdict(step)} for step in steps]


def decode_script(values):
    """Inverse of `encode_script`."""
    return [
        _STEPS[value["step"]](**{name: field for name, field in value.items() if name != "step"})
        for value in values
    ]
