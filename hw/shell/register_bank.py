"""Registers behind a small request and response bus, independent of any engine and of AXI."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.select import select

from .registers import Access, RegisterMap

__all__ = ["RegisterBank", "RegisterRequest", "RegisterResponse"]


_BYTES = RegisterMap.data_width // 8


class RegisterRequest(data.Struct):
    """One access: ``data`` and ``strobe`` (one bit a byte) matter for a write only."""

    address: RegisterMap.address_width
    write: 1
    data: RegisterMap.data_width
    strobe: _BYTES


class RegisterResponse(data.Struct):
    """Its outcome: ``data`` of a read, and whether the access was refused."""

    data: RegisterMap.data_width
    error: 1


def _field_signature(access, width):
    match access:
        case Access.CONSTANT:
            return wiring.Signature({})
        case Access.READ_ONLY:
            return wiring.Signature({"value": In(width)})
        case Access.READ_WRITE | Access.PULSE:
            return wiring.Signature({"value": Out(width)})
        case _:
            return wiring.Signature({"value": Out(width), "set": In(width)})


class RegisterBank(wiring.Component):
    """Hardware of a register map.

    A request is answered ``latency`` cycles after it is taken, in which its register is found in a tree of
    multiplexers, a register behind each level; the next one can be taken when the response is. What a write changes
    changes with the response. An access outside of the map, and a write to a register without a writable field, is
    refused: ``error`` is high, a read returns zero, and nothing changes. The two lowest address bits are
    ignored. When hardware sets and software clears a field in the same cycle, the set wins.

    Parameters
    ----------
    registers : :class:`RegisterMap`

    Members
    -------
    request : ``In(stream.Signature(RegisterRequest))``
    response : ``Out(stream.Signature(RegisterResponse))``
    <register> : interface with one member a field, unless it is a constant
        ``value``, an input for a ``READ_ONLY`` field and else an output; with ``WRITE_ONE_CLEAR`` and
        ``WRITE_CLEAR`` also the input ``set``.

    Raises
    ------
    TypeError
        If ``registers`` is not a register map.
    """

    _radix_bits = 2                                          # of a multiplexer
    _levels = -(-(RegisterMap.address_width - 2) // _radix_bits)
    latency = _levels + 2

    def __init__(self, registers):
        if not isinstance(registers, RegisterMap):
            raise TypeError(f"Registers must be a RegisterMap, not {registers!r}")
        self._registers = registers
        members = {
            "request": In(stream.Signature(RegisterRequest)),
            "response": Out(stream.Signature(RegisterResponse)),
        }
        for register in registers:
            fields = {field.name: Out(_field_signature(field.access, field.width))
                      for field in register.fields if field.access is not Access.CONSTANT}
            if fields:
                if register.name in members or hasattr(wiring.Component, register.name):
                    raise ValueError(f"Register name {register.name!r} is reserved")
                members[register.name] = Out(wiring.Signature(fields))
        super().__init__(members)

    @property
    def registers(self):
        """The map this bank implements."""
        return self._registers

    def elaborate(self, platform):
        m = Module()

        held = Signal(RegisterRequest)
        accept, busy = Signal(), Signal()
        steps = Signal(self._levels + 1)                     # one bit, of the step that the access is in
        m.d.comb += [
            # `ready` of the request does not depend on its `valid`.
            self.request.ready.eq(~busy),
            accept.eq(self.request.valid & self.request.ready),
        ]
        m.d.sync += steps.eq(Cat(accept, steps))
        with m.If(accept):
            m.d.sync += [held.eq(self.request.p), busy.eq(1)]
        with m.If(self.response.valid & self.response.ready):
            m.d.sync += [self.response.valid.eq(0), busy.eq(0)]
        word, last = held.address[2:], steps[-1]
        mask = Cat(strobe.replicate(8) for strobe in held.strobe)

        # What can be read, and whether it can be written, level by level; what is not there is zero.
        layer = {register.address >> 2: Cat(self._read_value(register), 1, register.writable)
                 for register in self._registers}
        width = RegisterMap.data_width + 2
        for level in range(self._levels):
            places = {number >> self._radix_bits for number in layer}
            index, following = word[level * self._radix_bits:][:self._radix_bits], {}
            for place in sorted(places):
                found = Signal(width, name=f"level{level}_{place}")
                m.d.sync += found.eq(select(index, [layer.get((place << self._radix_bits) + number, Const(0, width))
                                                    for number in range(1 << len(index))]))
                following[place] = found
            layer = following
        value, readable, writable = layer[0][:-2], layer[0][-2], layer[0][-1]
        with m.If(last):
            m.d.sync += [
                self.response.valid.eq(1), self.response.p.data.eq(Mux(held.write, 0, value)),
                self.response.p.error.eq(~Mux(held.write, writable, readable)),
            ]

        for register in self._registers:
            if register.writable:
                chosen = Signal(name=f"chosen_{register.name}")
                m.d.sync += chosen.eq(held.write & (word == register.address >> 2))
                for field in register.fields:
                    self._elaborate_field(m, register, field, last & chosen, held.data, mask)
        return m

    def _port(self, register, field):
        return getattr(getattr(self, register.name), field.name)

    def _read_value(self, register):
        value = Const(0, RegisterMap.data_width)
        for field in register.fields:
            match field.access:
                case Access.CONSTANT:
                    bits = Const(field.init, field.width)
                case Access.PULSE:
                    continue
                case _:
                    bits = self._port(register, field).value
            value = value | (bits << field.offset)
        return value[:RegisterMap.data_width]

    def _elaborate_field(self, m, register, field, selected, write_data, mask):
        if not field.access.writable:
            return
        port = self._port(register, field)
        bits = slice(field.offset, field.offset + field.width)
        new, mask = write_data[bits], mask[bits]
        # The value lives in a register of its own because a port's reset value is not the field's.
        value = Signal(field.width, init=field.init, name=f"{register.name}_{field.name}")
        m.d.comb += port.value.eq(value)
        match field.access:
            case Access.READ_WRITE:
                with m.If(selected):
                    m.d.sync += value.eq((value & ~mask) | (new & mask))
            case Access.PULSE:
                m.d.sync += value.eq(Mux(selected, new & mask, 0))
            case Access.WRITE_ONE_CLEAR:
                m.d.sync += value.eq(value & ~Mux(selected, new & mask, 0) | port.set)
            case Access.WRITE_CLEAR:
                with m.If((selected & mask.any()) | (value == 0)):
                    m.d.sync += value.eq(port.set)
