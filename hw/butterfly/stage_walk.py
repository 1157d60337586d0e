"""Order in which the units of a row work through the stages of a group of vectors."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.stream.counter import counter
from hw.stream.delay import delay
from hw.stream.select import select

__all__ = ["Shape", "Share", "StageWalk", "Step"]


class Shape(data.StructLayout):
    """What the walk needs to know of a task: a group of ``last_row + 1`` memory rows of vectors of ``2^stages`` points.

    The first ``worked`` of the stages are worked on. ``vector_rows`` is the last number of a vector's memory row, 0 for
    vectors that are shorter than a row. ``first_block`` is the number of the block that the vectors are in a longer
    vector: all earlier stages of that have been worked on. In fixed point ``scaling`` has a bit for each stage, the
    first one lowest.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "fft": 1, "stages": bits_for(p.max_stages), "worked": bits_for(p.max_stages), "last_row": p.address_bits,
            "vector_rows": p.address_bits, "first_block": max(1, p.block_bits),
        } | ({"scaling": p.max_stages} if p.fixed_point else {}))


class Share(data.StructLayout):
    """Stages of a group that one column works on: ``count`` of them, from number ``first`` on.

    ``late`` says that the first one is the second of those that this column may begin with.
    """

    def __init__(self, parameters):
        bits = bits_for(parameters.max_stages)
        super().__init__({"first": bits, "count": bits, "late": 1})


class Step(data.StructLayout):
    """What the units of each row do in a cycle.

    They read memory rows `low` and `high`, rotate what the banks show by `rotation` places, and take pairs whose
    distance is ``2^pairing``, or neighbours when the pair is from two memory rows. Of real vectors they work on one
    `half` of the words. ``twiddle`` is the memory row of the table, and `places` the place in it for each unit.
    ``scale`` is the bit of the stage, in fixed point.
    """

    def __init__(self, parameters):
        p = parameters
        super().__init__({
            "low": p.address_bits, "high": p.address_bits, "rotation": p.bank_bits,
            "pairing": max(1, ceil_log2(p.bank_bits)), "half": 1,
            "twiddle": max(1, p.block_bits - p.lane_bits),
            "places": data.ArrayLayout(max(1, p.lane_bits), p.lanes),
            "coefficients": ceil_log2(p.coefficient_rows) or 1,
        } | ({"scale": 1} if p.fixed_point else {}))


class StageWalk(wiring.Component):
    """Walk a share of the stages of a group, from longer strides to shorter ones.

    Element `i` of a group is in memory row ``i // P`` and bank ``(i % P + ones(i // P)) % P``, with ``P`` banks and the
    number of ones in the row's number. A stride that is a multiple of P changes one bit of the row, so that the two
    elements of a pair are in neighbouring banks, and those of every second element of two rows in all banks: such a
    pair of rows takes two steps, of the even elements and of the odd ones. Pairs of a shorter stride are in one row,
    which takes a step. A stage of ``n`` memory rows takes ``n`` steps in either case, and no bank is ever needed twice
    (FABNet, MICRO 2022, counts eight bits of the row only, which are too few for 4,096 points).

    A step takes a cycle, or two of real vectors: one a half. Steps follow one another without a gap from stage to
    stage and from group to group, unless a group is so small that a stage would read what is not written yet:
    elements come again after half a stage at the earliest.

    Parameters
    ----------
    parameters : ButterflyParameters
    write_latency : int
        Cycles from `step` to the control of the cycle in which its results are written; registers that reading passes,
        too, are left out.

    Members
    -------
    shape : In(Shape)
        Stable from three cycles before `start` on until the last step.
    share : In(Share)
        Of the group that is begun next; stable from two cycles before `start` on.
    start : In(1)
        Pulse: begin a group; only when `ready`.
    ready : Out(1)
    step, valid : Out(Step), Out(1)
        Four cycles and more after `start`.
    end : Out(1)
        With the last step of a group.
    """

    #: Cycles from `start` to the first step.
    latency = 4

    def __init__(self, parameters, write_latency):
        p = self._parameters = parameters
        self._write_latency = write_latency
        super().__init__({
            "shape": In(Shape(p)),
            "share": In(Share(p)),
            "start": In(1),
            "ready": Out(1),
            "step": Out(Step(p)),
            "valid": Out(1),
            "end": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p, shape = self._parameters, self.shape
        # What is given is a register behind, as it goes to all rows.
        step = Signal(Step(p), name="found", reset_less=True)
        m.d.sync += self.step.eq(step)
        address_bits, lane_bits, bank_bits = p.address_bits, p.lane_bits, p.bank_bits

        # What follows from the task.
        gap, some_gap = Signal(range(self._write_latency + 2)), Signal()
        distance = Signal(address_bits + 2)                  # cycles after which an element comes again, at the least
        m.d.sync += [
            distance.eq(Mux(shape.fft, (shape.last_row + 1) >> 1, shape.last_row)),
            gap.eq(Mux(distance > self._write_latency, 0, self._write_latency + 1 - distance)),
            some_gap.eq(distance <= self._write_latency),
        ]

        # Where a group begins.
        begin = {
            "stride": ((shape.vector_rows + 1) >> 1) >> self.share.first,
            "below": (shape.vector_rows >> 1) >> self.share.first,
            "exponent": shape.stages - 1 - self.share.first,
            "blocks": ~(~C(0, max(1, p.max_stages - 1)) << self.share.first),
            "lead": shape.first_block << self.share.first,
            "base": Mux(self.share.late, shape.vector_rows + 1, 0),
            "left": self.share.count,
        }

        # Stage A: the place in the walk. `stride` and `below` are of rows, `exponent` is of elements. That something
        # ends with a step is known a cycle before, in a register.
        busy, waits, waiting, last_half = Signal(), Signal(), Signal.like(gap), Signal()
        stride, below = Signal(address_bits), Signal(address_bits)
        exponent = Signal(range(max(2, p.max_stages)))
        left = Signal.like(self.share.count)                 # stages, with this one
        blocks = Signal(max(1, p.max_stages - 1))            # of a vector in this stage, without the first
        block = Signal(max(1, p.max_stages - 1))
        lead = Signal(max(1, p.block_bits))                  # number of the vector's first block in a longer vector
        address, base = Signal(step.coefficients.shape()), Signal(step.coefficients.shape())
        state = {"stride": stride, "below": below, "exponent": exponent, "blocks": blocks, "lead": lead, "base": base,
                 "left": left}
        begins = {name: Signal.like(value, name=f"begin_{name}", reset_less=True) for name, value in state.items()}
        m.d.sync += [begins[name].eq(value) for name, value in begin.items()]
        fft = delay(m, shape.fft, 1, "own_fft", apart=True)  # for the mode goes everywhere
        issue, advance, stage_end, group_end, last_stage = Signal(), Signal(), Signal(), Signal(), Signal()
        place, row_end = counter(m, shape.last_row, advance, ~busy, "place")
        _, vector_end = counter(m, shape.vector_rows, advance, ~busy, "vector_row")
        begin_last = Signal()
        m.d.sync += begin_last.eq(self.share.count == 1)
        m.d.comb += [
            issue.eq(busy & ~waits),
            advance.eq(issue & last_half),
            stage_end.eq(advance & row_end),
            group_end.eq(stage_end & last_stage),
            self.ready.eq(~busy | group_end),
        ]
        with m.If(waits):
            m.d.sync += [waiting.eq(waiting - 1), waits.eq(waiting != 1)]
        with m.If(issue):
            m.d.sync += last_half.eq(~last_half | fft)
        with m.If(advance):
            m.d.sync += [address.eq(Mux(vector_end, base, address + 1))]
            # Two steps a pair of rows, as many pairs a block as the stride.
            with m.If(place[0] & ((place >> 1) & below == below)):
                m.d.sync += block.eq(block + 1)
        with m.If(stage_end):
            m.d.sync += [
                block.eq(0), address.eq(address + 1), base.eq(address + 1), waiting.eq(gap), waits.eq(some_gap),
                last_stage.eq(left == 2),
                stride.eq(stride >> 1), below.eq(below >> 1), exponent.eq(exponent - 1), left.eq(left - 1),
                blocks.eq(Cat(1, blocks)), lead.eq(lead << 1),
            ]
        # What a group begins with is loaded whether one begins or not.
        with m.If(self.ready):
            m.d.sync += [
                busy.eq(self.start), waits.eq(0), last_stage.eq(begin_last), last_half.eq(fft), block.eq(0),
                address.eq(begins["base"]),
                *(value.eq(begins[name]) for name, value in state.items()),
            ]

        if p.fixed_point:
            scaling = Signal.like(shape.scaling)
            begin_scaling = Signal.like(shape.scaling, reset_less=True)
            m.d.sync += begin_scaling.eq(shape.scaling >> self.share.first)
            with m.If(stage_end):
                m.d.sync += scaling.eq(scaling >> 1)
            with m.If(self.ready):
                m.d.sync += scaling.eq(begin_scaling)
            m.d.comb += step.scale.eq(delay(m, scaling[0], 2, "scale"))

        # Stage B: rows, and the block of the first unit.
        wide = Signal()
        m.d.comb += wide.eq(stride != 0)                     # pairs are of two rows
        pair, low = place >> 1, Signal(address_bits)
        # A zero is put in where the stride is.
        spread = Cat(Mux(below[bit], pair[bit], pair[bit - 1] & ~stride[bit] if bit else 0)
                     for bit in range(address_bits))
        m.d.comb += low.eq(Mux(wide, spread, place))
        low_b, high_b, odd_b, wide_b = (Signal.like(low, name="low_b"), Signal.like(low, name="high_b"),
                                        Signal(), Signal())
        first_b, blocks_b = Signal(max(len(blocks) + 1, len(lead))), Signal.like(blocks)
        exponent_b = Signal.like(exponent)
        near = select(exponent[:max(1, bits_for(lane_bits))],
                      [(place << (lane_bits - e))[:len(first_b)] for e in range(lane_bits + 1)])
        m.d.sync += [
            low_b.eq(low), high_b.eq(low | stride), odd_b.eq(wide & place[0]), wide_b.eq(wide),
            first_b.eq((Mux(wide, block, near) & blocks) | lead), blocks_b.eq(blocks), exponent_b.eq(exponent),
        ]
        address_b, half_b = delay(m, address, 1, "address_b"), delay(m, last_half & ~fft, 1, "half_b")

        # Stage C: the rotation; the places of the units.
        m.d.sync += [
            step.low.eq(low_b), step.high.eq(high_b),
            step.rotation.eq((sum(low_b[bit] for bit in range(address_bits)) + odd_b)[:bank_bits]),
            step.pairing.eq(Mux(wide_b, 0, exponent_b)), step.half.eq(half_b), step.coefficients.eq(address_b),
            step.twiddle.eq(first_b >> lane_bits),
        ]
        # One unit needs no place.
        for unit in range(p.lanes if lane_bits else 0):
            own = select(exponent_b[:max(1, bits_for(lane_bits))],
                         [unit >> e for e in range(lane_bits + 1)])
            m.d.sync += step.places[unit].eq(
                first_b[:lane_bits] | (Mux(wide_b, 0, own) & blocks_b)[:lane_bits])
        m.d.comb += [
            self.valid.eq(delay(m, issue, 3, "valid")), self.end.eq(delay(m, group_end, 3, "end")),
        ]
        return m
