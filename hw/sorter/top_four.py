"""The 16-to-4 partial bitonic sorting core (SADS, SOFA section IV-C)."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TopFour", "top_four_network"]


def top_four_network():
    """List the compare-exchanges of the core, level by level.

    Four bitonic sorts of 4 in alternating directions, then a tree of merges that keep the larger half: a
    half-cleaner of maxima only, and a bitonic merge of 4. The last merge leaves out the comparison between
    ranks 3 and 4. 47 elements, 12 of them maxima only, in 9 levels.

    Returns
    -------
    list of list of (int, int, bool)
        For each level, ``(high, low, full)``: the larger value goes to lane ``high``; lane ``low`` gets the
        smaller one if ``full``, and is dead from there on if not. Ranks 1 to 4 end in lanes 0 to 3.
    """
    def sort2(lane, descending):
        a, b = lane
        return (a, b, True) if descending else (b, a, True)

    def merge4(lanes, descending):
        a, b, c, d = lanes
        return [[sort2((a, c), descending), sort2((b, d), descending)],
                [sort2((a, b), descending), sort2((c, d), descending)]]

    def side_by_side(parts):
        return [sum(level, []) for level in zip(*parts, strict=True)]

    quads = [list(range(4 * quad, 4 * quad + 4)) for quad in range(4)]
    levels = side_by_side([
        [[sort2(quad[:2], True), sort2(quad[2:], False)], *merge4(quad, index % 2 == 0)]
        for index, quad in enumerate(quads)])
    while len(quads) > 1:
        pairs = list(zip(quads[::2], quads[1::2], strict=True))
        levels.append([(a, b, False) for upper, lower in pairs for a, b in zip(upper, lower, strict=True)])
        quads = [upper for upper, _ in pairs]
        levels += side_by_side([merge4(quad, index % 2 == 0) for index, quad in enumerate(quads)])
    levels[-1] = levels[-1][:-1]
    return levels


class TopFour(wiring.Component):
    """Find the four largest of 16 values; the largest two in order.

    Parameters
    ----------
    width : int
        Bits of a value, unsigned. Ties are broken by what the caller puts in the low bits.
    fixed : tuple of int
        Low bits of each of the 16 values when these are constants, else empty; all different. The network
        compares and moves no more of them than it must.
    fixed_width : int
        Bits of such a constant.
    levels_per_stage : int
        Levels of the network between registers.

    Members
    -------
    i : In(ArrayLayout(unsigned(width - fixed_width), 16))
    o : Out(ArrayLayout(unsigned(width), 4))
        Ranks 1 and 2 in lanes 0 and 1, ranks 3 and 4 in either order in lanes 2 and 3, ``latency`` cycles
        later. One set a cycle. Levels behind the last full stage are combinational: there is time in the
        cycle for what the user does with the output.
    """

    def __init__(self, width, fixed=(), fixed_width=0, levels_per_stage=2):
        if levels_per_stage < 1:
            raise ValueError(f"levels_per_stage must be at least 1, not {levels_per_stage!r}")
        self._width, self._levels_per_stage = width, levels_per_stage
        self._fixed, self._fixed_width = fixed, fixed_width
        self.latency = (len(top_four_network()) - 1) // levels_per_stage
        super().__init__({
            "i": In(data.ArrayLayout(unsigned(width - fixed_width), 16)),
            "o": Out(data.ArrayLayout(unsigned(width), 4)),
        })

    def elaborate(self, platform):
        m = Module()
        fixed = self._fixed or (0,) * 16
        lanes = [_Lane(self.i[lane], [Const(fixed[lane] >> bit & 1) for bit in range(self._fixed_width)],
                       frozenset([fixed[lane]])) for lane in range(16)]
        levels = top_four_network()
        for number, level in enumerate(levels, start=1):
            for high, low, full in level:
                a, b = lanes[high], lanes[low]
                swap = Signal(name=f"swap{number}_{high}_{low}")
                m.d.comb += swap.eq(a.less(b))
                lanes[high] = a.choose(m, swap, b, f"larger{number}_{high}")
                lanes[low] = b.choose(m, swap, a, f"smaller{number}_{low}") if full else None
            if number % self._levels_per_stage == 0 and number < len(levels):
                lanes = [lane and lane.register(m, f"stage{number}_{index}") for index, lane in enumerate(lanes)]
        m.d.comb += [self.o[rank].eq(lanes[rank].value) for rank in range(4)]
        return m


class _Lane:
    """A value of the network: its upper part, its low bits (constants or not), and what these can be."""

    def __init__(self, upper, low, possible):
        self.upper, self.low, self.possible = upper, low, possible

    @property
    def value(self):
        return Cat(*self.low, self.upper)

    def less(self, other):
        """Whether this value is the smaller one. Where the low bits decide ties beforehand they are left out."""
        if self.low and min(self.possible) > max(other.possible):
            return self.upper < other.upper
        if self.low and max(self.possible) < min(other.possible):
            return self.upper <= other.upper
        return self.value < other.value

    def choose(self, m, swap, other, name):
        upper = Signal(len(self.upper), name=name)
        m.d.comb += upper.eq(Mux(swap, other.upper, self.upper))
        low = [mine if isinstance(mine, Const) and isinstance(yours, Const) and mine.value == yours.value
               else Mux(swap, yours, mine) for mine, yours in zip(self.low, other.low, strict=True)]
        return _Lane(upper, low, self.possible | other.possible)

    def register(self, m, name):
        upper = Signal(len(self.upper), name=name)
        m.d.sync += upper.eq(self.upper)
        low = []
        for bit, value in enumerate(self.low):
            if not isinstance(value, Const):
                kept = Signal(name=f"{name}_low{bit}")
                m.d.sync += kept.eq(value)
                value = kept
            low.append(value)
        return _Lane(upper, low, self.possible)
