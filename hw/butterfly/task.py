"""The task header of `butterfly`: its layout on the stream, its legal values, and the errors it can have."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from .stage_walk import Shape

__all__ = ["HEADER_BITS", "HEADER_MAGIC", "ButterflyError", "Header", "HeaderCheck"]

HEADER_MAGIC = 0xBF1F
HEADER_BITS = 128


class ButterflyError(enum.Enum, shape=unsigned(8)):
    """Errors that a task can end with; the code is in the trailer of its result packet."""

    NONE = 0
    BAD_MAGIC = 1        # the header does not start with HEADER_MAGIC, or a reserved bit is set
    BAD_POINTS = 2       # no stages, more than those of the longest vector of a task, or a block that no vector has
    BAD_GROUP = 3        # no memory rows in a group, more than there are, or not those of whole vectors
    EMPTY = 4            # no groups
    NO_MODE = 5          # a mode that this accelerator was built without
    NO_COEFFICIENTS = 6  # coefficients are to be kept from the task before, which left none of this size
    SHORT_PACKET = 7     # the packet ended before its task; only whole groups were worked on
    LONG_PACKET = 8      # beats followed the task; they were dropped


class Header(data.StructLayout):
    """First 16 bytes of a task, little-endian.

    Vectors have ``2^stages`` points. ``memory_rows`` rows of words make a group, of which there are ``groups``. With
    ``fft`` the words are complex and there are no coefficients; otherwise coefficients follow the header, unless those
    of the task before are to be kept. In fixed point the results of stage i, of which the first has the longest stride,
    are halved where bit i of ``scaling`` is set; other bits, and all of floating point, must be 0.

    A task may be a part of a transform of longer vectors: only the first ``worked`` of the stages are worked on, unless
    that is 0, and the vectors of an ``fft`` are block ``first_block`` of the longer ones after its earlier stages.

    With ``relu`` the results of a task with coefficients that have the sign bit become +0. With ``norm`` the task is
    one of layer normalisation, of ``groups`` vectors, perhaps a ``residual`` is added before, and perhaps it is
    ``affine``, with weights and biases; see :class:`~hw.butterfly.norm_task.NormTask`. Other fields are then 0.
    """

    def __init__(self):
        super().__init__({
            "magic": 16, "fft": 1, "keep_coefficients": 1, "norm": 1, "residual": 1, "affine": 1, "relu": 1,
            "reserved_flags": 10,
            "stages": 8, "worked": 8, "memory_rows": 16, "groups": 32, "first_block": 16, "scaling": 16,
        })


class HeaderCheck(wiring.Component):
    """Check a header, and derive the shape of its groups.

    All outputs are there ``latency`` cycles after the header, which is to stay.

    Members
    -------
    header : In(Header)
    kept_stages, kept_worked : In
        Stages of the vectors whose coefficients are there, and those worked on; 0 if there are none.
    shape : Out(Shape)
    error : Out(ButterflyError)
    """

    latency = 3

    def __init__(self, parameters):
        p = self._parameters = parameters
        shape = Shape(p)
        super().__init__({
            "header": In(Header()), "kept_stages": In(shape["stages"].shape),
            "kept_worked": In(shape["worked"].shape), "shape": Out(shape),
            "error": Out(ButterflyError),
        })

    def elaborate(self, platform):
        m = Module()
        p, header, shape = self._parameters, self.header, self.shape
        last_row = (header.memory_rows - 1)[:p.address_bits]
        # Memory rows of a vector, less one: as many ones as its points are larger than a row.
        vector_rows = Signal(p.address_bits)
        # Bits of `scaling` that are no stage's.
        no_stages = Signal(len(header.scaling), init=(1 << len(header.scaling)) - 1)
        with m.Switch(header.stages):
            for stages in range(p.max_stages + 1):
                with m.Case(stages):
                    m.d.sync += vector_rows.eq((1 << stages >> p.bank_bits) - 1 if stages > p.bank_bits else 0)
                    if p.fixed_point:
                        m.d.sync += no_stages.eq(-1 << stages)
        if p.fixed_point:
            m.d.sync += shape.scaling.eq(header.scaling)
        # Blocks of the longest vector that are as long as these vectors.
        last_block, worked = Signal(max(1, p.block_bits)), Signal(8)
        m.d.sync += last_block.eq((p.max_points >> header.stages) - 1)
        m.d.comb += worked.eq(Mux(header.worked == 0, header.stages, header.worked))
        wrong = {error: Signal(name=error.name.lower()) for error in (
            ButterflyError.BAD_MAGIC, ButterflyError.BAD_POINTS, ButterflyError.BAD_GROUP, ButterflyError.EMPTY,
            ButterflyError.NO_MODE, ButterflyError.NO_COEFFICIENTS)}
        keeps = header.keep_coefficients & ~header.fft
        m.d.sync += [
            shape.fft.eq(header.fft), shape.stages.eq(header.stages), shape.worked.eq(worked),
            shape.last_row.eq(last_row), shape.vector_rows.eq(vector_rows), shape.first_block.eq(header.first_block),
            wrong[ButterflyError.BAD_MAGIC].eq(
                (header.magic != HEADER_MAGIC) | header.reserved_flags.any() | (header.fft & header.relu)
                | (~header.norm & (header.residual | header.affine)) | (header.scaling & no_stages).any()),
            wrong[ButterflyError.BAD_POINTS].eq(
                (header.stages == 0) | (header.stages > p.max_stages) | (header.worked > header.stages)
                | (header.first_block > Mux(header.fft, last_block, 0))),
            wrong[ButterflyError.BAD_GROUP].eq(
                ~header.norm & ((header.memory_rows == 0) | (header.memory_rows > p.memory_rows)
                                | ((last_row & vector_rows) != vector_rows))),
            wrong[ButterflyError.EMPTY].eq(header.groups == 0),
            wrong[ButterflyError.NO_MODE].eq(header.norm | Mux(header.fft, int(not p.fft), int(not p.bpmm))),
            wrong[ButterflyError.NO_COEFFICIENTS].eq(
                keeps & ((self.kept_stages != header.stages) | (self.kept_worked != worked))),
        ]
        # The first of those that are wrong.
        found = Signal(ButterflyError)
        for error, is_wrong in reversed(wrong.items()):
            with m.If(is_wrong):
                m.d.comb += found.eq(error)
        m.d.sync += self.error.eq(found)
        return m
