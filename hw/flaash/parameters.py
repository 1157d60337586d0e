"""Parameters of the `flaash` accelerator: one object that hardware, golden model, planner and driver share."""

from dataclasses import dataclass

from amaranth.utils import ceil_log2

from hw.parameter import check_fields, is_power_of_two, parameter, require

__all__ = ["FlaashParameters"]


@dataclass(frozen=True, kw_only=True)
class FlaashParameters:
    """Everything that fixes the shape of a `flaash` accelerator.

    ``engines`` sparse dot product engines read the fibers of two tensors from a memory of as many banks, each row of
    which is ``row_entries`` entries. An engine sees a window of ``window`` entries of each of its two fibers a cycle.

    Raises
    ------
    TypeError
        If a parameter is not of its type.
    ValueError
        If a parameter is out of range, or two do not fit each other.
    """

    bus_width: int = parameter(128, "AXI4-Stream data width in bits", choices=(64, 128, 256, 512))
    engines: int = parameter(8, "sparse dot product engines, and banks of the memory", choices=(1, 2, 4, 8, 16, 32))
    window: int = parameter(2, "entries of each fiber that an engine compares in a cycle", choices=(1, 2, 4))
    values: str = parameter("int16", "format of the values", choices=("int8", "int16", "fp32"))
    accumulator: int = parameter(32, "bits of a sum; 48 for integers only", choices=(32, 48))
    index_bits: int = parameter(16, "bits of an index in the contracted mode", 4, 32)
    entries: int = parameter(16384, "entries that the memory holds of each tensor, a power of two", 64, 1 << 20)
    fibers: int = parameter(4096, "fibers that the memory holds of each tensor, a power of two", 8, 1 << 20)
    row_entries: int = parameter(4, "entries of a row of the memory", choices=(1, 2, 4, 8))
    bundle: int = parameter(8, "most fibers of b that an engine is given at once, with one of a", choices=(1, 2, 4, 8))
    buffer_windows: int = parameter(64, "windows of each side that an engine has room for",
                                choices=(16, 32, 64, 128, 256))
    memory: str = parameter("banked", "banks that engines take in turn, or for simulation only: a port an engine",
                            choices=("banked", "ideal"))
    latency: int = parameter(0, "further cycles that a read of the memory takes", 0, 64)
    dispatch: str = parameter("least_loaded", "which engine is given the next work",
                              choices=("least_loaded", "round_robin"))
    sums: int = parameter(512, "results that can be summed over portions of the contracted mode, times the portions; "
                          "a power of two, or 0: contractions of one portion only", 0, 1 << 16)
    counters: bool = parameter(True, "build the performance counters", choices=(False, True))
    vendor: str = parameter("generic", "form of the multipliers and of the block memories",
                            choices=("generic", "ecp5", "xilinx"))

    def __post_init__(self):
        check_fields(self)
        for name in ("entries", "fibers", "sums"):
            value = getattr(self, name)
            require(is_power_of_two(value), f"{name} must be a power of two, not {value}")
        require(self.window <= self.row_entries,
                f"row_entries must be at least window = {self.window}, not {self.row_entries}")
        require(self.accumulator == 32 or self.values != "fp32", "accumulator must be 32 for fp32, not 48")
        require(self.bus_width >= self.result_width,
                f"bus_width must be at least {self.result_width}, which a result takes, not {self.bus_width}")
        require(self.entries >= self.engines * self.row_entries * 2,
                f"entries must be at least 2 * engines * row_entries = {2 * self.engines * self.row_entries}, "
                f"not {self.entries}")

    # Entries

    @property
    def is_float(self):
        """Whether values are of floating point."""
        return self.values == "fp32"

    @property
    def value_width(self):
        """Bits of a value."""
        return {"int8": 8, "int16": 16, "fp32": 32}[self.values]

    @property
    def entry_width(self):
        """Bits of an entry in memory: index and value."""
        return self.index_bits + self.value_width

    @property
    def windows_of_row(self):
        """Windows of a row of the memory."""
        return self.row_entries // self.window

    # Memory

    @property
    def rows(self):
        """Rows of the memory: those of a, then those of b."""
        return 2 * self.entries // self.row_entries

    @property
    def row_bits(self):
        """Bits of the number of a row."""
        return ceil_log2(self.rows)

    @property
    def bank_bits(self):
        """Bits of the number of a bank, the lowest of that of a row."""
        return ceil_log2(self.engines)

    @property
    def pointer_bits(self):
        """Bits of a fiber pointer: 0 to all entries of a tensor."""
        return ceil_log2(self.entries + 1)

    @property
    def buffer_bits(self):
        """Bits of the place of a window in the buffer of a side."""
        return ceil_log2(self.buffer_windows)

    # Results

    @property
    def result_width(self):
        """Bits of a result on the bus: its place in C and its value."""
        return 64 if self.accumulator == 32 else 128

    @property
    def results_of_beat(self):
        """Most results of a beat of the bus."""
        return self.bus_width // self.result_width

    @property
    def multipliers(self):
        """Multipliers of the cluster, the denominator of `utilisation`."""
        return self.engines
