"""Serial line to AXI: what a host does to registers and streams through the protocol of :mod:`hw.bridge.protocol`."""

from amaranth.hdl import Cat, Const, Module, Mux, ResetInserter, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.shell import REQUEST_WIDTH, AxiLiteSignature, AxiResponse
from hw.stream import Buffer, Fifo, WidthConverter, Word

from .frames import LEAST_BYTES, FrameReceiver, FrameSender
from .protocol import VERSION, Command, Flags, Status
from .uart import UartReceiver, UartTransmitter

__all__ = ["UartBridge"]

# Beside the data of SEND and SERVE a frame has command, sequence, bytes of a packet and CRC.
_DATA_AT = 4
_LONGEST_MORE = _DATA_AT + 2
_RESET_CYCLES = 16
_COUNT_WIDTH = 16
# Payloads of READ, WRITE and SEND as they stand behind command and sequence.
_ADDRESS_BYTES, _VALUE_BYTES, _PACKET_BYTES = 2, 4, 2


class UartBridge(wiring.Component):
    """Carries out the requests of a host on a serial line.

    A frame is carried out when it is whole and its CRC is right; the time this takes, two cycles a byte at most,
    hides behind the line. Nothing that the accelerator does or leaves undone keeps the bridge from answering: data that
    finds no room is refused with BUSY, and queues of `chunk` bytes stand between the frames and the streams.

    Parameters
    ----------
    divisor : int
        Cycles of a bit of the line.
    bus_width : int
        Width of the streams' data in bits, a power of two of at least 8.
    fetch : bool
        Whether there is a fetch port.
    chunk : int
        Most bytes of data in a frame and in a queue: a power of two, at least two beats.

    Members
    -------
    rx, tx : ``In(1, init=1)``, ``Out(1, init=1)``
    bus : ``Out(AxiLiteSignature())``
    send : ``Out(stream.Signature(Word(bus_width)))``
    result : ``In(stream.Signature(Word(bus_width)))``
    request, row : ``In(stream.Signature(unsigned(REQUEST_WIDTH)))``, ``Out(stream.Signature(Word(bus_width)))``
        Only with `fetch`.
    interrupt : ``In(1)``
        Shown in the flags of each answer.
    reset : ``Out(1)``
        A register; high for 16 cycles of a RESET: resets what is behind the bridge.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    """

    def __init__(self, divisor, bus_width, *, fetch=False, chunk=1024):
        if bus_width < 8 or bus_width & (bus_width - 1):
            raise ValueError(f"Bus width must be a power of two of at least 8, not {bus_width!r}")
        if chunk < bus_width // 4 or chunk & (chunk - 1):
            raise ValueError(f"Chunk must be a power of two of at least {bus_width // 4} bytes, not {chunk!r}")
        self._receiver, self._transmitter = UartReceiver(divisor), UartTransmitter(divisor)
        self._bus_width, self._fetch, self._chunk = bus_width, fetch, chunk
        word = stream.Signature(Word(bus_width))
        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "bus": Out(AxiLiteSignature()),
            "send": Out(word),
            "result": In(word),
            **({"request": In(stream.Signature(unsigned(REQUEST_WIDTH))), "row": Out(word)} if fetch else {}),
            "interrupt": In(1),
            "reset": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        chunk = self._chunk
        m.submodules.receiver, m.submodules.transmitter = receiver, transmitter = self._receiver, self._transmitter
        m.submodules.frames = frames = FrameReceiver(chunk + _LONGEST_MORE)
        m.submodules.sender = sender = FrameSender(chunk)
        connect(m, sender=sender.o, transmitter=transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            frames.data.eq(receiver.data), frames.valid.eq(receiver.valid), frames.error.eq(receiver.error),
        ]

        # The lower half holds the data of a request, the upper that of an answer.
        m.submodules.memory = memory = Memory(shape=8, depth=2 * chunk, init=[])
        write, read = memory.write_port(), memory.read_port()
        index, answer_write, answer_byte = Signal(range(chunk + 1)), Signal(), Signal(8)
        with m.If(answer_write):
            m.d.comb += [write.en.eq(1), write.data.eq(answer_byte), write.addr.eq(chunk + index)]
        with m.Else():
            place = frames.index - _DATA_AT
            m.d.comb += [write.en.eq(frames.write & (frames.index >= _DATA_AT) & (place < chunk)),
                         write.data.eq(frames.byte), write.addr.eq(place)]
        m.d.comb += [read.addr.eq(Mux(sender.busy, chunk + sender.address, index)), sender.data.eq(read.data)]

        queues = self._elaborate_queues(m, read.data)
        self._elaborate_requests(m, frames, sender, queues, index, answer_write, answer_byte)
        return m

    def _elaborate_queues(self, m, byte):
        """Queues of bytes before and behind the streams, by the command that fills or empties them."""
        inserted, queues = ResetInserter(self.reset), {}
        ways_in = {Command.SEND: self.send} | ({Command.SERVE: self.row} if self._fetch else {})
        for command, port in ways_in.items():
            name = command.name.lower()
            queue, wide = Fifo(Word(8), self._chunk), WidthConverter(8, self._bus_width)
            m.submodules[f"{name}_queue"], m.submodules[f"{name}_beats"] = inserted(queue), inserted(wide)
            connect(m, queue=queue.o, wide=wide.i)
            connect(m, wide=wide.o, port=flipped(port))
            m.d.comb += queue.i.p.data.eq(byte)
            queues[command] = queue

        def narrow(name, port, width):
            queue, bytes_ = Fifo(Word(8), self._chunk), WidthConverter(width, 8)
            # The ready of a converter follows its output: a register keeps that inside.
            buffer = Buffer(Word(width))
            m.submodules[f"{name}_queue"], m.submodules[f"{name}_bytes"] = inserted(queue), inserted(bytes_)
            m.submodules[f"{name}_buffer"] = inserted(buffer)
            connect(m, buffer=buffer.o, bytes_=bytes_.i)
            connect(m, bytes_=bytes_.o, queue=queue.i)
            m.d.comb += [buffer.i.valid.eq(port.valid), port.ready.eq(buffer.i.ready)]
            return queue, buffer.i

        queues[Command.RECEIVE], entry = narrow("result", self.result, self._bus_width)
        m.d.comb += entry.payload.eq(self.result.payload)
        if self._fetch:
            queues[Command.FETCH], entry = narrow("request", self.request, REQUEST_WIDTH)
            m.d.comb += [entry.p.data.eq(self.request.payload), entry.p.last.eq(0)]
        return queues

    def _elaborate_requests(self, m, frames, sender, queues, index, answer_write, answer_byte):
        """One request after the other."""
        chunk, beat = self._chunk, self._bus_width // 8
        command, sequence = frames.head.word_select(0, 8), frames.head.word_select(1, 8)
        arguments = frames.head[16:]
        size = Signal.like(frames.length)
        data_size = Signal(range(chunk + 1))
        last_sequence = Signal(8)
        reply, reply_size = Signal(96), Signal(range(13))
        stop_bits, damaged = Signal(_COUNT_WIDTH), Signal(_COUNT_WIDTH)
        packet, place_in_packet = arguments[:16], Signal(16)
        resets = Signal(range(_RESET_CYCLES + 1))
        write_pending, value_pending = Signal(), Signal()
        header, length, ends = Signal.like(sender.header), Signal.like(sender.length), Signal()
        result = queues[Command.RECEIVE]

        m.d.comb += [size.eq(frames.length - LEAST_BYTES), data_size.eq(size - _PACKET_BYTES)]
        with m.If(frames.error & (stop_bits != ~Const(0, _COUNT_WIDTH))):
            m.d.sync += stop_bits.eq(stop_bits + 1)
        with m.If(frames.damaged & (damaged != ~Const(0, _COUNT_WIDTH))):
            m.d.sync += damaged.eq(damaged + 1)
        m.d.comb += [
            self.bus.awaddr.eq(arguments), self.bus.araddr.eq(arguments),
            self.bus.wdata.eq(arguments[8 * _ADDRESS_BYTES:]), self.bus.wstrb.eq(~0),
            self.bus.awvalid.eq(write_pending), self.bus.wvalid.eq(value_pending),
            self.bus.bready.eq(1), self.bus.rready.eq(1),
        ]
        # It has a large fan-out.
        m.d.sync += self.reset.eq(resets != 0)
        outside = arguments[len(self.bus.awaddr):8 * _ADDRESS_BYTES] != 0
        flags = Signal(8)
        m.d.comb += flags.eq(
            Mux(result.o.valid, Flags.RESULT.value, 0) | Mux(self.interrupt, Flags.INTERRUPT.value, 0)
            | Mux(ends, Flags.ENDS.value, 0)
            | (Mux(queues[Command.FETCH].o.valid, Flags.REQUESTS.value, 0) if self._fetch else 0))

        def answer(status, answer_length=0):
            m.d.sync += [header.status.eq(status.value), length.eq(answer_length)]
            m.next = "ANSWER"

        def begin(expected, state):
            with m.If(size != expected):
                answer(Status.BAD_LENGTH)
            with m.Else():
                m.next = state

        with m.FSM() as fsm:
            m.d.comb += frames.hold.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.sync += [index.eq(0), ends.eq(0), place_in_packet.eq(0)]
                with m.If(frames.good):
                    m.next = "WAIT"
                with m.Elif(frames.damaged & ~sender.busy):
                    m.d.comb += [sender.start.eq(1), sender.header.status.eq(Status.BAD_FRAME.value)]
            with m.State("WAIT"):
                # The answer before may still be on its way.
                with m.If(~sender.busy):
                    m.d.sync += [last_sequence.eq(sequence), header.sequence.eq(sequence)]
                    with m.If((sequence == last_sequence) & (sequence != 0)):
                        m.next = "DISPATCH"
                    with m.Else():
                        m.next = "COMMAND"
            with m.State("COMMAND"):
                with m.Switch(command):
                    with m.Case(Command.HELLO.value):
                        fields = ((VERSION, 1), (int(self._fetch), 1), (beat, 2), (chunk, 2))
                        m.d.sync += [
                            reply.eq(Cat(*(Const(value, 8 * bytes_) for value, bytes_ in fields), stop_bits, damaged)),
                            reply_size.eq(sum(bytes_ for _value, bytes_ in fields) + 2 * _COUNT_WIDTH // 8),
                        ]
                        begin(0, "REPLY")
                    with m.Case(Command.READ.value):
                        begin(_ADDRESS_BYTES, "READ")
                    with m.Case(Command.WRITE.value):
                        starts = ~outside & (size == _ADDRESS_BYTES + _VALUE_BYTES)
                        m.d.sync += [write_pending.eq(starts), value_pending.eq(starts)]
                        begin(_ADDRESS_BYTES + _VALUE_BYTES, "WRITE")
                    for choice in (Command.SEND, Command.SERVE):
                        if choice in queues:
                            with m.Case(choice.value):
                                room = chunk - queues[choice].level
                                with m.If((size < _PACKET_BYTES + beat) | (size > chunk + _PACKET_BYTES)
                                          | ((data_size | packet) & (beat - 1) != 0)):
                                    answer(Status.BAD_LENGTH)
                                with m.Elif(data_size > room):
                                    answer(Status.BUSY)
                                with m.Else():
                                    m.next = f"{choice.name}_LOOK"
                    for choice in (Command.RECEIVE, Command.FETCH):
                        if choice in queues:
                            with m.Case(choice.value):
                                begin(0, choice.name)
                    with m.Case(Command.RESET.value):
                        m.d.sync += resets.eq(Mux(size == 0, _RESET_CYCLES, 0))
                        begin(0, "RESET")
                    with m.Default():
                        answer(Status.BAD_COMMAND)
            with m.State("REPLY"):
                m.d.comb += [answer_write.eq(1), answer_byte.eq(reply[:8])]
                m.d.sync += [reply.eq(reply[8:]), index.eq(index + 1)]
                with m.If(index + 1 == reply_size):
                    answer(Status.OK, reply_size)
            with m.State("READ"):
                with m.If(outside):
                    answer(Status.REFUSED)
                with m.Else():
                    m.d.comb += self.bus.arvalid.eq(1)
                    with m.If(self.bus.arready):
                        m.next = "VALUE"
            with m.State("VALUE"):
                m.d.sync += [reply.eq(self.bus.rdata), reply_size.eq(_VALUE_BYTES)]
                with m.If(self.bus.rvalid):
                    with m.If(self.bus.rresp == AxiResponse.OKAY):
                        m.next = "REPLY"
                    with m.Else():
                        answer(Status.REFUSED)
            with m.State("WRITE"):
                with m.If(self.bus.awready):
                    m.d.sync += write_pending.eq(0)
                with m.If(self.bus.wready):
                    m.d.sync += value_pending.eq(0)
                with m.If(outside):
                    answer(Status.REFUSED)
                with m.Elif(self.bus.bvalid):
                    with m.If(self.bus.bresp == AxiResponse.OKAY):
                        answer(Status.OK)
                    with m.Else():
                        answer(Status.REFUSED)
            for choice in (Command.SEND, Command.SERVE):
                if choice in queues:
                    with m.State(f"{choice.name}_LOOK"):
                        m.d.sync += place_in_packet.eq(place_in_packet + 1)
                        m.next = choice.name
                    with m.State(choice.name):
                        queue = queues[choice]
                        final = place_in_packet == packet
                        m.d.comb += [queue.i.valid.eq(1), queue.i.p.last.eq(final)]
                        m.d.sync += index.eq(index + 1)
                        with m.If(final):
                            m.d.sync += place_in_packet.eq(0)
                        with m.If(index + 1 == data_size):
                            answer(Status.OK)
                        with m.Else():
                            m.next = f"{choice.name}_LOOK"
            for choice in (Command.RECEIVE, Command.FETCH):
                if choice in queues:
                    with m.State(choice.name):
                        item = queues[choice].o
                        m.d.comb += [answer_byte.eq(item.p.data)]
                        with m.If(item.valid & (index != chunk) & ~ends):
                            m.d.comb += [item.ready.eq(1), answer_write.eq(1)]
                            m.d.sync += [index.eq(index + 1), ends.eq(item.p.last)]
                        with m.Else():
                            answer(Status.OK, index)
            with m.State("RESET"):
                with m.If(resets == 0):
                    answer(Status.OK)
                with m.Else():
                    m.d.sync += resets.eq(resets - 1)
            with m.State("ANSWER"):
                m.d.sync += header.flags.eq(flags)
                m.next = "DISPATCH"
            with m.State("DISPATCH"):
                m.d.comb += [sender.start.eq(1), sender.header.eq(header), sender.length.eq(length)]
                m.next = "IDLE"
