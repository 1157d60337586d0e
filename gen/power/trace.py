"""Values of signals at each rising edge of the clock, from a waveform."""

import re
from bisect import bisect_right

import numpy as np

from gen.errors import ThresherError

__all__ = ["Trace", "read_trace"]


class Trace:
    """Signals of a simulation, sampled as flip-flops sample them: just before each rising edge of the clock.

    Attributes
    ----------
    cycles : int
    signals : dict of str to (variable, int)
        Variable and width by path below the top.
    """

    def __init__(self, signals, edges):
        self.signals, self._edges, self._words = signals, edges, {}
        self.cycles = len(edges)

    def word(self, name, bit):
        """Values of a bit as an integer with a bit a cycle, or None for a signal that the waveform does not have."""
        if name not in self.signals:
            return None
        if name not in self._words:
            self._words[name] = self._sample(*self.signals[name])
        words = self._words[name]
        return words[bit] if bit < len(words) else None

    def _sample(self, variable, width):
        # A value counts from the first edge after its time; of several before one edge the last does.
        first, values = [0], [0]
        for time, value in variable.signal:
            cycle = bisect_right(self._edges, time)
            # Unknown bits, of Icarus, are zeros.
            value = value if isinstance(value, int) else int(str(value).lower().translate(_UNKNOWN) or "0", 2)
            if cycle == first[-1]:
                values[-1] = value
            elif cycle < self.cycles:
                first.append(cycle)
                values.append(value)
        size = -(-width // 8)
        table = np.frombuffer(b"".join(value.to_bytes(size, "little") for value in values), np.uint8)
        bits = np.unpackbits(table.reshape(len(values), size), axis=1, bitorder="little", count=width)
        whole = np.repeat(bits, np.diff([*first, self.cycles]), axis=0)
        return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(whole.T, axis=1, bitorder="little")]


_UNKNOWN = str.maketrans("xzuw-", "00000")


def read_trace(path, top, clock="clk"):
    """Read a waveform.

    Parameters
    ----------
    path : path-like
        FST or VCD file.
    top : str
        Scope whose signals are wanted, wherever it is.
    clock : str
        Its clock.

    Returns
    -------
    :class:`Trace`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the file has no such scope or no edge of its clock.
    """
    from pywellen import Waveform

    waveform = Waveform(str(path))
    signals = {}
    for variable in waveform.all_vars():
        parts = variable.full_name.split(".")
        if top in parts[:-1]:
            name = ".".join(parts[parts.index(top) + 1:]).replace("\\", "").replace(" ", "")
            # A word of a memory, whose name ends in an index, reads as a scope; a range is no part of a name.
            name = re.sub(r"\[\d+:\d+\]$", "", name.replace(".[", "["))
            signals[name] = variable, variable.bitwidth or 1
    if clock not in signals:
        raise ThresherError(f"The waveform has no clock {clock!r} in {top!r}.")
    edges = [time for time, value in signals[clock][0].signal if value in (1, "1")]
    if len(edges) < 2:
        raise ThresherError(f"The clock {clock!r} of the waveform does not run.")
    return Trace(signals, edges)
