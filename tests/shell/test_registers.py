"""Descriptions of registers."""

import json
import re

import pytest

from hw.shell import Access, Field, Register, RegisterMap

RW = Access.READ_WRITE


def test_description():
    registers = RegisterMap([
        Register.whole("second", 0x010, Access.READ_ONLY, "Later"),
        Register("first", 0x004, "Sooner", (
            Field("low", 0, 4, RW, "l", 5), Field("high", 8, 2, Access.PULSE, "h"))),
    ])
    assert [register.name for register in registers] == ["first", "second"]
    assert len(registers) == 2
    assert "first" in registers
    assert "third" not in registers
    assert registers["second"].address == 0x010
    assert registers["first"].writable
    assert not registers["second"].writable
    described = registers.to_dict()
    assert json.loads(json.dumps(described)) == described
    assert described["registers"][0] == {
        "name": "first", "address": 4, "access": "read-write", "reset": 5, "doc": "Sooner", "fields": [
            {"name": "low", "offset": 0, "width": 4, "mask": 0xF, "access": "read-write", "reset": 5,
             "doc": "l"},
            {"name": "high", "offset": 8, "width": 2, "mask": 0x300, "access": "write-1-to-pulse", "reset": 0,
             "doc": "h"},
        ]}


@pytest.mark.parametrize(("arguments", "kind", "message"), [
    (("Low", 0, 1, RW, ""), ValueError, "Field name must be a lower-case identifier, not 'Low'"),
    ((1, 0, 1, RW, ""), TypeError, "Field name must be a string, not 1"),
    (("low", "0", 1, RW, ""), TypeError, "Field offset must be an integer, not '0'"),
    (("low", 0, 1, "rw", ""), TypeError, "Field access must be an Access, not 'rw'"),
    (("low", 31, 2, RW, ""), ValueError,
     "Field 'low' must lie within bits 0 to 31, not at offset 31 with width 2"),
    (("low", 0, 0, RW, ""), ValueError,
     "Field 'low' must lie within bits 0 to 31, not at offset 0 with width 0"),
    (("low", 0, 2, RW, "", 4), ValueError, "Field init must fit 2 bits, not 4"),
])
def test_bad_field(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        Field(*arguments)


@pytest.mark.parametrize(("arguments", "kind", "message"), [
    (("a", 2, "", ()), ValueError, "Register address must be a multiple of 4 below 0x1000, not 0x2"),
    (("a", 0x1000, "", ()), ValueError, "Register address must be a multiple of 4 below 0x1000, not 0x1000"),
    (("a", 0, "", ()), ValueError, "Register 'a' must have at least one field"),
    (("a", 0, "", ("x",)), TypeError, "Field of register 'a' must be a Field, not 'x'"),
    (("a", 0, "", (Field("x", 0, 2, RW, ""), Field("y", 1, 2, RW, ""))), ValueError,
     "Field 'y' of register 'a' overlaps another field"),
    (("a", 0, "", (Field("x", 0, 2, RW, ""), Field("x", 2, 2, RW, ""))), ValueError,
     "Field 'x' of register 'a' is defined twice"),
])
def test_bad_register(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        Register(*arguments)


def test_bad_map():
    a, b = Register.whole("a", 0, RW, ""), Register.whole("b", 0, RW, "")
    with pytest.raises(TypeError, match="Element of a register map must be a Register, not 'a'"):
        RegisterMap(["a"])
    with pytest.raises(ValueError, match="Register name 'a' is used more than once"):
        RegisterMap([a, Register.whole("a", 4, RW, "")])
    with pytest.raises(ValueError, match="Address 0x000 of register 'b' is taken by 'a'"):
        RegisterMap([a, b])
