"""The transport of a board against the simulated bridge, on a line that is not perfect."""

import random

import pytest
import serial

from gen.emit.emission import emit_verilog
from gen.emit.serial_transport import serial_transport
from hw.bridge import BridgedShell
from hw.bridge.protocol import END
from hw.shell import Shell
from sim.host.serial_transport import SerialTransport, TransportError
from sim.runner.serial_simulation import serial_simulation
from tests.shell.row_sum import RowSum, model, random_rows, to_bytes
from tests.streams import generator

DIVISOR, CHUNK = 4, 64


class BadLine:
    """A port that loses, changes and adds bytes, each with probability `rate`."""

    def __init__(self, name, rate, rng):
        self._port, self._rate, self._rng = serial.Serial(name, timeout=1.0), rate, rng

    def _spoil(self, data):
        out = bytearray()
        for byte in data:
            if self._rng.random() >= self._rate:
                out.append(byte)
            else:
                out += self._rng.choice([b"", bytes([byte ^ 1 << self._rng.randrange(8)]),
                                         bytes([byte, self._rng.getrandbits(8)]), bytes([END, byte])])
        return bytes(out)

    def write(self, data):
        """Write what is left of the bytes."""
        self._port.write(self._spoil(data))

    def read(self, size):
        """Read what is left of the bytes."""
        return self._spoil(self._port.read(size))

    def close(self):
        """Close the port."""
        self._port.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    verilog = tmp_path_factory.mktemp("line") / "line.v"
    shell = Shell(RowSum(), "row_sum", "1.2.3")
    verilog.write_text(emit_verilog(BridgedShell(shell, DIVISOR, chunk=CHUNK), "line")[0])
    with serial_simulation(verilog, "line", DIVISOR) as name:
        yield name


@pytest.fixture
def transport(port):
    transport = SerialTransport(port, timeout=20.0)
    yield transport
    transport.close()


def exchange(transport, rng, *, tasks, longest, beats):
    rows = random_rows(rng, longest=longest)
    transport.serve({request: to_bytes(row) for request, row in rows.items()})
    asked = []
    for _ in range(tasks):
        # Also requests that have no row: they get a beat of zeros.
        requests = [rng.choice([*rows, 12345]) for _ in range(beats)]
        transport.send(to_bytes(requests))
        assert transport.receive() == to_bytes(model(requests, rows))
        asked += requests
    return asked


def test_packets_and_rows_longer_than_a_frame(transport):
    asked = exchange(transport, generator(), tasks=2, longest=40, beats=20)
    assert transport.requests == asked
    assert transport.repeats == 0
    assert transport.bus_bytes == 4


def test_a_task_whose_results_fill_the_queues(transport):
    """All rows have one beat, so that results come while the task is still being sent."""
    exchange(transport, generator(), tasks=1, longest=1, beats=120)


def test_a_bad_line(port):
    rng = generator()
    transport = SerialTransport(BadLine(port, 0.01, random.Random(rng.getrandbits(32))), attempts=50)
    assert transport.read(0) == int.from_bytes(b"THRS", "big")
    asked = exchange(transport, rng, tasks=2, longest=6, beats=12)
    assert transport.requests == asked
    assert transport.repeats > 0
    transport.close()


def test_what_a_host_that_went_away_has_left(port):
    """Half a frame, and half a packet."""
    first = SerialTransport(port, timeout=20.0)
    first._ask(3, bytes(2) + bytes(8))
    first._port.write(bytes([END, 3, 17, 9]))
    first.close()
    second = SerialTransport(port, timeout=20.0)
    exchange(second, generator(), tasks=1, longest=3, beats=3)
    second.close()


def test_refusals(transport):
    with pytest.raises(TransportError, match=r"^/dev/\S+ answers READ fc0f with REFUSED$"):
        transport.read(0xFFC)
    transport._patience = 0.2
    with pytest.raises(TransportError, match=r"^/dev/\S+: the accelerator sends no result for 0\.2 s$"):
        transport.receive()


def test_nobody_answers():
    class Silence:
        def write(self, data):
            pass

        def read(self, size):
            return b""

    with pytest.raises(TransportError, match=r"^the port does not answer HELLO: is the bitstream loaded"):
        SerialTransport(Silence())
    with pytest.raises(TransportError, match=r"^Cannot open the port /dev/there-is-none: "):
        SerialTransport("/dev/there-is-none")


def test_the_emitted_file_stands_alone(port, tmp_path):
    text = serial_transport("row_sum", 3_000_000)
    assert "from hw" not in text and "from sim" not in text
    module = {"__name__": "row_sum_serial"}
    exec(compile(text, "row_sum_serial.py", "exec"), module)
    assert module["BAUD"] == 3_000_000
    transport = module["SerialTransport"](port, timeout=20.0)
    assert transport.read(8) == int.from_bytes(b"row_", "big")
    transport.close()
