"""Sums of portions: partial results by their places, added at the end in ascending order of the portions."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.arith.float_add import FloatAdd
from hw.arith.float_format import FP32
from hw.shared import shared
from hw.stream import Arbiter
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay

from .layouts import Result

__all__ = ["PortionSums"]


class PortionSums(wiring.Component):
    """``C[n] = sum over portions p of partial[p * N + n]``, from +0 on.

    Partial results come in any order and are stored; one that does not come is 0. A contraction of one portion passes
    by. Clearing takes a cycle for each partial result, and so does storing one; adding them takes `cycles_of_sum` each.

    Members
    -------
    i : In(stream of Result).array(lanes)
    o : Out(stream of Result).array(lanes)
        Sums are in the first lane.
    clear : In(1)
        Pulse, while not `busy`: a contraction of several portions begins.
    add : In(1)
        Pulse, while not `busy`: all partial results have come.
    results : In
        N, of a portion.
    partials : In
        N times the portions.
    drop_zeros : In(1)
    collecting : In(1)
        The contraction has several portions.
    busy : Out(1)
        Clearing, or adding and not all sums are taken.
    """

    def __init__(self, parameters, lanes):
        p = self._parameters = parameters
        self._lanes = lanes
        result, count = stream.Signature(Result(p)), bits_for(p.sums)
        super().__init__({
            "i": In(result).array(lanes), "o": Out(result).array(lanes), "clear": In(1), "add": In(1),
            "results": In(count), "partials": In(count), "drop_zeros": In(1), "collecting": In(1), "busy": Out(1),
        })

    @property
    def cycles_of_sum(self):
        """Cycles that the addition of a partial result takes."""
        return 3 + (1 + FloatAdd.latency if self._parameters.is_float else 1)

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        address_bits = max(1, ceil_log2(p.sums))
        m.submodules.memory = memory = shared(BlockMemory, p.accumulator, 1 << address_bits, latency=2, vendor=p.vendor)
        stored = stream.Signature(Result(p)).create()
        into = [stored]
        if self._lanes > 1:
            m.submodules.arbiter = arbiter = Arbiter(Result(p), self._lanes)
            stored, into = arbiter.o, arbiter.i
        passes, gives = Signal(), Signal()
        total, number = Signal(p.accumulator), Signal.like(self.results)
        m.d.sync += passes.eq(~self.collecting)               # which goes to all lanes, and is settled long before
        for lane in range(self._lanes):
            source, target = self.i[lane], self.o[lane]
            m.d.comb += [
                into[lane].payload.eq(source.payload), into[lane].valid.eq(source.valid & ~passes),
                source.ready.eq(Mux(passes, target.ready, into[lane].ready)),
                target.payload.eq(source.payload), target.valid.eq(source.valid & passes),
            ]
        with m.If(gives):
            m.d.comb += [self.o[0].payload.destination.eq(number), self.o[0].payload.value.eq(total),
                         self.o[0].valid.eq(1)]

        # Writing: zeros at the beginning, then what comes.
        clear, add = delay(m, self.clear, 1, "clear"), delay(m, self.add, 1, "add")
        clearing, place = Signal(), Signal(bits_for(p.sums))
        following, last_portion, last_clear = Signal(bits_for(2 * p.sums)), Signal(), Signal.like(place)
        m.d.sync += last_clear.eq(self.partials - 1)
        # A cycle later; reading begins two cycles after `add` at the earliest.
        written = Mux(clearing, 0, stored.payload.value)
        address = Mux(clearing, place, stored.payload.destination)
        m.d.comb += [
            stored.ready.eq(~clearing), memory.write_enable.eq(delay(m, clearing | stored.valid, 1, "writes")),
            memory.write_address.eq(delay(m, address, 1, "write_address", payload=True)),
            memory.write_data.eq(delay(m, written, 1, "write_data", payload=True)),
        ]
        with m.If(clearing):
            m.d.sync += [place.eq(place + 1), clearing.eq(place != last_clear)]
        with m.If(clear):
            m.d.sync += [clearing.eq(1), place.eq(0)]

        # Reading: the partial results of a sum one after another.
        dropped, final = Signal(), Signal()
        wait, sums, ready = self._adder(m, total, memory.read_data)
        m.d.comb += [memory.read_enable.eq(1), memory.read_address.eq(place)]
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.sync += number.eq(0)
                with m.If(add):
                    m.d.sync += [place.eq(0), total.eq(0)]
                    m.next = "READ"
            with m.State("READ"):
                m.d.sync += following.eq(place + self.results)
                m.next = "READING"
            with m.State("READING"):
                m.d.sync += last_portion.eq(following >= self.partials)
                m.next = "ADD"
            with m.State("ADD"):
                m.d.comb += wait.eq(1)
                with m.If(ready):
                    m.d.sync += [total.eq(sums), place.eq(following)]
                    m.next = "READ"
                    with m.If(last_portion):
                        m.next = "TEST"
            with m.State("TEST"):
                m.d.sync += [dropped.eq(self.drop_zeros & (total == 0)), final.eq(number + 1 == self.results)]
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += gives.eq(~dropped)
                with m.If(dropped | self.o[0].ready):
                    m.d.sync += [number.eq(number + 1), place.eq(number + 1), total.eq(0)]
                    m.next = "READ"
                    with m.If(final):
                        m.next = "IDLE"
        m.d.comb += self.busy.eq(clear | add | clearing | ~fsm.ongoing("IDLE"))
        return m

    def _adder(self, m, total, partial):
        """What is to be kept still while it adds, the sum, and when that is there."""
        wait = Signal()
        if not self._parameters.is_float:
            return wait, (total + partial)[:len(total)], wait
        m.submodules.add_floats = add = shared(FloatAdd, FP32)
        # A bit goes along with the operands.
        since = Signal(add.latency)
        m.d.sync += since.eq(Mux(since[-1], 0, Cat(wait & ~since.any(), since)[:add.latency]))
        m.d.comb += [add.a.as_value().eq(total), add.b.as_value().eq(partial)]
        return wait, add.o.as_value(), since[-1]
