"""Parameters of the `butterfly` accelerator: one object that hardware, golden model, planner and driver share."""

from dataclasses import dataclass

from amaranth.utils import ceil_log2

from hw.arith.fixed_format import FIXED16
from hw.arith.float_format import BF16, FP16
from hw.parameter import check_fields, is_power_of_two, parameter, require

from .stage_share import stages_of_column

__all__ = ["ButterflyParameters"]


@dataclass(frozen=True, kw_only=True)
class ButterflyParameters:
    """Everything that fixes the shape of a `butterfly` accelerator.

    A *row* has ``lanes`` butterfly units and memory for two *groups* of vectors, of ``resident_points`` words each:
    while the units work on one, the next is loaded over the results of the one before. All rows of a *column* work in
    step, on different vectors with the same coefficients. Columns follow one another: each works on its share of the
    stages, and on another group than its neighbours. A word is a complex element of a Fourier transform, or an element
    each of two real vectors. Vectors that are longer than a group are worked on in passes of shorter ones.

    Raises
    ------
    TypeError
        If a parameter is not of its type.
    ValueError
        If a parameter is out of range, or two do not fit each other.
    """

    bus_width: int = parameter(128, "AXI4-Stream data width in bits", choices=(32, 64, 128, 256, 512, 1024, 2048))
    lanes: int = parameter(4, "butterfly units of a row", choices=(1, 2, 4, 8, 16))
    rows: int = parameter(1, "rows of units that work in step on different vectors", 1, 64)
    columns: int = parameter(1, "columns of rows, each of which works on other stages of another group", 1, 8)
    max_points: int = parameter(1024, "longest vector, a power of two; in passes if it is longer than a group", 2, 8192)
    resident_points: int = parameter(1024, "words of a group of vectors in the memory of a row, a power of two",
                                    4, 8192)
    arithmetic: str = parameter("fp16", "format of elements and coefficients",
                                choices=("fp16", "bf16", "fixed16"))
    bpmm: bool = parameter(True, "build the mode of butterfly matrices", choices=(False, True))
    fft: bool = parameter(True, "build the mode of Fourier transforms", choices=(False, True))
    norm: bool = parameter(False, "build the mode of layer normalisation, of fp16", choices=(False, True))
    norm_lanes: int = parameter(2, "elements a cycle of the layer normalisation", choices=(1, 2, 4, 8, 16))
    counters: bool = parameter(True, "build the performance counters", choices=(False, True))
    vendor: str = parameter("generic", "form of the multipliers and of the block memories",
                            choices=("generic", "ecp5", "xilinx"))

    def __post_init__(self):
        check_fields(self)
        for name in ("max_points", "resident_points"):
            value = getattr(self, name)
            require(is_power_of_two(value), f"{name} must be a power of two, not {value}")
        if self.norm:
            most = min(self.bus_width // self.element_width, self.max_points)
            require(self.arithmetic == "fp16", f"norm is of fp16 only, and arithmetic is {self.arithmetic!r}")
            require(self.norm_lanes <= most, "norm_lanes must be at most the elements of a beat and of the "
                    f"longest vector, {most}, not {self.norm_lanes}")
        require(self.bpmm or self.fft, "bpmm and fft must not both be false")
        require(self.resident_points >= 2 * self.banks,
                f"resident_points must be at least 4 * lanes = {2 * self.banks}, not {self.resident_points}")
        require(self.rows % self.rows_at_once == 0,
                f"rows must be a multiple of the {self.rows_at_once} that a beat of the bus serves, "
                f"not {self.rows}")

    # Structure

    @property
    def format(self):
        """Format of an element."""
        return {"fp16": FP16, "bf16": BF16, "fixed16": FIXED16}[self.arithmetic]

    @property
    def fixed_point(self):
        """Whether elements are of fixed point, so that a task says which stages are halved."""
        return self.arithmetic == "fixed16"

    @property
    def element_width(self):
        """Bits of an element."""
        return self.format.width

    @property
    def word_width(self):
        """Bits of a word: two elements."""
        return 2 * self.element_width

    @property
    def banks(self):
        """Banks of a memory: two words for each unit."""
        return 2 * self.lanes

    @property
    def lane_bits(self):
        """Bits of the number of a unit."""
        return ceil_log2(self.lanes)

    @property
    def bank_bits(self):
        """Bits of the number of a bank."""
        return ceil_log2(self.banks)

    @property
    def memory_rows(self):
        """Words of a bank for one group."""
        return self.resident_points // self.banks

    @property
    def address_bits(self):
        """Bits of the address of a bank."""
        return ceil_log2(self.memory_rows)

    @property
    def pass_points(self):
        """Longest vector of a task."""
        return min(self.max_points, self.resident_points)

    @property
    def max_stages(self):
        """Stages of the longest vector of a task."""
        return ceil_log2(self.pass_points)

    @property
    def block_bits(self):
        """Bits of the number of a block of the longest vector, whose last stage has half as many as it has points."""
        return ceil_log2(self.max_points) - 1

    @property
    def units(self):
        """Butterfly units of the array."""
        return self.lanes * self.rows * self.columns

    @property
    def multipliers(self):
        """Multipliers of the array, the denominator of `utilisation`."""
        return 4 * self.units

    # Traffic

    @property
    def words_per_beat(self):
        """Words of a beat of the bus."""
        return self.bus_width // self.word_width

    @property
    def piece_words(self):
        """Words that a beat carries for one row: a piece of a memory row.

        A quarter of a memory row a cycle is as much as the units work through in four stages. A larger piece is for
        fewer rows, whose number has to divide that of all rows.
        """
        wanted = max(1, self.banks // 4)
        while wanted < self.banks and self.rows % max(1, self.words_per_beat // wanted):
            wanted *= 2
        return min(wanted, self.words_per_beat)

    @property
    def rows_at_once(self):
        """Rows that a beat carries a piece for."""
        return max(1, self.words_per_beat // self.piece_words)

    @property
    def pieces(self):
        """Pieces of a memory row."""
        return self.banks // self.piece_words

    @property
    def row_sets(self):
        """Sets of rows that take turns on the bus."""
        return self.rows // self.rows_at_once

    # Coefficients

    @property
    def coefficient_width(self):
        """Bits of the coefficients of a cycle: four for each unit."""
        return 4 * self.lanes * self.element_width

    @property
    def coefficient_rows(self):
        """Rows of coefficients of the longest vector of a task, one for each cycle in which new ones are needed."""
        return self.max_stages * max(1, self.pass_points // self.banks)

    def coefficient_rows_of(self, column):
        """Those of them that a column keeps: of the stages that it works on, of any group."""
        stages = max(len(stages_of_column(column, self.columns, count)) for count in range(1, self.max_stages + 1))
        return self.coefficient_rows // self.max_stages * stages
