"""Parameters of the `sofa` accelerator: one object that hardware, golden model, planner and driver share."""

from dataclasses import dataclass

from amaranth.utils import bits_for, ceil_log2

from hw.parameter import check_fields, is_power_of_two, parameter, require

__all__ = ["SofaParameters"]


@dataclass(frozen=True, kw_only=True)
class SofaParameters:
    """Everything that fixes the shape of a `sofa` accelerator.

    The machine is ``slices`` equal *slices*. A slice holds ``lanes`` multipliers for query-key products and
    ``lanes`` for probability-value products; ``rows * row_multipliers == slices * 2 * lanes``. The rows of
    a slice take turns on all of its lanes, one (row, key) pair a cycle, instead of owning
    ``row_multipliers`` of them for ``head_dim / 2`` cycles: the throughput is the same and neither keys nor
    values have to be routed to rows (SOFA, section IV-D, gives each row 2 + 2 multipliers).

    The predictor has ``rows * columns`` shift-and-add elements, grouped in trees of ``lanes`` when a row's
    ``columns`` divide them, so that ``lanes / columns`` rows share a tree in turn.

    Raises
    ------
    TypeError
        If a parameter is not of its type.
    ValueError
        If a parameter is out of range, or two do not fit each other.
    """

    bus_width: int = parameter(256, "AXI4-Stream data width in bits", choices=(32, 64, 128, 256, 512))
    rows: int = parameter(16, "query rows in flight", 1, 256)
    columns: int = parameter(16, "shift-and-add elements of the predictor per row", 1, 256)
    row_multipliers: int = parameter(4, "multipliers per row, half for QK and half for PV", 2, 64)
    lanes: int = parameter(32, "channels an attention slice multiplies in one cycle", 2, 256)
    tree_lanes: int = parameter(32, "channels a predictor tree adds in one cycle", 1, 256)
    adder_levels: int = parameter(1, "levels of adders of a predictor tree between registers", 1, 4)
    rows_per_sorter: int = parameter(16, "rows that share one 16-to-4 sorting core", 1, 256)
    max_head_dim: int = parameter(64, "largest head dimension, of keys and of values", 1, 512)
    max_keys: int = parameter(1024, "keys that the on-chip memories of a slice hold", 32, 16384)
    tile: int = parameter(16, "keys of one sub-segment: the unit of sorting and of the running maximum",
                          choices=(4, 8, 16, 32, 64, 128))
    max_segment_keys: int = parameter(16, "most keys that a sub-segment may deliver", 1, 256)
    element_width: int = parameter(16, "bits of an element of Q, K, V and of the output", choices=(16,))
    khat_width: int = parameter(5, "most significant bits of a key element that the predictor sees", 2, 16)
    query_code_width: int = parameter(16, "mode of the leading-zero encoder of the queries", choices=(8, 16))
    code_levels: int = parameter(4, "octaves of a query element that the predictor tells apart", 1, 15)
    score_width: int = parameter(8, "bits of a predicted score", 4, 16)
    clipping: bool = parameter(False, "build the radius and low-bound clipping units of the sorter",
                               choices=(False, True))
    query_groups: int = parameter(8, "groups of predictor rows whose queries a slice holds", 2, 64)
    held_groups: int = parameter(4, "groups whose kept keys a slice holds until their rows have left", 2, 64)
    generator_rows: int = parameter(0, "tokens that the generator of queries, keys and values takes side by side; 0: "
                                       "there is none", 0, 64)
    max_features: int = parameter(384, "longest token that the generator takes", 1, 8192)
    max_weights: int = parameter(12288, "elements of one weight matrix of a head (features * channels)", 64, 1 << 20)
    weight_width: int = parameter(16, "bits of a weight", 8, 16)
    reuse_rows: int = parameter(4, "rows that share each key and value they load (no more than the predictor trees of "
                                   "a slice)", 1, 16)
    ensure: int = parameter(2, "leading keys of a segment that may raise the running maximum", choices=(1, 2))
    zclip: int = parameter(4, "largest exponent argument in octaves; a key beyond it raises the maximum", 1, 5)
    log_fraction: int = parameter(10, "fraction bits of an exact score, in units of log2", 6, 12)
    log_integer: int = parameter(8, "integer bits of an exact score, in units of log2", 5, 10)
    probability_fraction: int = parameter(12, "fraction bits of a probability", 8, 14)
    rescale_step: int = parameter(2, "octaves of one rescaling step of the running maximum", choices=(1, 2, 4))
    normalise_lanes: int = parameter(4, "output channels divided by the row sum in one cycle", 1, 64)
    counters: bool = parameter(True, "build the performance counters", choices=(False, True))
    vendor: str = parameter("generic", "form of the multipliers and of the block memories",
                            choices=("generic", "ecp5", "xilinx"))

    def __post_init__(self):
        check_fields(self)
        require(is_power_of_two(self.lanes), f"lanes must be a power of two, not {self.lanes}")
        require(is_power_of_two(self.tree_lanes), f"tree_lanes must be a power of two, not {self.tree_lanes}")
        require(self.lanes >= self.elements_per_beat,
                f"lanes must be at least bus_width / element_width = {self.elements_per_beat}, "
                f"not {self.lanes}")
        require(self.row_multipliers % 2 == 0,
                f"row_multipliers must be even, not {self.row_multipliers}")
        require(self.rows * self.row_multipliers % (2 * self.lanes) == 0,
                f"rows * row_multipliers must be a multiple of 2 * lanes = {2 * self.lanes}, "
                f"not {self.rows * self.row_multipliers}")
        require(self.rows % self.slices == 0,
                f"rows must be a multiple of the {self.slices} slices, not {self.rows}")
        require(self.slice_rows * self.columns % self.tree_lanes == 0,
                f"rows of a slice * columns must be a multiple of tree_lanes = {self.tree_lanes}, "
                f"not {self.slice_rows * self.columns}")
        require(self.lanes % self.tree_lanes == 0,
                f"lanes must be a multiple of tree_lanes = {self.tree_lanes}, not {self.lanes}")
        require(self.slice_rows % self.trees == 0,
                f"rows of a slice must be a multiple of its {self.trees} predictor trees, "
                f"not {self.slice_rows}")
        require(self.slice_rows % self.rows_per_sorter == 0,
                f"rows_per_sorter must divide the {self.slice_rows} rows of a slice, "
                f"not {self.rows_per_sorter}")
        require(self.tree_lanes >= self.elements_per_beat,
                f"tree_lanes must be at least bus_width / element_width = {self.elements_per_beat}, "
                f"not {self.tree_lanes}")
        require(self.trees % self.batch_rows == 0,
                f"reuse_rows must divide the {self.trees} predictor trees of a slice, not {self.reuse_rows}")
        require(self.generator_rows <= self.elements_per_beat,
                f"generator_rows must be at most bus_width / element_width = {self.elements_per_beat}, "
                f"not {self.generator_rows}")
        require(not self.generator_rows or self.matrix_words >= self.tree_lanes,
                f"max_weights must be at least tree_lanes * bus_width / element_width = "
                f"{self.tree_lanes * self.elements_per_beat}, not {self.max_weights}")
        require(is_power_of_two(self.held_groups), f"held_groups must be a power of two, not {self.held_groups}")
        require(is_power_of_two(self.max_keys), f"max_keys must be a power of two, not {self.max_keys}")
        require(self.max_segment_keys <= self.tile,
                f"max_segment_keys must be at most tile = {self.tile}, not {self.max_segment_keys}")
        require(self.code_levels < self.query_code_width,
                f"code_levels must be at most query_code_width - 1 = {self.query_code_width - 1}, "
                f"not {self.code_levels}")
        require(self.lanes % self.normalise_lanes == 0 and self.elements_per_beat % self.normalise_lanes == 0,
                f"normalise_lanes must divide lanes = {self.lanes} and the {self.elements_per_beat} "
                f"elements of a beat, not {self.normalise_lanes}")

    # Structure

    @property
    def elements_per_beat(self):
        """Elements in one word of the stream."""
        return self.bus_width // self.element_width

    @property
    def slices(self):
        """Attention slices, each with its own copy of the keys and values."""
        return self.rows * self.row_multipliers // (2 * self.lanes)

    @property
    def slice_rows(self):
        """Query rows of one slice."""
        return self.rows // self.slices

    @property
    def trees(self):
        """Predictor trees of one slice: rows predicted side by side."""
        return self.slice_rows * self.columns // self.tree_lanes

    @property
    def batch_rows(self):
        """Rows that are attended side by side and share each key they load."""
        return min(self.reuse_rows, self.trees)

    @property
    def batches(self):
        """Batches of a group of `trees` rows."""
        return self.trees // self.batch_rows

    @property
    def row_bits(self):
        """Bits of a row's number in its batch (at least 1)."""
        return max(1, ceil_log2(self.batch_rows))

    @property
    def place_bits(self):
        """Bits that name a row of a batch and a fold of its channels (at least 1)."""
        return max(1, ceil_log2(self.batch_rows) + ceil_log2(self.folds))

    @property
    def trees_per_sorter(self):
        """Predictor trees that share one sorting core."""
        return max(1, self.rows_per_sorter * self.trees // self.slice_rows)

    @property
    def sorters(self):
        """Sorting cores of one slice."""
        return self.trees // self.trees_per_sorter

    @property
    def multipliers(self):
        """Multipliers of the attention array, the denominator of `utilisation`."""
        return self.rows * self.row_multipliers

    @property
    def folds(self):
        """Largest number of cycles that a key occupies the lanes: ceil(max_head_dim / lanes)."""
        return -(-self.max_head_dim // self.lanes)

    @property
    def tree_folds(self):
        """Largest number of cycles that a key occupies a predictor tree: ceil(max_head_dim / tree_lanes)."""
        return -(-self.max_head_dim // self.tree_lanes)

    @property
    def early_rows(self):
        """Queries that a task sends ahead of its keys: two groups of every slice, so that prediction can start."""
        return 2 * self.slices * self.trees

    @property
    def row_queue(self):
        """Words of finished rows that a slice holds until the rows of the slice before it have left: a group's."""
        return self.trees * (-(-self.max_segments * self.tile // self.bus_width) + (1 << self.beat_bits))

    @property
    def encoders(self):
        """Query elements that are converted to codes in one cycle."""
        return max(1, self.elements_per_beat // 4)

    @property
    def query_parts(self):
        """Cycles that a beat of a query takes to be converted."""
        return self.elements_per_beat // self.encoders

    @property
    def max_segments(self):
        """Most sub-segments of a row."""
        return -(-self.max_keys // self.tile)

    @property
    def max_passes(self):
        """Most extraction passes over a sub-segment."""
        return -(-self.max_segment_keys // 4)

    # Projection of tokens

    @property
    def khat_columns(self):
        """Predictor trees that make key channels from tokens side by side: a power of two."""
        return 1 << (min(self.trees, self.elements_per_beat).bit_length() - 1)

    @property
    def token_digits(self):
        """Digits of an 8-bit token element, each as wide as the predictor's elements take (without their sign)."""
        return -(-7 // (self.khat_width - 1)) if self.khat_width < 8 else 1

    @property
    def weight_bands(self):
        """Bands of `code_levels` octaves that hold the 7 octaves of an 8-bit weight."""
        return -(-7 // self.code_levels)

    @property
    def khat_tile(self):
        """Tokens that share each block of weight codes, so that the next block is written meanwhile."""
        return -(-self.khat_columns // self.token_digits)

    @property
    def token_folds(self):
        """Most cycles that a digit of a token occupies a predictor tree."""
        return -(-self.max_features // self.tree_lanes)

    @property
    def feature_words(self):
        """Most words of a token of 16-bit elements."""
        return -(-self.max_features // self.elements_per_beat)

    @property
    def matrix_words(self):
        """Words of a beat's elements that the memory of one weight matrix holds."""
        return -(-self.max_weights // self.elements_per_beat)

    @property
    def code_words(self):
        """Words of `tree_lanes` codes that the memory of key weight codes holds."""
        return -(-self.max_weights // self.tree_lanes)

    def query_channels(self, widest):
        """Channels that a query of a head is filled up to, if its queries or values have `widest` ones.

        That is whole lanes, or all beats of the largest head if these are fewer.
        """
        return min(-(-widest // self.lanes) * self.lanes, self.elements_per_beat << self.beat_bits)

    def most_features(self, widest):
        """Features that a token may have, if queries or values have `widest` channels; 0 if no weights fit."""
        folds = self.matrix_words // self.tree_lanes * self.elements_per_beat // self.query_channels(widest)
        return min(self.max_features, folds * self.tree_lanes)

    @property
    def generator_multipliers(self):
        """Multipliers of the generator."""
        return self.generator_rows * self.elements_per_beat

    # Widths

    @property
    def key_bits(self):
        """Bits of a key index."""
        return ceil_log2(self.max_keys)

    @property
    def code_bits(self):
        """Bits of a query code: shift, sign and nonzero."""
        return 2 + bits_for(self.code_levels - 1)

    @property
    def segment_bits(self):
        """Bits of a sub-segment's number (at least 1)."""
        return max(1, ceil_log2(self.max_segments))

    @property
    def position_bits(self):
        """Bits of a position within a sub-segment."""
        return max(1, ceil_log2(self.tile))

    @property
    def fold_bits(self):
        """Bits of a fold index (at least 1)."""
        return max(1, ceil_log2(self.folds))

    @property
    def beat_bits(self):
        """Bits of the number of a beat of a vector (at least 1)."""
        return max(1, ceil_log2(-(-self.max_head_dim // self.elements_per_beat)))

    @property
    def predict_width(self):
        """Bits of the predictor's sum, which cannot overflow: |sum| <= max_head_dim 2^(khat + levels - 2).

        The bound is reached: the most negative key elements under negative codes of the highest level.
        """
        return 1 + bits_for(self.max_head_dim << (self.khat_width + self.code_levels - 2))

    @property
    def khat_sum_width(self):
        """Bits of a key channel's sum over a token, which cannot overflow: |sum| <= max_features 2^(7 + 6)."""
        return 1 + bits_for(self.max_features << 13)

    @property
    def projection_width(self):
        """Bits of an exact sum of the generator, which cannot overflow."""
        return self.element_width + self.weight_width + ceil_log2(max(2, self.max_features))

    @property
    def product_width(self):
        """Bits of an exact query-key sum, which cannot overflow."""
        return 2 * self.element_width + ceil_log2(max(2, self.max_head_dim))

    @property
    def log_width(self):
        """Bits of an exact score: sign, integer and fraction."""
        return 1 + self.log_integer + self.log_fraction

    @property
    def probability_width(self):
        """Bits of a probability, at most 2^zclip."""
        return self.zclip + 1 + self.probability_fraction

    @property
    def clear_steps(self):
        """Rescaling steps that leave nothing of an earlier key: it is below the resolution of a probability."""
        return -(-(self.probability_fraction + self.zclip) // self.rescale_step)

    @property
    def sum_width(self):
        """Bits of a row's sum of probabilities, which cannot overflow."""
        return self.probability_width + self.key_bits

    @property
    def product_drop(self):
        """Low bits of a probability-value product that are cut before they are accumulated.

        As many as leave a row, whose sum is at least 2^-rescale_step, the resolution of an output element.
        """
        return self.probability_fraction - self.rescale_step - 2

    @property
    def output_width(self):
        """Bits of an output accumulator, which cannot overflow."""
        return self.probability_width + self.element_width - self.product_drop + self.key_bits

    @property
    def predict_shift_bits(self):
        """Bits of the run-time shift that scales a predicted sum to a score: enough for every sum to fit."""
        largest = self.max_head_dim << (self.khat_width + self.code_levels - 2)
        limit = (1 << (self.score_width - 1)) - 1
        shift = 0
        while -(-largest >> shift) > limit:
            shift += 1
        return bits_for(max(1, shift))
