"""The packet word: one bus beat of data and a flag that ends the packet."""

from amaranth.lib import data

from ._check import require_positive


class Word(data.StructLayout):
    """Payload of a packet stream.

    Parameters
    ----------
    width : int
        Width of `data` in bits, at least 1.

    Members
    -------
    data : unsigned(width)
        One beat; the byte or lane that comes first in time sits in the low bits.
    last : unsigned(1)
        High on the final beat of a packet.
    """

    def __init__(self, width):
        require_positive("width", width)
        super().__init__({"data": width, "last": 1})
        self._width = width

    @property
    def width(self):
        """Width of `data` in bits."""
        return self._width

    def __repr__(self):
        return f"Word({self._width})"
