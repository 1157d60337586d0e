"""Descriptions of registers: the single source of hardware, manifest, header and documentation."""

import enum
from dataclasses import dataclass

__all__ = ["Access", "Field", "Register", "RegisterMap"]


_DATA_WIDTH = 32
_ADDRESS_WIDTH = 12


class Access(enum.Enum):
    """What software reads from a field, and what a write to it does."""

    #: Reads a number fixed at generation.
    CONSTANT = "constant"
    #: Reads what the hardware supplies.
    READ_ONLY = "read-only"
    #: Reads what was written, byte by byte where the write strobes say so.
    READ_WRITE = "read-write"
    #: Reads zero; each bit written as 1 gives the hardware a pulse of one cycle.
    PULSE = "write-1-to-pulse"
    #: Hardware sets bits, which hold; each bit written as 1 is cleared.
    WRITE_ONE_CLEAR = "write-1-to-clear"
    #: Hardware sets a code; the first that is not zero holds; any write to its bytes clears it.
    WRITE_CLEAR = "write-to-clear"

    @property
    def writable(self):
        """Whether a write has an effect."""
        return self not in (Access.CONSTANT, Access.READ_ONLY)


def _check_name(kind, name):
    if not isinstance(name, str):
        raise TypeError(f"{kind} name must be a string, not {name!r}")
    if not name.isidentifier() or name != name.lower():
        raise ValueError(f"{kind} name must be a lower-case identifier, not {name!r}")


def _check_integer(what, value):
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be an integer, not {value!r}")


@dataclass(frozen=True)
class Field:
    """Bits of a register that belong together.

    Parameters
    ----------
    name : str
        Identifier in lower case, unique in its register.
    offset : int
        Index of the lowest bit.
    width : int
        Number of bits; ``offset + width`` is at most 32.
    access : :class:`Access`
        Meaning of reads and writes.
    doc : str
        One sentence.
    init : int
        Value after reset, or the value of a constant.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type, or does not fit 32 bits or the field.
    """

    name: str
    offset: int
    width: int
    access: Access
    doc: str
    init: int = 0

    def __post_init__(self):
        _check_name("Field", self.name)
        for attribute in ("offset", "width", "init"):
            _check_integer(f"Field {attribute}", getattr(self, attribute))
        if not isinstance(self.access, Access):
            raise TypeError(f"Field access must be an Access, not {self.access!r}")
        if self.offset < 0 or self.width < 1 or self.offset + self.width > _DATA_WIDTH:
            raise ValueError(f"Field {self.name!r} must lie within bits 0 to {_DATA_WIDTH - 1}, "
                             f"not at offset {self.offset!r} with width {self.width!r}")
        if not 0 <= self.init < 1 << self.width:
            raise ValueError(f"Field init must fit {self.width} bits, not {self.init!r}")

    @property
    def mask(self):
        """Bits of the register that the field covers."""
        return ((1 << self.width) - 1) << self.offset


@dataclass(frozen=True)
class Register:
    """A 32-bit word of the register map.

    Parameters
    ----------
    name : str
        Identifier in lower case, unique in its map.
    address : int
        Byte address: a multiple of 4 below 0x1000.
    doc : str
        One sentence.
    fields : tuple of :class:`Field`
        At least one; bits outside of the fields read zero.

    Raises
    ------
    TypeError, ValueError
        If a parameter has the wrong type, the address is misaligned or out of range, or fields overlap
        or share a name.
    """

    name: str
    address: int
    doc: str
    fields: tuple

    def __post_init__(self):
        _check_name("Register", self.name)
        _check_integer("Register address", self.address)
        if self.address % 4 != 0 or not 0 <= self.address < 1 << _ADDRESS_WIDTH:
            raise ValueError(f"Register address must be a multiple of 4 below {1 << _ADDRESS_WIDTH:#x}, not "
                             f"{self.address:#x}")
        object.__setattr__(self, "fields", tuple(self.fields))
        if not self.fields:
            raise ValueError(f"Register {self.name!r} must have at least one field")
        names, used = set(), 0
        for field in self.fields:
            if not isinstance(field, Field):
                raise TypeError(f"Field of register {self.name!r} must be a Field, not {field!r}")
            if field.name in names:
                raise ValueError(f"Field {field.name!r} of register {self.name!r} is defined twice")
            if field.mask & used:
                raise ValueError(f"Field {field.name!r} of register {self.name!r} overlaps another field")
            names.add(field.name)
            used |= field.mask

    @classmethod
    def whole(cls, name, address, access, doc, *, init=0):
        """A register whose only field, named ``value``, covers all 32 bits."""
        return cls(name, address, doc, (Field("value", 0, _DATA_WIDTH, access, doc, init),))

    @property
    def writable(self):
        """Whether a write is legal."""
        return any(field.access.writable for field in self.fields)

    @property
    def init(self):
        """What a read returns after reset, as far as it is fixed at generation."""
        return sum(field.init << field.offset for field in self.fields)


class RegisterMap:
    """Registers in the order of their addresses.

    Parameters
    ----------
    registers : iterable of :class:`Register`

    Raises
    ------
    TypeError
        If an element is not a register.
    ValueError
        If two registers share a name or an address.
    """

    #: Width of a register in bits.
    data_width = _DATA_WIDTH
    #: Width of a byte address in bits.
    address_width = _ADDRESS_WIDTH

    def __init__(self, registers):
        by_name, by_address = {}, {}
        for register in registers:
            if not isinstance(register, Register):
                raise TypeError(f"Element of a register map must be a Register, not {register!r}")
            if register.name in by_name:
                raise ValueError(f"Register name {register.name!r} is used more than once")
            if register.address in by_address:
                raise ValueError(f"Address {register.address:#05x} of register {register.name!r} is taken by "
                                 f"{by_address[register.address].name!r}")
            by_name[register.name] = by_address[register.address] = register
        self._by_name = {register.name: register for _, register in sorted(by_address.items())}

    def __iter__(self):
        return iter(self._by_name.values())

    def __len__(self):
        return len(self._by_name)

    def __contains__(self, name):
        return name in self._by_name

    def __getitem__(self, name):
        return self._by_name[name]

    def to_dict(self):
        """The map as plain lists, dicts, strings and integers, for manifest, header and documentation."""
        return {
            "data_width": self.data_width,
            "address_width": self.address_width,
            "registers": [{
                "name": register.name,
                "address": register.address,
                "access": "read-write" if register.writable else "read-only",
                "reset": register.init,
                "doc": register.doc,
                "fields": [{
                    "name": field.name,
                    "offset": field.offset,
                    "width": field.width,
                    "mask": field.mask,
                    "access": field.access.value,
                    "reset": field.init,
                    "doc": field.doc,
                } for field in register.fields],
            } for register in self],
        }
