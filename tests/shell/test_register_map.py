# amaranth: UnusedElaboratable=no
"""Which registers stand where around an engine."""

import enum
from dataclasses import dataclass, field, make_dataclass, replace

import pytest

from hw.shell import Access, parameters_hash, scalar_parameters, shell_registers
from tests.shell.loopback import Loopback, LoopbackParameters


class Mode(enum.IntEnum):
    FAST = 2


@dataclass(frozen=True)
class Inner:
    depth: int = 3


@dataclass(frozen=True)
class Nested:
    size: int = 7
    mode: Mode = Mode.FAST
    inner: Inner = Inner()
    shape: tuple = (1, 2)
    ratio: float = 0.5


def test_addresses():
    registers = shell_registers(Loopback(), "loopback", "0.1.0")
    assert {register.name: register.address for register in registers} == {
        "identity": 0x000, "version": 0x004, "engine": 0x008, "parameters_hash": 0x00C, "control": 0x010,
        "status": 0x014, "error": 0x018, "interrupt": 0x01C, "tasks_done": 0x020, "tasks_failed": 0x024,
        "parameter_bus_width": 0x040, "parameter_bias": 0x044, "parameter_inverted": 0x048,
        "counter_cycles": 0x100, "counter_input_stalled": 0x104, "counter_output_stalled": 0x108,
        "counter_input_words": 0x10C, "counter_output_words": 0x110, "counter_busy": 0x114,
        "counter_items": 0x118, "counter_longest": 0x11C}
    control = {bits.name: (bits.offset, bits.access) for bits in registers["control"].fields}
    assert control == {"enable": (0, Access.READ_WRITE), "soft_reset": (1, Access.PULSE),
                       "clear_counters": (2, Access.PULSE), "interrupt_enable": (3, Access.READ_WRITE)}
    assert registers["control"].init == 1
    assert registers["identity"].init == 0x54485253
    assert registers["engine"].init == 0x6C6F6F70


def test_short_name():
    registers = shell_registers(Loopback(), "fir", "1.0.2", counters=False, fingerprint=0xABCD)
    assert registers["engine"].init == int.from_bytes(b"fir\0", "big")
    assert registers["version"].init == 0x00010002
    assert registers["parameters_hash"].init == 0xABCD
    assert not any(name.name.startswith("counter_") for name in registers)
    assert "clear_counters" not in [bits.name for bits in registers["control"].fields]


def test_scalar_parameters():
    assert scalar_parameters(Nested()) == {"size": 7, "mode": 2}
    assert scalar_parameters(LoopbackParameters()) == {"bus_width": 32, "bias": 5, "inverted": 0}


def test_hash():
    nested = Nested()
    assert parameters_hash(nested) == parameters_hash(Nested())
    changes = ({"size": 8}, {"inner": Inner(4)}, {"shape": (2, 1)}, {"ratio": 0.25})
    hashes = {parameters_hash(replace(nested, **change)) for change in changes}
    assert len(hashes | {parameters_hash(nested)}) == 5
    assert all(0 <= value < 1 << 32 for value in hashes)


def test_hash_does_not_change_between_versions():
    assert parameters_hash(Inner()) == 0xD4331985


@pytest.mark.parametrize("value", [1 << 32, -(1 << 31) - 1])
def test_parameter_too_large(value):
    with pytest.raises(ValueError, match=f"Parameter 'size' must fit 32 bits, not {value}"):
        scalar_parameters(Nested(size=value))


def test_too_many_parameters():
    many = make_dataclass("Many", [(f"p{index}", int, field(default=0)) for index in range(49)])
    with pytest.raises(ValueError, match="Parameters must have at most 48 integer fields, not 49"):
        scalar_parameters(many())
