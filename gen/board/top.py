"""The top of a board: clock, reset, a light, and the accelerator behind its serial line."""

from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from hw.bridge import BridgedShell

__all__ = ["BoardTop"]

# The light blinks about twice a second at 50 MHz.
_LIGHT_BITS = 25
_RESET_STAGES = 4


class BoardTop(wiring.Component):
    """A bridged shell on an ECP5, with a clock from the oscillator of the board.

    All runs on one clock, made by an EHXPLLL. The reset lasts until the loop has locked, and comes back if it loses
    lock. The light blinks while the clock runs.

    Parameters
    ----------
    shell : :class:`hw.shell.Shell`
    pll : :class:`gen.board.pll.PllSettings`
    divisor : int
        Cycles of a bit of the serial line.
    high : iterable of str
        Ports that are driven high.
    led_low : bool
        Whether the light is on when its pin is low.

    Members
    -------
    clk, uart_rx, uart_tx, led : ``In(1)``, ``In(1)``, ``Out(1)``, ``Out(1)``
        Pads, and those of `high`.
    """

    def __init__(self, shell, pll, divisor, *, high=(), led_low=False):
        self._bridged = BridgedShell(shell, divisor)
        self._pll, self._high, self._led_low = pll, tuple(high), led_low
        super().__init__({"clk": In(1), "uart_rx": In(1), "uart_tx": Out(1), "led": Out(1),
                          **dict.fromkeys(self._high, Out(1))})

    def elaborate(self, platform):
        m = Module()
        pll = self._pll
        m.domains.sync = ClockDomain()
        looped, locked, reset = Signal(), Signal(), Signal(init=1)
        m.submodules.pll = Instance(
            "EHXPLLL",
            # Charge pump and loop filter as Lattice's tools choose them for these frequencies.
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            p_FEEDBK_PATH="CLKOP", p_CLKI_DIV=pll.input, p_CLKFB_DIV=pll.feedback,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=pll.loop, p_CLKOP_CPHASE=pll.loop - 1, p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=pll.output, p_CLKOS_CPHASE=pll.output - 1, p_CLKOS_FPHASE=0,
            p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
            i_RST=0, i_STDBY=0, i_CLKI=self.clk, i_CLKFB=looped, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0,
            i_PHASESTEP=0, i_PHASELOADREG=0, i_PLLWAKESYNC=0, i_ENCLKOP=0, i_ENCLKOS=0,
            o_CLKOP=looped, o_CLKOS=ClockSignal(), o_LOCK=locked)
        # Registers begin with their initial value, so that the reset is there before the clock is.
        m.submodules.reset = FFSynchronizer(~locked, reset, init=1, stages=_RESET_STAGES)
        m.d.comb += ResetSignal().eq(reset)

        light = Signal(_LIGHT_BITS)
        m.d.sync += light.eq(light + 1)
        m.submodules.bridged = self._bridged
        m.d.comb += [
            self._bridged.uart_rx.eq(self.uart_rx),
            self.uart_tx.eq(self._bridged.uart_tx),
            self.led.eq(light[-1] ^ self._led_low),
            *(getattr(self, port).eq(1) for port in self._high),
        ]
        return m
