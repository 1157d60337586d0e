"""AXI4-Stream source and sink that cost nothing while nothing moves.

cocotbext-axi's source and sink handle each byte of a word in Python and wake in each cycle of a stall. These
drive whole words, and sleep on the edge of ``tready`` or ``tvalid``.
"""

import cocotb
from cocotb.triggers import Event

from .checks import HandshakeRule, is_high
from .progress import Progress

__all__ = ["StreamSink", "StreamSource"]

#: With stalls, the sink's ready still moves for so many cycles after the last word, and then rests.
_RESTLESS_CYCLES = 8


class _Partner:
    """What source and sink share: progress, a brake, a task that a reset restarts."""

    def __init__(self, clocking, stall, random):
        self.progress = Progress(clocking)
        self._clocking = clocking
        self._stall = stall
        self._random = random
        self._running = Event()
        self._running.set()
        self._task = None

    def pause(self):
        """Start no further word."""
        self._running.clear()

    def resume(self):
        """Undo `pause`."""
        self._running.set()

    def start(self):
        """Begin, or begin again after `stop`."""
        self._task = cocotb.start_soon(self._run())

    def stop(self):
        """Let go of the bus, as a reset asks; a packet under way is given up."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.progress.drop_open_packet()
        self._release()


class StreamSource(_Partner):
    """Sends packets back to back.

    Parameters
    ----------
    dut : HierarchyObject
        Top with `prefix` ``_tdata``, ``_tvalid``, ``_tready``, ``_tlast``.
    clocking : Clocking
    packets : list of bytes
    width : int
        Bits of a word.
    stall : float
        Probability that no word is offered in a cycle in which one could be. In such a cycle the payload is
        noise, so that a design that looks at it is found out.
    random : random.Random
    prefix : str
        What the names of the stream's ports begin with.
    """

    def __init__(self, dut, clocking, packets, width, stall, random, prefix="s_axis"):
        super().__init__(clocking, stall, random)
        self._data, self._last = getattr(dut, f"{prefix}_tdata"), getattr(dut, f"{prefix}_tlast")
        self._valid, self._ready = getattr(dut, f"{prefix}_tvalid"), getattr(dut, f"{prefix}_tready")
        self._keep = getattr(dut, f"{prefix}_tkeep", None)
        self._packets = iter(packets)
        self._width = width
        self.offering = False
        self.idle = Event()
        self._release()

    def _release(self):
        self.offering = False
        self._valid.value = 0
        self._data.value = 0
        self._last.value = 0
        if self._keep is not None:
            self._keep.value = (1 << self._width // 8) - 1

    async def _run(self):
        size = self._width // 8
        await self._clocking.edge
        while (packet := await self._next_packet()) is not None:
            end = len(packet) - size
            for offset in range(0, len(packet), size):
                await self._rest()
                last = offset == end
                self._data.value = int.from_bytes(packet[offset : offset + size], "little")
                if last or offset == 0 or self._stall:
                    self._last.value = last
                if not self.offering:
                    self.offering = True
                    self._valid.value = 1
                await self._clocking.edge
                while not is_high(self._ready):
                    await self._ready.rising_edge
                    await self._clocking.edge
                self.progress.word(last)
        self._withdraw()
        self.idle.set()

    async def _next_packet(self):
        """The packet to send next, or ``None`` when there is no other."""
        return next(self._packets, None)

    def _withdraw(self):
        if self.offering:
            self.offering = False
            self._valid.value = 0
        if self._stall:
            self._data.value = self._random.getrandbits(self._width)
            self._last.value = self._random.getrandbits(1)

    async def _rest(self):
        if not self._running.is_set():
            self._withdraw()
            await self._running.wait()
            await self._clocking.edge
        while self._stall and self._random.random() < self._stall:
            self._withdraw()
            await self._clocking.edge


class StreamSink(_Partner):
    """Takes packets, and checks the rules of AXI4-Stream on the way.

    Parameters
    ----------
    dut : HierarchyObject
        Top with `prefix` ``_tdata``, ``_tvalid``, ``_tready`` and perhaps ``_tlast`` and ``_tkeep``. Without
        ``_tlast`` each word is a packet.
    clocking : Clocking
    width : int
        Bits of a word.
    stall : float
        Probability that ready is low in a cycle.
    random : random.Random
    violations : Violations
    prefix : str
        What the names of the stream's ports begin with.
    """

    def __init__(self, dut, clocking, width, stall, random, violations, prefix="m_axis"):
        super().__init__(clocking, stall, random)
        self._prefix = prefix
        ports = {f"{prefix}_{name}": getattr(dut, f"{prefix}_{name}", None) for name in ("tdata", "tlast", "tkeep")}
        self._data, self._last, self._keep = ports.values()
        self._valid, self._ready = getattr(dut, f"{prefix}_tvalid"), getattr(dut, f"{prefix}_tready")
        self._all_bytes = "1" * (width // 8)
        self._size = width // 8
        self._violations = violations
        self._words = bytearray()
        payload = {name: port for name, port in ports.items() if port is not None}
        self._rule = HandshakeRule(f"{prefix}_t", payload, violations)
        self.packets = []
        # Cycle of each word of `packets`, and of the packet under way.
        self.word_cycles = []
        self._cycles = []
        self._release()

    def _release(self):
        self._ready.value = 0
        self._words.clear()
        self._cycles.clear()
        self._rule.forget()

    def pause(self):
        super().pause()
        self._ready.value = 0

    def resume(self):
        super().resume()
        self._ready.value = 1

    async def _run(self):
        if self._running.is_set():
            self._ready.value = 1
        quiet = 0
        while True:
            await self._clocking.edge
            valid = is_high(self._valid)
            # The port, not a copy: a script may pause the sink at any time.
            ready = is_high(self._ready)
            self._rule.observe(valid, ready)
            if valid and ready:
                self._take()
            quiet = 0 if valid else quiet + 1
            if self._stall and self._running.is_set():
                self._ready.value = self._random.random() >= self._stall
            if not valid and (not self._stall or quiet > _RESTLESS_CYCLES):
                await self._valid.rising_edge

    def _take(self):
        last = "1" if self._last is None else str(self._last.value)
        try:
            # As text: asking a LogicArray whether it holds X builds an object for each bit.
            data = int(str(self._data.value), 2) if last in "01" else None
        except ValueError:
            data = None
        if data is None:
            self._violations.report(f"word {self.progress.words} of {self._prefix} holds X")
            data = 0
        if self._keep is not None and str(self._keep.value) != self._all_bytes:
            self._violations.report(f"{self._prefix}_tkeep is not all ones")
        self._words += data.to_bytes(self._size, "little")
        self._cycles.append(self._clocking.cycle)
        if last == "1":
            self.packets.append(bytes(self._words))
            self.word_cycles.append(self._cycles)
            self._words.clear()
            self._cycles = []
        self.progress.word(last == "1")
