"""Shell around an engine: registers, AXI4-Lite, AXI4-Stream and counters."""

from .axi_lite import AxiLite, AxiLiteSignature, AxiResponse
from .counters import SHELL_COUNTERS, CounterBank, CycleTimer
from .engine import (
    COUNTER_WIDTH,
    REQUEST_WIDTH,
    TRAILER_MARKER,
    CounterDescription,
    EngineSignature,
    Word,
)
from .fetch_port import FETCH_LIMIT, FetchPort
from .packets import InputGate, OutputGuard, trailer
from .register_bank import RegisterBank, RegisterRequest, RegisterResponse
from .register_map import ShellError, parameters_hash, scalar_parameters, shell_counters, shell_registers
from .registers import Access, Field, Register, RegisterMap
from .shell import Shell

__all__ = [
    "COUNTER_WIDTH",
    "FETCH_LIMIT",
    "REQUEST_WIDTH",
    "SHELL_COUNTERS",
    "TRAILER_MARKER",
    "Access",
    "AxiLite",
    "AxiLiteSignature",
    "AxiResponse",
    "CounterBank",
    "CounterDescription",
    "CycleTimer",
    "EngineSignature",
    "FetchPort",
    "Field",
    "InputGate",
    "OutputGuard",
    "Register",
    "RegisterBank",
    "RegisterMap",
    "RegisterRequest",
    "RegisterResponse",
    "Shell",
    "ShellError",
    "Word",
    "parameters_hash",
    "scalar_parameters",
    "shell_counters",
    "shell_registers",
    "trailer",
]
