"""Residual addition and layer normalisation of a stream of vectors."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.arith import FP16, FloatAdd, FloatMultiply, Reciprocal
from hw.arith._check import require_range
from hw.shared import shared
from hw.stream import PointerFifo
from hw.stream.block_memory import BlockMemory
from hw.stream.counter import counter
from hw.stream.delay import delay

from .moments import Moments
from .norm_lane import RECIPROCAL_BITS, NormLane
from .root import ROOT_BITS, VarianceRoot
from .variance import Variance

__all__ = ["LayerNorm", "pieces_of"]

_IN_FLIGHT = 8               # vectors that were begun and are not yet read again
_QUEUE = 64                  # results, more than there are cycles between reading a piece and its result
_LEAST_READ = 16             # cycles that a vector's values stay, for those lanes that are a few cycles behind
_ONE = 15 << 10
_MINUS_ZERO = 1 << 15


def pieces_of(m, stages, lanes, max_points):
    """Number of the last piece of a vector of ``2^stages`` elements, `lanes` a piece; a register."""
    last = Signal(max(1, ceil_log2(max_points // lanes)), name="last_piece")
    with m.Switch(stages):
        for number in range(ceil_log2(lanes), ceil_log2(max_points) + 1):
            with m.Case(number):
                m.d.sync += last.eq((1 << number) // lanes - 1)
    return last


class LayerNorm(wiring.Component):
    """``o = f(f(n weight) + bias)`` with ``n = f((h - mean(h)) / sqrt(variance(h) + 2^-17))``, ``h = f(x + y)`` or x.

    f rounds to fp16. Between h and n all is done in integers, exactly but for a few roundings, as in `Moments`,
    `Variance`, `VarianceRoot` and `NormLane`. Vectors have ``N = 2^stages`` elements, `lanes` of them a cycle.

    While a vector waits for its moments in a buffer of two of the longest vectors, the next ones stream in. A vector
    is taken and given each ``N / lanes`` cycles if these are more than the cycles by digits: that is, the period of
    `Variance`, up to 64, which bounds the rate of short vectors. A lane has 4 multipliers: a square, two of D times the
    reciprocal, and that of the weight.

    The five steps are those that `sim.golden.butterfly.layer_norm` defines. FABNet's accelerator (MICRO 2022) has an
    adder for the shortcut and a normalisation behind its engines, too, in floating point and with a reciprocal root.

    Parameters
    ----------
    lanes : int
        Elements a cycle, a power of two.
    max_points : int
        Longest vector, a power of two of at least `lanes`.
    vendor : str
        As of `Multiply`.

    Members
    -------
    stages : In(range(log2 max_points + 1))
        log2 N, at least log2 `lanes`. This and the next two stay as they are from three cycles before a task's first
        piece until its last result is there.
    residual, affine : In(1)
        Whether y is added, and whether there are weights and biases.
    weight_enable, bias_enable, parameter_address, parameter : In
        A piece of the weights or biases, before the vectors.
    i : In(stream of {x, y})
        `lanes` elements of each.
    o : Out(stream)
        `lanes` elements.
    busy : Out(1)
        A vector is somewhere in here.

    Raises
    ------
    TypeError, ValueError
        A parameter is not of the stated range.
    """

    def __init__(self, lanes, max_points, vendor="generic"):
        require_range("lanes", lanes, 1, 64)
        require_range("max_points", max_points, max(2, lanes), 8192)
        for name, value in (("lanes", lanes), ("max_points", max_points)):
            if value & (value - 1):
                raise ValueError(f"{name} must be a power of two, not {value}")
        self._lanes, self._max_points, self._vendor = lanes, max_points, vendor
        elements = data.ArrayLayout(FP16.layout, lanes)
        pieces = max(2, max_points // lanes)
        super().__init__({
            "stages": In(range(ceil_log2(max_points) + 1)), "residual": In(1), "affine": In(1),
            "weight_enable": In(1), "bias_enable": In(1), "parameter_address": In(range(pieces)),
            "parameter": In(elements),
            "i": In(stream.Signature(data.StructLayout({"x": elements, "y": elements}))),
            "o": Out(stream.Signature(elements)), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, vendor = self._lanes, self._vendor
        depth = 2 * max(2, self._max_points // lanes)
        last_piece = pieces_of(m, self.stages, lanes, self._max_points)
        idle, takes, reads = Signal(), Signal(), Signal()
        took_first, took_last, read_last = Signal(), Signal(), Signal()

        # A piece is taken if the buffer has room, and a vector's first one if there are not too many vectors.
        filled, vectors, room, begins = Signal(range(depth + 1)), Signal(range(_IN_FLIGHT + 1)), Signal(), Signal()
        taken, taken_last = counter(m, last_piece, takes, idle & ~takes, "taken")
        m.d.comb += [self.i.ready.eq(room & (begins | ~took_first)), takes.eq(self.i.ready & self.i.valid),
                     took_first.eq(taken == 0), took_last.eq(takes & taken_last)]
        after = filled + takes - reads
        later = vectors + (takes & took_first) - read_last
        m.d.sync += [filled.eq(after), room.eq(after < depth), vectors.eq(later), begins.eq(later < _IN_FLIGHT)]

        # Residual addition; without it x waits as long.
        cycles = FloatAdd.latency
        h = Signal(data.ArrayLayout(FP16.layout, lanes))
        for lane in range(lanes):
            m.submodules[f"residual{lane}"] = add = shared(FloatAdd, FP16)
            m.d.comb += [add.a.eq(self.i.payload.x[lane]), add.b.eq(self.i.payload.y[lane]),
                         h[lane].eq(Mux(self.residual, add.o.as_value(), delay(
                             m, self.i.payload.x[lane], cycles, f"x{lane}", payload=True)))]
        valid, first, last = (delay(m, value, cycles, f"h_{name}") for value, name in (
            (takes, "valid"), (took_first, "first"), (taken_last, "last")))
        write, read = Signal(range(depth)), Signal(range(depth))
        m.submodules.buffer = buffer = BlockMemory(16 * lanes, depth, latency=2, vendor=vendor)
        m.d.comb += [buffer.write_enable.eq(valid), buffer.write_address.eq(write),
                     buffer.write_data.eq(h.as_value()), buffer.read_enable.eq(1), buffer.read_address.eq(read)]
        m.d.sync += [write.eq(write + valid), read.eq(read + reads)]
        m.submodules.moments = moments = Moments(lanes, self._max_points, vendor)
        m.d.comb += [moments.elements.eq(h), moments.valid.eq(valid), moments.first.eq(first), moments.last.eq(last)]

        # Moments, root and reciprocal, one vector in each; the queues have places for all vectors there can be.
        variance = Variance(moments.total_shape, moments.squares_shape, self._max_points)
        root = VarianceRoot(variance.value_bits, variance.cut_range)
        reciprocal = Reciprocal(ROOT_BITS, RECIPROCAL_BITS)
        m.submodules += [variance, root, reciprocal]
        m.submodules.sums = sums = PointerFifo(variance.i.payload.shape(), _IN_FLIGHT)
        m.submodules.totals = totals = PointerFifo(moments.total_shape, _IN_FLIGHT)
        m.submodules.places = places = PointerFifo(6, _IN_FLIGHT)
        m.submodules.factors = factors = PointerFifo(RECIPROCAL_BITS + 1, _IN_FLIGHT)
        wiring.connect(m, sums.o, variance.i)
        wiring.connect(m, variance.o, root.i)
        m.d.comb += [
            sums.i.valid.eq(moments.o_valid), sums.i.payload.total.eq(moments.total),
            sums.i.payload.squares.eq(moments.squares), variance.stages.eq(self.stages),
            totals.i.valid.eq(moments.o_valid), totals.i.payload.eq(moments.total),
            reciprocal.i.valid.eq(root.o.valid), reciprocal.i.payload.eq(root.o.payload.root),
            root.o.ready.eq(reciprocal.i.ready),
            places.i.valid.eq(root.o.valid & reciprocal.i.ready), places.i.payload.eq(root.o.payload.places),
            factors.i.valid.eq(reciprocal.o.valid), factors.i.payload.eq(reciprocal.o.payload.reciprocal),
            reciprocal.o.ready.eq(factors.i.ready),
        ]

        # A vector is read when its factor is there. All pieces are then in the buffer.
        outstanding, may_give = Signal(range(_QUEUE + 1)), Signal()
        piece, piece_last = counter(m, last_piece, reads, idle, "read_piece")
        all_read, age = Signal(), Signal(range(_LEAST_READ))
        old = age == _LEAST_READ - 1
        m.d.comb += [
            reads.eq(factors.o.valid & may_give & ~all_read),
            read_last.eq(factors.o.valid & old & (all_read | (reads & piece_last))),
            *(each.o.ready.eq(read_last) for each in (totals, places, factors)),
        ]
        m.d.sync += [all_read.eq(~read_last & (all_read | (reads & piece_last))),
                     age.eq(Mux(read_last | ((age == 0) & ~reads), 0, age + ~old))]

        # The vector's values, as each stage of the lanes wants them.
        arrives = buffer.latency
        starts = [reads & (piece == 0)]
        for cycle in range(arrives + 7):
            starts.append(delay(m, starts[-1], 1, f"start{cycle}"))
        total_shape = NormLane.total_shape(ceil_log2(self._max_points))
        negated, following = (Signal(total_shape, name=name, reset_less=True) for name in ("negated", "following"))
        coarse, fine = (Signal(3, name=name, reset_less=True) for name in ("coarse", "fine"))
        factor = Signal(RECIPROCAL_BITS + 1, reset_less=True)
        with m.If(starts[arrives + 2]):
            m.d.sync += [negated.eq(-totals.o.payload), following.eq(1 - totals.o.payload)]
        with m.If(starts[arrives + 3]):
            m.d.sync += coarse.eq(places.o.payload[3:])
        with m.If(starts[arrives + 4]):
            m.d.sync += fine.eq(places.o.payload[:3])
        with m.If(starts[arrives + 7]):
            m.d.sync += factor.eq(factors.o.payload)

        # Weights and biases: read so that they come as they are needed.
        m.submodules.weights = weights = BlockMemory(16 * lanes, depth // 2, latency=2, vendor=vendor)
        m.submodules.biases = biases = BlockMemory(16 * lanes, depth // 2, latency=2, vendor=vendor)
        address = delay(m, piece, NormLane.latency, "weight_piece", payload=True)
        multiply_cycles = FloatMultiply.latency_of(FP16)
        for memory, enable, place in (
                (weights, self.weight_enable, address),
                (biases, self.bias_enable, delay(m, address, multiply_cycles, "bias_piece", payload=True))):
            m.d.comb += [memory.write_enable.eq(enable), memory.write_address.eq(self.parameter_address),
                         memory.write_data.eq(self.parameter.as_value()), memory.read_enable.eq(1),
                         memory.read_address.eq(place)]
        m.submodules.results = results = PointerFifo(self.o.payload.shape(), _QUEUE)
        wiring.connect(m, results.o, wiring.flipped(self.o))
        for lane in range(lanes):
            m.submodules[f"lane{lane}"] = norm = shared(NormLane, ceil_log2(self._max_points), vendor)
            m.submodules[f"weight{lane}"] = multiply = shared(FloatMultiply, FP16, vendor)
            m.submodules[f"bias{lane}"] = add = shared(FloatAdd, FP16)
            part = slice(16 * lane, 16 * lane + 16)
            m.d.comb += [
                norm.stages.eq(self.stages), norm.element.as_value().eq(buffer.read_data[part]),
                norm.negated.eq(negated), norm.next.eq(following), norm.coarse.eq(coarse), norm.fine.eq(fine),
                norm.factor.eq(factor), multiply.a.eq(norm.o),
                # What leaves every number as it is, and there is no -0 among those before the bias.
                multiply.b.as_value().eq(Mux(self.affine, weights.read_data[part], Const(_ONE, 16))),
                add.a.eq(multiply.p),
                add.b.as_value().eq(Mux(self.affine, biases.read_data[part], Const(_MINUS_ZERO, 16))),
                results.i.payload[lane].eq(add.o),
            ]
        latency = arrives + NormLane.latency + multiply_cycles + FloatAdd.latency
        m.d.comb += results.i.valid.eq(delay(m, reads, latency, "result"))
        left = self.o.valid & self.o.ready
        now = outstanding + reads - left
        m.d.sync += [outstanding.eq(now), may_give.eq(now < _QUEUE)]
        m.d.comb += [idle.eq(~Cat(filled, vectors, outstanding).any()), self.busy.eq(~idle)]
        return m
