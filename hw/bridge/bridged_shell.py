"""A shell whose ports a host reaches through a serial line."""

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.shell import AxiLiteSignature

from .uart_bridge import UartBridge

__all__ = ["BridgedShell"]


class BridgedShell(wiring.Component):
    """A :class:`~hw.shell.shell.Shell` behind a :class:`~hw.bridge.uart_bridge.UartBridge`.

    Parameters
    ----------
    shell : :class:`~hw.shell.shell.Shell`
    divisor : int
        Cycles of a bit of the line.
    chunk : int
        See :class:`~hw.bridge.uart_bridge.UartBridge`.

    Members
    -------
    uart_rx, uart_tx : ``In(1, init=1)``, ``Out(1, init=1)``
    """

    def __init__(self, shell, divisor, *, chunk=1024):
        self._shell = shell
        self._fetch = shell.engine.signature.fetch
        self._bridge = UartBridge(divisor, shell.bus_width, fetch=self._fetch, chunk=chunk)
        super().__init__({"uart_rx": In(1, init=1), "uart_tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        shell, bridge = self._shell, self._bridge
        m.submodules.bridge = bridge
        m.submodules.shell = ResetInserter(bridge.reset)(shell)
        m.d.comb += [bridge.rx.eq(self.uart_rx), self.uart_tx.eq(bridge.tx), bridge.interrupt.eq(shell.interrupt)]
        for name, member in AxiLiteSignature().members.items():
            manager, subordinate = getattr(bridge.bus, name), getattr(shell, f"s_axi_{name}")
            m.d.comb += subordinate.eq(manager) if member.flow is Out else manager.eq(subordinate)

        def into(stream, prefix):
            m.d.comb += [
                getattr(shell, f"{prefix}_tdata").eq(stream.p.data),
                getattr(shell, f"{prefix}_tlast").eq(stream.p.last),
                getattr(shell, f"{prefix}_tvalid").eq(stream.valid),
                stream.ready.eq(getattr(shell, f"{prefix}_tready")),
            ]

        into(bridge.send, "s_axis")
        m.d.comb += [
            bridge.result.p.data.eq(shell.m_axis_tdata),
            bridge.result.p.last.eq(shell.m_axis_tlast),
            bridge.result.valid.eq(shell.m_axis_tvalid),
            shell.m_axis_tready.eq(bridge.result.ready),
        ]
        if self._fetch:
            into(bridge.row, "s_axis_fetch")
            m.d.comb += [
                bridge.request.payload.eq(shell.m_axis_fetch_tdata),
                bridge.request.valid.eq(shell.m_axis_fetch_tvalid),
                shell.m_axis_fetch_tready.eq(bridge.request.ready),
            ]
        return m
