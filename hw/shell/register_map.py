"""The register map of a shell: which registers stand where around a given engine."""

import dataclasses
import enum
import hashlib
import json
import re

from .counters import SHELL_COUNTERS
from .engine import COUNTER_WIDTH, CounterDescription
from .registers import Access, Field, Register, RegisterMap

__all__ = [
    "COUNTERS_ADDRESS",
    "CYCLES",
    "IDENTITY",
    "PARAMETERS_ADDRESS",
    "ShellError",
    "parameters_hash",
    "scalar_parameters",
    "shell_counters",
    "shell_registers",
]


#: What the first register of every shell reads: "THRS".
IDENTITY = 0x54485253

PARAMETERS_ADDRESS = 0x040
COUNTERS_ADDRESS = 0x100

#: The first counter; it has a component of its own.
CYCLES = CounterDescription("cycles", "cycles",
                            "From the first input beat accepted to the last output beat taken, since cleared")


class ShellError(enum.Enum):
    """Errors the shell itself reports; those of engines are below 128."""

    #: An access outside of the register map, or a write to a register that cannot be written.
    BAD_REGISTER = 0x81
    #: A soft reset put an end to a task.
    SOFT_RESET = 0x82


def scalar_parameters(parameters):
    """Those parameters of an engine that have a register: booleans and integers, in order.

    Parameters
    ----------
    parameters : dataclass

    Returns
    -------
    dict of str to int

    Raises
    ------
    ValueError
        If a number does not fit 32 bits, or there are more than registers for them.
    """
    scalars = {}
    for field in dataclasses.fields(parameters):
        value = getattr(parameters, field.name)
        if isinstance(value, int):
            if not -(1 << 31) <= value < 1 << 32:
                raise ValueError(f"Parameter {field.name!r} must fit 32 bits, not {value!r}")
            scalars[field.name] = int(value)
    limit = (COUNTERS_ADDRESS - PARAMETERS_ADDRESS) // 4
    if len(scalars) > limit:
        raise ValueError(f"Parameters must have at most {limit} integer fields, not {len(scalars)}")
    return scalars


def parameters_hash(parameters):
    """32-bit fingerprint of a parameter set: the first 4 bytes of the SHA-256 of its fields.

    Parameters
    ----------
    parameters : dataclass
        Nested dataclasses, tuples and enumerations are covered.

    Returns
    -------
    int
    """
    fields = dataclasses.asdict(parameters)
    text = json.dumps([type(parameters).__name__, fields], sort_keys=True, default=repr)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def shell_counters(engine):
    """All counters of a shell around ``engine``, in the order of their registers.

    Raises
    ------
    ValueError
        If a counter of the engine has the name of a counter of the shell.
    """
    own = (CYCLES, *SHELL_COUNTERS)
    for counter in engine.counters:
        if counter.name in {counter.name for counter in own}:
            raise ValueError(f"Counter name {counter.name!r} is taken by the shell")
    return (*own, *engine.counters)


def shell_registers(engine, name, version, *, counters=True, fingerprint=None):
    """Lay out the registers around an engine.

    Parameters
    ----------
    engine : component with :class:`~hw.shell.engine.EngineSignature`
    name : str
        Name of the top; its first 4 characters are the ``engine`` register.
    version : str
        ``"MAJOR.MINOR.PATCH"``.
    counters : bool
        Whether there are counters.
    fingerprint : int or None
        Value of ``parameters_hash``; computed from the engine's parameters if not given.

    Returns
    -------
    :class:`~hw.shell.registers.RegisterMap`

    Raises
    ------
    ValueError
        If ``name`` or ``version`` is malformed, or something does not fit the map.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"Shell name must be a lower-case ASCII identifier, not {name!r}")
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version) if isinstance(version, str) else None
    if not match:
        raise ValueError(f"Shell version must have the form 'MAJOR.MINOR.PATCH', not {version!r}")
    major, minor, patch = map(int, match.groups())
    if fingerprint is None:
        fingerprint = parameters_hash(engine.parameters)

    constant, read_only = Access.CONSTANT, Access.READ_ONLY
    registers = [
        Register.whole("identity", 0x000, constant, "Reads 'THRS' in ASCII, first letter highest",
                       init=IDENTITY),
        Register("version", 0x004, "Version of the generator", (
            Field("patch", 0, 8, constant, "Patch level", patch),
            Field("minor", 8, 8, constant, "Minor version", minor),
            Field("major", 16, 16, constant, "Major version", major),
        )),
        Register.whole("engine", 0x008, constant,
                       "First 4 letters of the name of the top in ASCII, first letter highest",
                       init=int.from_bytes(name[:4].encode().ljust(4, b"\0"), "big")),
        Register.whole("parameters_hash", 0x00C, constant, "Fingerprint of the parameters", init=fingerprint),
        Register("control", 0x010, "Control", (
            Field("enable", 0, 1, Access.READ_WRITE, "Accept new input packets", 1),
            Field("soft_reset", 1, 1, Access.PULSE, "Abandon all tasks and reset the engine"),
            *([Field("clear_counters", 2, 1, Access.PULSE, "Set all counters to zero")] if counters else []),
            Field("interrupt_enable", 3, 1, Access.READ_WRITE, "Let pending interrupts raise the interrupt"),
        )),
        Register("status", 0x014, "Status", (
            Field("busy", 0, 1, read_only, "Anything is in flight"),
            Field("input_open", 1, 1, read_only, "An input packet was begun and not ended"),
            Field("output_open", 2, 1, read_only, "An output packet was begun and not ended"),
            Field("done_pending", 3, 1, read_only, "A task finished and the interrupt was not cleared"),
        )),
        Register("error", 0x018, "First error since cleared; any write clears", (
            Field("code", 0, 8, Access.WRITE_CLEAR, "Error code of the engine or the shell, or 0"),
        )),
        Register("interrupt", 0x01C, "Pending interrupts", (
            Field("task_done", 0, 1, Access.WRITE_ONE_CLEAR, "A task finished, well or not"),
            Field("error", 1, 1, Access.WRITE_ONE_CLEAR, "An error occurred"),
        )),
        Register.whole("tasks_done", 0x020, read_only, "Tasks finished, well or not, since reset"),
        Register.whole("tasks_failed", 0x024, read_only, "Tasks finished with an error since reset"),
    ]
    for index, (parameter, value) in enumerate(scalar_parameters(engine.parameters).items()):
        registers.append(Register.whole(f"parameter_{parameter}", PARAMETERS_ADDRESS + 4 * index, constant,
                                        f"Parameter {parameter} of the engine", init=value & 0xFFFFFFFF))
    if counters:
        for index, counter in enumerate(shell_counters(engine)):
            meaning = "Count, wrapping" if counter.kind == "sum" else "Maximum"
            registers.append(Register(f"counter_{counter.name}", COUNTERS_ADDRESS + 4 * index, counter.doc, (
                Field("value", 0, COUNTER_WIDTH, read_only, f"{meaning}, in {counter.unit}"),
            )))
    return RegisterMap(registers)
