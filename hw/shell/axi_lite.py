"""AXI4-Lite front end of a register bank."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import enum, stream, wiring
from amaranth.lib.wiring import In, Out

from .register_bank import RegisterRequest, RegisterResponse
from .registers import RegisterMap

__all__ = ["AxiLite", "AxiLiteSignature", "AxiResponse"]


class AxiResponse(enum.Enum, shape=2):
    """Values of BRESP and RRESP that the front end returns."""

    OKAY = 0b00
    SLVERR = 0b10


class AxiLiteSignature(wiring.Signature):
    """Signals of an AXI4-Lite bus, seen from the manager, with the names of the specification in lower case.

    Parameters
    ----------
    address_width : int
        Width of AWADDR and ARADDR in bits.
    data_width : int
        Width of WDATA and RDATA in bits, 32 or 64.

    Raises
    ------
    ValueError
        If a width is out of range.
    """

    def __init__(self, *, address_width=RegisterMap.address_width, data_width=RegisterMap.data_width):
        if not isinstance(address_width, int) or not 1 <= address_width <= 64:
            raise ValueError(f"AXI4-Lite address width must be between 1 and 64, not {address_width!r}")
        if data_width not in (32, 64):
            raise ValueError(f"AXI4-Lite data width must be 32 or 64, not {data_width!r}")
        super().__init__({
            "awaddr": Out(address_width),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(data_width),
            "wstrb": Out(data_width // 8),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(AxiResponse),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_width),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(data_width),
            "rresp": In(AxiResponse),
            "rvalid": In(1),
            "rready": Out(1),
        })


class AxiLite(wiring.Component):
    """AXI4-Lite subordinate that turns transfers into register requests.

    One write and one read can be outstanding: AWREADY (WREADY) is low from the address (data) beat until the
    write response is taken, ARREADY from the address beat until the read data is taken. Address and data of
    a write may come in either order. Requests are issued one at a time, a write before a read that waits at
    the same time. All outputs towards the bus are registers. With a bank that answers after n cycles, a write
    response is valid n + 3 cycles after the later of address and data, and read data n + 3 cycles after the address.

    AWPROT and ARPROT are ignored. A refused request returns SLVERR.

    Members
    -------
    bus : ``In(AxiLiteSignature())``
    request : ``Out(stream.Signature(RegisterRequest))``
    response : ``In(stream.Signature(RegisterResponse))``
    """

    bus: In(AxiLiteSignature())
    request: Out(stream.Signature(RegisterRequest))
    response: In(stream.Signature(RegisterResponse))

    def elaborate(self, platform):
        m = Module()
        bus = self.bus

        # A taken beat waits here until the register bank can be asked.
        have_aw, have_w, have_ar = Signal(), Signal(), Signal()
        aw_address, ar_address = Signal.like(bus.awaddr), Signal.like(bus.araddr)
        w_data, w_strobe = Signal.like(bus.wdata), Signal.like(bus.wstrb)

        # A ready is a register of its own; it starts low and rises with the first clock edge out of reset.
        started, write_free, read_free = Signal(), Signal(), Signal()
        m.d.sync += [
            bus.awready.eq((bus.awready & ~bus.awvalid) | write_free),
            bus.wready.eq((bus.wready & ~bus.wvalid) | write_free),
            bus.arready.eq((bus.arready & ~bus.arvalid) | read_free),
        ]
        m.d.sync += started.eq(1)
        m.d.comb += [
            write_free.eq(~started | (bus.bvalid & bus.bready)),
            read_free.eq(~started | (bus.rvalid & bus.rready)),
        ]

        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [have_aw.eq(1), aw_address.eq(bus.awaddr)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [have_w.eq(1), w_data.eq(bus.wdata), w_strobe.eq(bus.wstrb)]
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [have_ar.eq(1), ar_address.eq(bus.araddr)]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)

        request = self.request.p
        m.d.comb += [
            request.data.eq(w_data),
            request.strobe.eq(w_strobe),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(have_aw & have_w):
                    m.d.sync += [request.write.eq(1), request.address.eq(aw_address)]
                    m.d.sync += [have_aw.eq(0), have_w.eq(0), self.request.valid.eq(1)]
                    m.next = "REQUEST"
                with m.Elif(have_ar):
                    m.d.sync += [request.write.eq(0), request.address.eq(ar_address)]
                    m.d.sync += [have_ar.eq(0), self.request.valid.eq(1)]
                    m.next = "REQUEST"
            with m.State("REQUEST"):
                with m.If(self.request.ready):
                    m.d.sync += self.request.valid.eq(0)
                    m.next = "RESPONSE"
            with m.State("RESPONSE"):
                m.d.comb += self.response.ready.eq(1)
                status = Mux(self.response.p.error, AxiResponse.SLVERR, AxiResponse.OKAY)
                with m.If(self.response.valid):
                    with m.If(request.write):
                        m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(status)]
                    with m.Else():
                        m.d.sync += [bus.rvalid.eq(1), bus.rresp.eq(status)]
                        m.d.sync += bus.rdata.eq(self.response.p.data)
                    m.next = "IDLE"
        return m
