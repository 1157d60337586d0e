"""The way of an engine's requests for rows to the host, and of the rows back."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.stream import Buffer, Fifo, Word

from .engine import REQUEST_WIDTH

__all__ = ["FETCH_LIMIT", "FetchPort"]


#: Requests that can be on their way at a time; one less than a power of two.
FETCH_LIMIT = 255


class FetchPort(wiring.Component):
    """Carries requests to the host and one packet back for each, also across resets of the engine.

    A request and a beat of a response take 1 cycle each, at one a cycle. Ready towards the engine and all
    signals towards the host depend on registers only. A request counts as pending from when it is taken from the
    engine until the ``last`` beat of its response is taken from the host; with ``FETCH_LIMIT`` pending no other
    is taken. Response beats are taken only while the host owes a response: some request was taken by the host
    and is pending.

    ``reset`` forgets the beats that are on their way to the engine. Requests that were taken from the engine up
    to and including this cycle are stale: they still go to the host, as an offer must not be withdrawn, and
    their responses, or what is left of them, are taken at one beat a cycle and thrown away. Responses to newer
    requests follow.

    Parameters
    ----------
    bus_width : int
        Width of a beat's data in bits.

    Members
    -------
    fetch : ``In(stream.Signature(unsigned(REQUEST_WIDTH)))``
        Requests of the engine.
    fetched : ``Out(stream.Signature(Word(bus_width)))``
        Responses to the engine, which is to be reset in the same cycle as this port.
    request : ``Out(stream.Signature(unsigned(REQUEST_WIDTH)))``
        Requests to the host.
    response : ``In(stream.Signature(Word(bus_width)))``
        Responses of the host.
    reset : ``In(1)``
    pending : ``Out(range(FETCH_LIMIT + 1))``
        Requests that are pending, stale ones included.
    """

    latency = 1

    def __init__(self, bus_width):
        request, response = stream.Signature(unsigned(REQUEST_WIDTH)), stream.Signature(Word(bus_width))
        self._bus_width = bus_width
        super().__init__({
            "fetch": In(request),
            "fetched": Out(response),
            "request": Out(request),
            "response": In(response),
            "reset": In(1),
            "pending": Out(range(FETCH_LIMIT + 1)),
        })

    def elaborate(self, platform):
        m = Module()
        # A queue of two is a `Buffer` that tells how many of the pending requests the host has not taken.
        m.submodules.requests = requests = Fifo(unsigned(REQUEST_WIDTH), 2)
        responses = Buffer(Word(self._bus_width))
        m.submodules.responses = ResetInserter(self.reset)(responses)
        connect(m, queue=requests.o, port=flipped(self.request))
        connect(m, buffer=responses.o, port=flipped(self.fetched))

        # Flags tell what the counters come to: that all may be pending, that the host owes a response, and that what
        # comes is stale.
        stale, owing = Signal.like(self.pending), Signal.like(self.pending)
        full, owed, discard = Signal(), Signal(), Signal()
        begun, sent, ended, reset_1 = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            requests.i.payload.eq(self.fetch.payload),
            requests.i.valid.eq(self.fetch.valid & ~full),
            self.fetch.ready.eq(requests.i.ready & ~full),

            responses.i.payload.eq(self.response.payload),
            responses.i.valid.eq(self.response.valid & owed & ~discard),
            # While beats are thrown away the buffer is empty, hence ready.
            self.response.ready.eq(owed & responses.i.ready),

            begun.eq(self.fetch.valid & self.fetch.ready),
            sent.eq(self.request.valid & self.request.ready),
            ended.eq(self.response.valid & self.response.ready & self.response.p.last),
        ]
        with m.If(begun ^ ended):
            m.d.sync += self.pending.eq(Mux(begun, self.pending + 1, self.pending - 1))
        m.d.sync += [
            reset_1.eq(self.reset),
            # High one cycle more than needed when a response ends.
            full.eq((self.pending == FETCH_LIMIT) | ((self.pending == FETCH_LIMIT - 1) & begun)),
        ]
        with m.If(sent & ~ended):
            m.d.sync += [owing.eq(owing + 1), owed.eq(1)]
        with m.Elif(ended & ~sent):
            m.d.sync += [owing.eq(owing - 1), owed.eq(owing != 1)]
        # What is pending in the cycle after a reset is stale; what was begun in it is not owed before two more.
        with m.If(self.reset):
            m.d.sync += discard.eq(1)
        with m.Elif(reset_1):
            m.d.sync += stale.eq(Mux(ended, self.pending - 1, self.pending))
        with m.Elif(ended & discard):
            m.d.sync += [stale.eq(stale - 1), discard.eq(stale != 1)]
        with m.Else():
            m.d.sync += discard.eq(stale != 0)
        return m
