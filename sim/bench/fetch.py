"""The host that a top fetches rows from."""

import random

from .axi_stream import StreamSink, StreamSource
from .checks import is_high
from .failure import BenchError

__all__ = ["FetchHost"]


class FetchHost:
    """Takes requests from ``m_axis_fetch`` and sends one row for each to ``s_axis_fetch``, in order.

    Parameters
    ----------
    dut : HierarchyObject
        Top with both streams.
    clocking : Clocking
    rows : dict of int to bytes
        Rows by request; one that is not there is answered with a word of zeros.
    latency : int
        Cycles between a request and the first word of its row, at least.
    width : int
        Bits of a word of a row.
    stall : float
        Probability that a stream rests in a cycle, as for `StreamSource` and `StreamSink`.
    seed : int
    violations : Violations
    """

    def __init__(self, dut, clocking, rows, latency, width, stall, seed, violations):
        if len(dut.s_axis_fetch_tdata) != width:
            raise BenchError(f"s_axis_fetch is {len(dut.s_axis_fetch_tdata)} bits wide, not {width}")
        self._row_ready = dut.s_axis_fetch_tready
        self.requests = StreamSink(
            dut,
            clocking,
            len(dut.m_axis_fetch_tdata),
            stall,
            random.Random(f"requests {seed}"),
            violations,
            prefix="m_axis_fetch",
        )
        self._rows = _RowSource(
            dut, clocking, self.requests, rows, latency, width, stall, random.Random(f"rows {seed}")
        )

    def pause(self):
        """Offer no further word of a row; requests are still taken."""
        self._rows.pause()

    def resume(self):
        """Undo `pause`."""
        self._rows.resume()

    def start(self):
        """Begin, or begin again after `stop`."""
        self.requests.start()
        self._rows.start()

    def stop(self):
        """Let go of the bus, as a reset asks; requests taken so far are not answered any more."""
        self.requests.stop()
        self._rows.stop()

    @property
    def words(self):
        """Requests taken and words of rows sent."""
        return self.requests.progress.words, self._rows.progress.words

    def waits(self):
        """What waits at present, as phrases."""
        unanswered = self.requests.progress.packets - self._rows.answered
        if self._rows.offering and not is_high(self._row_ready):
            yield f"word {self._rows.progress.words} of the rows waits for s_axis_fetch_tready"
        if unanswered:
            yield f"{unanswered} of {self.requests.progress.packets} fetches unanswered"

    def outcome(self):
        """Requests taken, and the cycle of each, as JSON values."""
        return {
            "fetches": [int.from_bytes(request, "little") for request in self.requests.packets],
            "fetch_cycles": [cycle for (cycle,) in self.requests.word_cycles],
        }


class _RowSource(StreamSource):
    """Sends the row of each request that `requests` has taken."""

    def __init__(self, dut, clocking, requests, rows, latency, width, stall, random):
        super().__init__(dut, clocking, (), width, stall, random, prefix="s_axis_fetch")
        self._requests = requests
        self._rows = rows
        self._latency = latency
        self._unknown = bytes(width // 8)
        self._begun = 0
        # Whole rows sent, and requests that a reset has put an end to.
        self.answered = 0

    def stop(self):
        super().stop()
        self._begun = self.answered = self._requests.progress.packets

    async def _next_packet(self):
        self.answered = number = self._begun
        if number == self._requests.progress.packets:
            self._withdraw()
            await self._requests.progress.reach("packets", number + 1)
        early = self._requests.word_cycles[number][0] + self._latency - self._clocking.cycle
        if early > 0:
            self._withdraw()
            await self._clocking.wait(early)
        self._begun += 1
        request = int.from_bytes(self._requests.packets[number], "little")
        return self._rows.get(request, self._unknown)
