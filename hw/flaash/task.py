"""The task header of `flaash`: its layout on the stream, and the errors a task can have."""

from amaranth.hdl import unsigned
from amaranth.lib import data, enum

__all__ = ["HEADER_BITS", "HEADER_MAGIC", "NO_RESULT", "FlaashError", "Header"]

HEADER_MAGIC = 0xF1A5
HEADER_BITS = 256

#: Destination of a lane of a result beat that has no result.
NO_RESULT = (1 << 32) - 1


class FlaashError(enum.Enum, shape=unsigned(8)):
    """Errors that a task can end with; the code is in the trailer of its result packet."""

    NONE = 0
    BAD_MAGIC = 1        # the header does not start with HEADER_MAGIC, or a reserved bit is set
    NOTHING = 2          # the task neither loads nor contracts
    BAD_SIZE = 3         # no fibers, or more fibers or entries than the memory holds
    BAD_PORTIONS = 4     # no portions, fibers of a tensor are not a multiple of them, or too many sums
    NO_TENSOR = 5        # a contraction of a tensor that is not there: never loaded, or its loading failed
    BAD_POINTER = 6      # a fiber pointer decreases, or exceeds the entries, or the last is not all of them
    BAD_INDEX = 7        # an index is not below the length
    SHORT_PACKET = 8     # the packet ended before its task; nothing was contracted, the tensor is gone
    LONG_PACKET = 9      # beats followed the task; they were dropped, and nothing was contracted
    BAD_LENGTHS = 10     # the contracted modes of the tensors differ in length


class Header(data.StructLayout):
    """First 32 bytes of a task, little-endian; they fill a beat, or several, whole.

    A task loads tensor a, loads tensor b, contracts, or any of these, in this order. Tensors stay until others take
    their place. A tensor that is loaded has ``fibers`` pieces of fibers and ``entries`` entries, both 0 of one that is
    not; its indices are below ``length``.

    The contracted mode may be cut in ``portions``: piece ``p * F + f`` of a tensor is what fiber f of its F fibers has
    in portion p. The sums of the portions are added in ascending order.

    With ``drop_zeros`` results that are zero are not sent.
    """

    def __init__(self):
        super().__init__({
            "magic": 16, "load_a": 1, "load_b": 1, "contract": 1, "drop_zeros": 1, "reserved_flags": 12,
            "portions": 16, "reserved": 16, "length": 32,
            "fibers_a": 32, "entries_a": 32, "fibers_b": 32, "entries_b": 32, "reserved_word": 32,
        })
