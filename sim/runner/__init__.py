"""Compile an emitted top and run it on packets, with Verilator or Icarus under cocotb."""

from ..bench.script import (
    PauseFetch,
    PauseInput,
    PauseOutput,
    ReadRegister,
    Reset,
    ResumeFetch,
    ResumeInput,
    ResumeOutput,
    WaitCycles,
    WaitFetches,
    WaitInputPackets,
    WaitInputWords,
    WaitInterrupt,
    WaitOutputPackets,
    WaitOutputWords,
    WaitRegister,
    WriteRegister,
)
from .cache import compile_verilog, default_build_directory
from .errors import CompileError, ProtocolError, SimulationError, SimulationHang, SimulatorMissing
from .result import RegisterRead, SimulationResult
from .simulation import simulate
from .tools import SIMULATORS, require, simulator_version, tool_environment, verilator_root

__all__ = [
    "SIMULATORS",
    "CompileError",
    "PauseFetch",
    "PauseInput",
    "PauseOutput",
    "ProtocolError",
    "ReadRegister",
    "RegisterRead",
    "Reset",
    "ResumeFetch",
    "ResumeInput",
    "ResumeOutput",
    "SimulationError",
    "SimulationHang",
    "SimulationResult",
    "SimulatorMissing",
    "WaitCycles",
    "WaitFetches",
    "WaitInputPackets",
    "WaitInputWords",
    "WaitInterrupt",
    "WaitOutputPackets",
    "WaitOutputWords",
    "WaitRegister",
    "WriteRegister",
    "compile_verilog",
    "default_build_directory",
    "require",
    "simulate",
    "simulator_version",
    "tool_environment",
    "verilator_root",
]
