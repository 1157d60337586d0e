"""Frames of the serial protocol: taking them apart, and putting them together."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc.catalog import CRC16_XMODEM
from amaranth.lib.wiring import In, Out

from .protocol import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE

__all__ = ["HEAD_BYTES", "LEAST_BYTES", "AnswerHeader", "FrameReceiver", "FrameSender"]

#: Bytes of a frame's beginning that the receiver holds in registers.
HEAD_BYTES = 8
#: Fewest bytes of a frame: command, sequence and CRC.
LEAST_BYTES = 4


class AnswerHeader(data.Struct):
    """First bytes of an answer."""

    status: 8
    sequence: 8
    flags: 8


class FrameReceiver(wiring.Component):
    """Unescapes a frame and checks its CRC.

    Parameters
    ----------
    longest : int
        Most bytes of a frame, CRC included; longer ones are damaged.

    Members
    -------
    data, valid, error : ``In(8)``, ``In(1)``, ``In(1)``
        From the :class:`~hw.bridge.uart.UartReceiver`.
    hold : ``In(1)``
        The last frame is still in use: bytes that come now are lost, and their frame is damaged.
    head : ``Out(8 * HEAD_BYTES)``
        First bytes of the frame, the first in the low bits.
    write, index, byte : ``Out(1)``, ``Out(range(longest + 1))``, ``Out(8)``
        High for the cycle in which `byte` is that of the frame at `index`.
    length : ``Out(range(longest + 1))``
        Bytes of the frame that ended, CRC included.
    good, damaged : ``Out(1)``
        High for the cycle in which a frame has ended; empty ones do not count.
    """

    def __init__(self, longest):
        self._longest = longest
        super().__init__({
            "data": In(8),
            "valid": In(1),
            "error": In(1),
            "hold": In(1),
            "head": Out(8 * HEAD_BYTES),
            "write": Out(1),
            "index": Out(range(longest + 1)),
            "byte": Out(8),
            "length": Out(range(longest + 1)),
            "good": Out(1),
            "damaged": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC16_XMODEM().create()
        count, escaped, spoilt = Signal.like(self.index), Signal(), Signal()
        ends, taken = Signal(), Signal()
        m.d.comb += [
            ends.eq(self.valid & (self.data == END)),
            taken.eq(self.valid & ~ends & ~self.hold & (escaped | (self.data != ESCAPE))),
            self.byte.eq(Mux(~escaped, self.data, Mux(self.data == ESCAPED_END, END, ESCAPE))),
            self.index.eq(count),
            self.write.eq(taken & (count != self._longest)),
            crc.data.eq(self.byte),
            crc.valid.eq(taken),
            crc.start.eq(ends),
        ]
        m.d.sync += [self.good.eq(0), self.damaged.eq(0)]
        with m.If(ends):
            whole = ~spoilt & ~escaped & crc.match_detected & (count >= LEAST_BYTES)
            m.d.sync += [
                self.good.eq(~self.hold & whole),
                self.damaged.eq(~self.hold & ~whole & (spoilt | escaped | (count != 0))),
                count.eq(0), escaped.eq(0), spoilt.eq(0),
            ]
            with m.If(~self.hold):
                m.d.sync += self.length.eq(count)
        with m.Elif(self.valid & self.hold):
            m.d.sync += spoilt.eq(1)
        with m.Elif(taken):
            m.d.sync += escaped.eq(0)
            with m.If(self.write):
                m.d.sync += count.eq(count + 1)
                with m.If(count < HEAD_BYTES):
                    m.d.sync += self.head.word_select(count[:(HEAD_BYTES - 1).bit_length()], 8).eq(self.byte)
            with m.Else():
                m.d.sync += spoilt.eq(1)
            with m.If(escaped & (self.data != ESCAPED_END) & (self.data != ESCAPED_ESCAPE)):
                m.d.sync += spoilt.eq(1)
        with m.Elif(self.valid):
            m.d.sync += escaped.eq(1)
        with m.If(self.error):
            m.d.sync += spoilt.eq(1)
        return m


class FrameSender(wiring.Component):
    """Sends a header, a payload that stands in a memory, and the CRC of both.

    Parameters
    ----------
    most : int
        Most bytes of a payload.

    Members
    -------
    start, header, length : ``In(1)``, ``In(AnswerHeader)``, ``In(range(most + 1))``
        High with the header and the length of the payload, while not `busy`.
    busy : ``Out(1)``
    address, data : ``Out(range(most))``, ``In(8)``
        Reads the payload; data comes one cycle after the address.
    o : ``Out(stream.Signature(8))``
    """

    def __init__(self, most):
        self._most = most
        super().__init__({
            "start": In(1),
            "header": In(AnswerHeader),
            "length": In(range(most + 1)),
            "busy": Out(1),
            "address": Out(range(most)),
            "data": In(8),
            "o": Out(stream.Signature(8)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC16_XMODEM().create()
        header, length = Signal(AnswerHeader), Signal.like(self.length)
        # 0 to 2 is the header, 3 the payload, 4 and 5 the CRC.
        part, place, byte, sent = Signal(range(6)), Signal.like(self.length), Signal(8), Signal()
        parts = Array([header.status, header.sequence, header.flags, self.data, crc.crc[8:], crc.crc[:8]])
        m.d.comb += [
            self.address.eq(place),
            byte.eq(parts[part]),
            crc.data.eq(byte),
            crc.valid.eq(sent & (part <= 3)),
        ]

        def advance():
            m.d.comb += sent.eq(1)
            m.next = "LOOK"
            with m.If(part == 3):
                m.d.sync += place.eq(place + 1)
                with m.If(place + 1 == length):
                    m.d.sync += part.eq(4)
            with m.Elif(part == 2):
                m.d.sync += part.eq(Mux(length == 0, 4, 3))
            with m.Elif(part == 5):
                m.next = "CLOSE"
            with m.Else():
                m.d.sync += part.eq(part + 1)

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.comb += crc.start.eq(1)
                    m.d.sync += [header.eq(self.header), length.eq(self.length), part.eq(0), place.eq(0)]
                    m.next = "OPEN"
            with m.State("OPEN"):
                m.d.comb += [self.o.payload.eq(END), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "LOOK"
            with m.State("LOOK"):
                # The memory and the CRC answer in the next cycle.
                m.next = "BYTE"
            with m.State("BYTE"):
                special = (byte == END) | (byte == ESCAPE)
                m.d.comb += [self.o.payload.eq(Mux(special, ESCAPE, byte)), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    with m.If(special):
                        m.next = "ESCAPED"
                    with m.Else():
                        advance()
            with m.State("ESCAPED"):
                m.d.comb += [self.o.payload.eq(Mux(byte == END, ESCAPED_END, ESCAPED_ESCAPE)), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    advance()
            with m.State("CLOSE"):
                m.d.comb += [self.o.payload.eq(END), self.o.valid.eq(1)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
