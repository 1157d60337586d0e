"""What can go wrong between a Verilog file and its result."""

__all__ = [
    "CompileError",
    "ProtocolError",
    "SimulationError",
    "SimulationHang",
    "SimulatorMissing",
    "ToolError",
]


class SimulationError(RuntimeError):
    """A simulation that gave no usable result.

    Attributes
    ----------
    result : SimulationResult or None
        What had been collected until then, where the simulation got as far as running.
    """

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result


class ToolError(Exception):
    """A compiler or simulator process failed; callers turn it into one of the errors below."""


class SimulatorMissing(SimulationError):
    """A simulator, or a tool it needs, is not installed."""


class CompileError(SimulationError):
    """The simulator refused the Verilog; the message ends with the compiler's output."""


class SimulationHang(SimulationError):
    """No stream moved for ``max_idle_cycles``, or ``max_cycles`` ran out."""


class ProtocolError(SimulationError):
    """The design broke a rule of AXI, or drove X; ``result.violations`` lists every case."""
