"""The contract between an engine and whatever drives it: a shell, or a tile of a cluster."""

from dataclasses import dataclass

from amaranth.hdl import unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.stream import Word

__all__ = ["COUNTER_WIDTH", "REQUEST_WIDTH", "TRAILER_MARKER", "CounterDescription", "EngineSignature", "Word"]


#: Width of a counter register, in bits. Counters wrap.
COUNTER_WIDTH = 32

#: Width of a request for a row, in bits.
REQUEST_WIDTH = 32

#: Bits 15 to 8 of the trailer, the final beat of each output packet.
TRAILER_MARKER = 0xED


@dataclass(frozen=True)
class CounterDescription:
    """What a counter counts.

    Parameters
    ----------
    name : str
        Identifier in lower case, unique in its engine.
    unit : str
        Unit of one count, for example ``"cycles"`` or ``"multiply-accumulates"``.
    doc : str
        One sentence for the manifest and the documentation.
    width : int
        Width of the event port in bits, 1 to 32.
    kind : ``"sum"`` or ``"max"``
        Whether the register adds up its event port, wrapping at 32 bits, or keeps its maximum.

    Raises
    ------
    TypeError
        If a text is not a string, or ``width`` is not an integer.
    ValueError
        If ``name`` is not a lower-case identifier, or ``width`` or ``kind`` is out of range.
    """

    name: str
    unit: str
    doc: str
    width: int = 1
    kind: str = "sum"

    def __post_init__(self):
        for attribute in ("name", "unit", "doc"):
            value = getattr(self, attribute)
            if not isinstance(value, str):
                raise TypeError(f"Counter {attribute} must be a string, not {value!r}")
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise ValueError(f"Counter name must be a lower-case identifier, not {self.name!r}")
        if not isinstance(self.width, int) or isinstance(self.width, bool):
            raise TypeError(f"Counter width must be an integer, not {self.width!r}")
        if not 1 <= self.width <= COUNTER_WIDTH:
            raise ValueError(f"Counter width must be between 1 and {COUNTER_WIDTH}, not {self.width!r}")
        if self.kind not in ("sum", "max"):
            raise ValueError(f"Counter kind must be 'sum' or 'max', not {self.kind!r}")


class EngineSignature(wiring.Signature):
    """Ports of an engine.

    An engine is a component with this signature and three attributes: ``counters``, the tuple of
    :class:`CounterDescription` given here; ``error_codes``, an :class:`enum.Enum` whose ``NONE`` is 0
    and whose other values are 1 to 127; ``parameters``, a frozen dataclass.

    Each input packet yields exactly one output packet and one element of ``done``, also when it is
    malformed: then the engine takes it up to its ``last`` beat and reports an error. The final beat of
    an output packet is a trailer: its bits 7 to 0 are the error code, its bits 15 to 8 are
    ``TRAILER_MARKER``.

    With ``fetch`` the engine asks the host for rows of data by number, and gets each as a packet, in the order of
    its requests. It takes every row that it asked for up to the ``last`` beat, also when its task fails.

    Parameters
    ----------
    bus_width : int
        Width of a beat's data in bits: a multiple of 8, at least 16, so that a trailer fits one beat.
    counters : sequence of :class:`CounterDescription`
        Counters of the engine, in the order of their registers.
    fetch : bool
        Whether the engine fetches rows.

    Members
    -------
    i : ``In(stream.Signature(Word(bus_width)))``
        Task packets: header, then body.
    o : ``Out(stream.Signature(Word(bus_width)))``
        Result packets: results, then trailer.
    done : ``Out(stream.Signature(StructLayout({"error": 8})))``
        One element a finished task; ``error`` is zero for a good one.
    busy : ``Out(1)``
        High from the cycle after a task's first beat is taken until its last output is taken.
    events : ``Out(StructLayout({name: width, ...}))``
        One port a counter, sampled each cycle.
    fetch : ``Out(stream.Signature(unsigned(REQUEST_WIDTH)))``, if the engine fetches rows
        Requests. What a number stands for is up to the engine.
    fetched : ``In(stream.Signature(Word(bus_width)))``, if the engine fetches rows
        One packet for each request, in the order of the requests.

    Raises
    ------
    TypeError
        If ``bus_width`` is not an integer, ``counters`` holds anything but descriptions, or ``fetch`` is not a
        boolean.
    ValueError
        If ``bus_width`` is out of range, or two counters share a name.
    """

    def __init__(self, bus_width, counters=(), fetch=False):
        if not isinstance(bus_width, int) or isinstance(bus_width, bool):
            raise TypeError(f"Bus width must be an integer, not {bus_width!r}")
        if bus_width < 16 or bus_width % 8 != 0:
            raise ValueError(f"Bus width must be a multiple of 8 and at least 16, not {bus_width!r}")
        word = Word(bus_width)
        counters = tuple(counters)
        for counter in counters:
            if not isinstance(counter, CounterDescription):
                raise TypeError(f"Counter must be a CounterDescription, not {counter!r}")
        names = [counter.name for counter in counters]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Counter names must be unique, but {name!r} is used more than once")
        if not isinstance(fetch, bool):
            raise TypeError(f"Fetch must be True or False, not {fetch!r}")
        self._bus_width = bus_width
        self._counters = counters
        self._fetch = fetch
        fetch_members = {
            "fetch": Out(stream.Signature(unsigned(REQUEST_WIDTH))),
            "fetched": In(stream.Signature(word)),
        }
        super().__init__({
            "i": In(stream.Signature(word)),
            "o": Out(stream.Signature(word)),
            "done": Out(stream.Signature(data.StructLayout({"error": 8}))),
            "busy": Out(1),
            "events": Out(data.StructLayout({counter.name: counter.width for counter in counters})),
            **(fetch_members if fetch else {}),
        })

    @property
    def bus_width(self):
        """Width of a beat's data in bits."""
        return self._bus_width

    @property
    def counters(self):
        """Descriptions of the engine's counters, in the order of their registers."""
        return self._counters

    @property
    def fetch(self):
        """Whether the engine fetches rows."""
        return self._fetch

    def __eq__(self, other):
        return (isinstance(other, EngineSignature) and self.bus_width == other.bus_width
                and self.counters == other.counters and self.fetch == other.fetch)

    def __repr__(self):
        return f"EngineSignature({self.bus_width!r}, {self.counters!r}{', fetch=True' if self.fetch else ''})"
