"""Memory of both tensors: banks that the engines take in turn, or, for simulation only, a port for each engine."""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.shared import shared
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.rotate import rotated

__all__ = ["ReadPort", "TensorMemory", "read_latency"]


def read_latency(parameters):
    """Cycles from the one in which a request is granted to the one in which its row is there."""
    return 5 + parameters.latency


class ReadPort(wiring.Signature):
    """Reading of rows by one engine, a row a cycle.

    Members
    -------
    row : Out
        What to read.
    turn : In
        The bank that can be read in this cycle: the row is there later if it lies in it.
    data : In
        The row, `read_latency` cycles later.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({"row": Out(p.row_bits), "turn": In(max(1, p.bank_bits)),
                          "data": In(p.row_entries * p.entry_width)})


class TensorMemory(wiring.Component):
    """Rows of entries in as many banks as there are engines, row r in bank r modulo their number.

    In cycle t engine e may read bank (e + t) modulo their number: no two ever want the same, there is no arbiter, and
    the cross-bar is a rotation. An engine that reads consecutive rows gets one a cycle once the turn of the first has
    come, which takes at most as many cycles as there are banks.

    With the parameter ``memory="ideal"`` each engine has a port of its own, and it is always its turn: the memory that
    the source assumes, to compare with. It is not for synthesis.

    Latency: `read_latency`. A row that is written in a cycle in which it is read is undefined.

    Members
    -------
    write_enable, write_row, write_data : In
        A row a cycle, written in the next one.
    read : In(ReadPort).array(engines)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "write_enable": In(1), "write_row": In(p.row_bits), "write_data": In(p.row_entries * p.entry_width),
            "read": In(ReadPort(p)).array(p.engines),
        })

    def elaborate(self, platform):
        m = Module()
        if self._parameters.memory == "ideal":
            self._elaborate_ideal(m)
        else:
            self._elaborate_banked(m)
        return m

    def _elaborate_ideal(self, m):
        p = self._parameters
        m.submodules.ram = ram = memory.Memory(shape=p.row_entries * p.entry_width, depth=p.rows, init=[])
        write = ram.write_port()
        m.d.comb += [write.en.eq(self.write_enable), write.addr.eq(self.write_row), write.data.eq(self.write_data)]
        for number, port in enumerate(self.read):
            read = ram.read_port()
            m.d.comb += [read.addr.eq(port.row),
                         port.data.eq(delay(m, read.data, read_latency(p) - 1, f"data{number}", payload=True))]

    def _elaborate_banked(self, m):
        p = self._parameters
        banks, bits = p.engines, p.bank_bits
        depth, width = p.rows // banks, p.row_entries * p.entry_width
        turn = Signal(max(1, bits))
        m.d.sync += turn.eq(turn + 1 if bits else 0)
        for number, port in enumerate(self.read):
            # A copy for each engine, which starts at its own number.
            own = Signal(max(1, bits), init=number, name=f"turn{number}")
            m.d.sync += own.eq(own + 1 if bits else 0)
            m.d.comb += port.turn.eq(own)
        # Each engine's address goes to the bank of its turn, and what it read takes the same way back.
        asked = [delay(m, port.row[bits:], 1, f"row{number}", payload=True) for number, port in enumerate(self.read)]
        turn_out, turn_back = delay(m, turn, 1, "turn_out"), delay(m, turn, 4 + p.latency, "turn_back")
        rows = rotated(asked, turn_out, back=True)
        write_bank = self.write_row[:bits]
        row, written = (delay(m, value, 1, name, payload=True)
                        for name, value in (("write_row", self.write_row), ("written", self.write_data)))
        shown = []
        for number in range(banks):
            enable = Signal(name=f"enable{number}")
            m.d.sync += enable.eq(self.write_enable & (write_bank == number if bits else 1))
            bank = shared(BlockMemory, width, depth, latency=2, vendor=p.vendor)
            m.submodules[f"bank{number}"] = bank
            m.d.comb += [
                bank.write_enable.eq(enable), bank.write_address.eq(row[bits:]), bank.write_data.eq(written),
                bank.read_enable.eq(1),
                bank.read_address.eq(delay(m, rows[number], 1, f"address{number}", payload=True)),
            ]
            shown.append(delay(m, bank.read_data, p.latency, f"shown{number}", payload=True))
        for port, row in zip(self.read, rotated(shown, turn_back), strict=True):
            m.d.sync += port.data.eq(row)

