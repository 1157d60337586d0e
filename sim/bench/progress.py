"""Counts of what a stream has moved, that a script can wait for."""

from cocotb.triggers import Event

__all__ = ["Progress"]


class Progress:
    """Words and packets moved so far, and when.

    Attributes
    ----------
    words : int
        Words moved.
    cycles : list of (int, int)
        Cycles of the first and the last word of each whole packet.
    first, latest : int or None
        Cycles of the first and the latest word of all.
    """

    def __init__(self, clocking):
        self._clocking = clocking
        self._open = None
        self._waiting = []
        self.words = 0
        self.cycles = []
        self.first = None
        self.latest = None

    @property
    def packets(self):
        """Whole packets moved."""
        return len(self.cycles)

    def word(self, last):
        """Count a word moved at the present edge."""
        self.words += 1
        self.latest = cycle = self._clocking.cycle
        if self.first is None:
            self.first = cycle
        if self._open is None:
            self._open = cycle
        if last:
            self.cycles.append((self._open, cycle))
            self._open = None
        if self._waiting:
            self._wake()

    def drop_open_packet(self):
        """A reset ended the packet under way."""
        self._open = None

    def _wake(self):
        for waiting in list(self._waiting):
            attribute, count, event = waiting
            if getattr(self, attribute) >= count:
                event.set()
                self._waiting.remove(waiting)

    async def reach(self, attribute, count):
        """Wait until ``words`` or ``packets`` is at least `count`."""
        if getattr(self, attribute) < count:
            event = Event()
            self._waiting.append((attribute, count, event))
            await event.wait()
