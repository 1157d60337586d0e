"""Asynchronous serial line: 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter"]

#: Fewest cycles of a bit.
MIN_DIVISOR = 4


def _check_divisor(divisor):
    if not isinstance(divisor, int) or divisor < MIN_DIVISOR:
        raise ValueError(f"Divisor must be an integer of at least {MIN_DIVISOR}, not {divisor!r}")


class UartReceiver(wiring.Component):
    """Receives bytes.

    The line passes two flip-flops, then the majority of three samples in a row, one a cycle, which hides a glitch of
    one cycle. A falling edge starts a byte if the line is still low in the middle of the bit; all bits are taken in
    their middle, so that the clocks of both ends may differ by what makes half a bit in ten. If the stop bit is missing
    the byte is dropped, and the line has to be high once before the next.

    Parameters
    ----------
    divisor : int
        Cycles of a bit, at least :data:`MIN_DIVISOR`.

    Members
    -------
    rx : ``In(1)``
        The line, asynchronous.
    data : ``Out(8)``
    valid : ``Out(1)``
        High for the cycle in which `data` is a byte: nobody can make the line wait.
    error : ``Out(1)``
        High for the cycle in which a stop bit was missing.

    Raises
    ------
    ValueError
        If `divisor` is too small.
    """

    def __init__(self, divisor):
        _check_divisor(divisor)
        self._divisor = divisor
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        before, earlier, level = Signal(init=1), Signal(init=1), Signal()
        m.d.sync += [before.eq(line), earlier.eq(before), self.valid.eq(0), self.error.eq(0)]
        m.d.comb += level.eq((line & before) | (line & earlier) | (before & earlier))

        timer = Signal(range(self._divisor))
        bits = Signal(range(8))
        m.d.sync += timer.eq(timer - 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(self._divisor // 2 - 1)
                with m.If(~level):
                    m.next = "START"
            with m.State("START"):
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), bits.eq(0)]
                    with m.If(level):
                        m.next = "IDLE"
                    with m.Else():
                        m.next = "DATA"
            with m.State("DATA"):
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), bits.eq(bits + 1)]
                    m.d.sync += self.data.eq(Cat(self.data[1:], level))
                    with m.If(bits == 7):
                        m.next = "STOP"
            with m.State("STOP"):
                with m.If(timer == 0):
                    m.d.sync += [self.valid.eq(level), self.error.eq(~level)]
                    with m.If(level):
                        m.next = "IDLE"
                    with m.Else():
                        m.next = "BREAK"
            with m.State("BREAK"):
                with m.If(level):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes, one in 10 times `divisor` cycles.

    Parameters
    ----------
    divisor : int
        Cycles of a bit, at least :data:`MIN_DIVISOR`.

    Members
    -------
    i : ``In(stream.Signature(8))``
    tx : ``Out(1, init=1)``
        The line, a register.

    Raises
    ------
    ValueError
        If `divisor` is too small.
    """

    def __init__(self, divisor):
        _check_divisor(divisor)
        self._divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self._divisor))
        bits = Signal(range(10))
        shift = Signal(9, init=-1)
        m.d.comb += self.i.ready.eq((bits == 0) & (timer == 0))
        m.d.sync += self.tx.eq(shift[0])
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(bits != 0):
            m.d.sync += [timer.eq(self._divisor - 1), bits.eq(bits - 1), shift.eq(Cat(shift[1:], Const(1, 1)))]
        with m.Elif(self.i.valid):
            m.d.sync += [timer.eq(self._divisor - 1), bits.eq(9), shift.eq(Cat(Const(0, 1), self.i.payload))]
        return m
