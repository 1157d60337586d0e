"""Transport of the driver over the serial line of a board: what the bridge of the bitstream understands."""

import binascii
import contextlib
import struct
import time
from collections import deque

from hw.bridge.protocol import END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE, VERSION, Command, Flags, Status

#: Bits a second of the line.
BAUD = 1_000_000


class TransportError(Exception):
    """The board does not answer, or refuses a request."""


class SerialTransport:
    """Registers, packets and rows of an accelerator behind a serial line.

    Opening it resets the accelerator, so that nothing of a host that went away is left.

    Parameters
    ----------
    port : str or object
        Name of the port, or any URL that pyserial understands; or an open port: an object with ``read(size)``, which
        returns what has come until its own timeout, and ``write(bytes)``.
    baud : int
        Bits a second, those of the bitstream.
    timeout : float
        Seconds to wait for an answer before the request is repeated.
    attempts : int
        How often a request is made.
    patience : float
        Seconds for which `send` and `receive` wait while nothing moves.

    Raises
    ------
    TransportError
        Nothing that speaks this protocol answers.
    """

    def __init__(self, port, *, baud=BAUD, timeout=0.5, attempts=5, patience=30.0):
        self._attempts, self._patience = attempts, patience
        self._port = _open(port, baud, timeout) if isinstance(port, str) else port
        self._name = port if isinstance(port, str) else "the port"
        self._sequence, self._flags = 0, Flags(0)
        self._frame, self._frames = bytearray(), deque()
        self._request_bytes, self._outgoing = bytearray(), deque()
        self._result, self._results = bytearray(), deque()
        self._rows = {}
        #: Every request for a row that was answered, in order.
        self.requests = []
        #: How often a request was repeated.
        self.repeats = 0
        # Ends whatever frame a host before us has begun.
        self._port.write(bytes([END]))
        version, fetch, self.bus_bytes, self._chunk, self.stop_bits_missing, self.frames_damaged = struct.unpack(
            "<BBHHHH", self._ask(Command.HELLO, sequence=0)[1])
        if version != VERSION:
            raise TransportError(f"{self._name} speaks version {version} of the protocol, not {VERSION}")
        self._fetch = bool(fetch)
        self.reset()

    def reset(self):
        """Put the accelerator into the state after power-up, and forget what was on its way."""
        self._ask(Command.RESET)
        for queue in (self._request_bytes, self._outgoing, self._result, self._results):
            queue.clear()

    def close(self):
        """Close the port."""
        self._port.close()

    def read(self, address):
        """Read a 32-bit register at a byte address."""
        return int.from_bytes(self._ask(Command.READ, struct.pack("<H", address))[1], "little")

    def write(self, address, value):
        """Write a 32-bit register at a byte address."""
        self._ask(Command.WRITE, struct.pack("<HI", address, value))

    def send(self, data):
        """Send one packet, a whole number of beats; meanwhile results are collected and fetches are answered."""
        pieces = deque(_pieces(data, self._chunk))
        self._wait(lambda: self._deliver(Command.SEND, pieces), lambda: not pieces, "takes no data")

    def receive(self):
        """Wait for one packet; meanwhile fetches are answered."""
        self._wait(None, lambda: self._results, "sends no result")
        return self._results.popleft()

    def serve(self, rows):
        """Answer fetches from now on with these rows; one that has no row gets a beat of zeros."""
        self._rows = rows

    def _wait(self, work, done, complaint):
        """Do `work`, collect and serve until `done`."""
        moved = time.monotonic()
        while not done():
            moves = work() if work else False
            # The flags of an answer tell what there is; who asks for nothing has to look.
            if work is None or Flags.RESULT in self._flags:
                moves |= self._collect()
            moves |= self._serve()
            if moves:
                moved = time.monotonic()
            elif time.monotonic() > moved + self._patience:
                raise TransportError(f"{self._name}: the accelerator {complaint} for {self._patience:g} s")

    def _collect(self):
        _status, data = self._ask(Command.RECEIVE)
        self._result += data
        if Flags.ENDS in self._flags:
            self._results.append(bytes(self._result))
            self._result.clear()
        return bool(data)

    def _serve(self):
        if not self._fetch:
            return False
        if Flags.REQUESTS in self._flags:
            self._request_bytes += self._ask(Command.FETCH)[1]
            whole = len(self._request_bytes) // 4 * 4
            for request, in struct.iter_unpack("<I", self._request_bytes[:whole]):
                self.requests.append(request)
                self._outgoing.extend(_pieces(self._rows.get(request, bytes(self.bus_bytes)), self._chunk))
            del self._request_bytes[:whole]
        return self._deliver(Command.SERVE, self._outgoing)

    def _deliver(self, command, pieces):
        """Send pieces until there is no room, whole packets of one length in one frame; returns if any was taken."""
        taken = False
        while pieces:
            ends, data = pieces[0]
            together = [data]
            room = self._chunk - len(data)
            for next_ends, piece in list(pieces)[1:1 + room // len(data)] if ends else ():
                if not next_ends or len(piece) != len(data):
                    break
                together.append(piece)
            payload = struct.pack("<H", len(data) if ends else 0) + b"".join(together)
            if self._ask(command, payload, legal=(Status.OK, Status.BUSY))[0] == Status.BUSY:
                break
            for _ in together:
                pieces.popleft()
            taken = True
        return taken

    def _ask(self, command, payload=b"", *, legal=(Status.OK,), sequence=None):
        """Make a request until it is answered; returns status and payload."""
        if sequence is None:
            sequence = self._sequence = self._sequence % 255 + 1
        request = bytes([command, sequence]) + payload
        request = bytes([END]) + _escape(request + binascii.crc_hqx(request, 0).to_bytes(2, "big")) + bytes([END])
        for attempt in range(self._attempts):
            self.repeats += attempt > 0
            self._port.write(request)
            answer = self._answer(sequence)
            if answer is None:
                continue
            status, self._flags = Status(answer[0]), Flags(answer[2])
            if status not in legal:
                raise TransportError(f"{self._name} answers {command.name} {payload[:6].hex()} with {status.name}")
            return status, answer[3:]
        raise TransportError(f"{self._name} does not answer {command.name}: is the bitstream loaded, and are port and "
                             "speed its own?")

    def _answer(self, sequence):
        """The answer of this sequence, or None if there is none in time or the request came damaged."""
        while True:
            while not self._frames:
                data = self._port.read(max(1, getattr(self._port, "in_waiting", 1)))
                if not data:
                    return None
                for byte in data:
                    if byte != END:
                        self._frame.append(byte)
                    elif self._frame:
                        self._frames.append(_unescape(self._frame))
                        self._frame.clear()
            frame = self._frames.popleft()
            # Damaged ones, and those of requests before that were answered twice, are no answer.
            if len(frame) >= 5 and binascii.crc_hqx(frame, 0) == 0:
                if frame[0] == Status.BAD_FRAME and frame[1] == 0 and sequence != 0:
                    return None
                if frame[0] != Status.BAD_FRAME and frame[1] == sequence:
                    return frame[:-2]


def _open(name, baud, timeout):
    try:
        import serial
    except ImportError:
        raise TransportError("A serial port needs the Python package pyserial: run `pip install pyserial`") from None
    try:
        port = serial.serial_for_url(name, baudrate=baud, timeout=timeout)
    except (serial.SerialException, ValueError) as error:
        raise TransportError(f"Cannot open the port {name}: {error}") from error
    # USB converters wait up to 16 ms for more bytes unless told otherwise, which only Linux can.
    with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
        port.set_low_latency_mode(True)
    return port


def _pieces(packet, chunk):
    """Cut a packet into (whether it ends there, bytes)."""
    return [(at + chunk >= len(packet), packet[at:at + chunk]) for at in range(0, len(packet), chunk)]


def _escape(data):
    return data.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPED_ESCAPE])).replace(
        bytes([END]), bytes([ESCAPE, ESCAPED_END]))


def _unescape(data):
    return bytes(data).replace(bytes([ESCAPE, ESCAPED_END]), bytes([END])).replace(
        bytes([ESCAPE, ESCAPED_ESCAPE]), bytes([ESCAPE]))
