"""The `flaash` engine: loader, memory, engines and results behind the contract of an engine."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import bits_for

from hw.arith.serial import SerialMultiply
from hw.sdpe.collector import Collector
from hw.sdpe.dispatcher import Dispatcher
from hw.sdpe.dot_product_engine import DotProductEngine
from hw.sdpe.job_generator import JobGenerator
from hw.sdpe.layouts import Bundle
from hw.sdpe.pointer_memory import PointerMemory
from hw.sdpe.portion_sums import PortionSums
from hw.sdpe.tensor_memory import TensorMemory
from hw.shared import shared
from hw.shell.engine import CounterDescription, EngineSignature
from hw.shell.result_packet import add_trailer_states
from hw.stream import Buffer, Word
from hw.stream.delay import delay

from .loader import FlaashLoader
from .task import NO_RESULT, FlaashError

__all__ = ["FlaashEngine"]

#: Cycles after which what has begun is seen to be busy.
_SETTLE = 8


class FlaashEngine(wiring.Component):
    """Contraction of two sparse tensors over their last modes by a cluster of sparse dot product engines.

    ``C[i.., j..] = sum over k of A[i.., k] B[j.., k]``. Tensors are loaded into the memory, a beat a cycle, and stay
    there; then all pairs of fibers that both have entries are jobs of the engines. What bounds a contraction is the
    engines' comparisons, or the generator, a row of pointers a cycle, or the bus, ``results_of_beat`` results a cycle.

    A result packet has beats of results in no order, those of pairs without a common index included unless they are to
    be dropped, and the trailer.

    Source: FLAASH (arXiv 2404.16317).
    """

    error_codes = FlaashError

    def __init__(self, parameters):
        p = self.parameters = parameters
        every = bits_for(p.engines)
        self.counters = () if not p.counters else (
            CounterDescription("working", "cycles", "A contraction is at work, until its last result has left."),
            CounterDescription("loading", "beats", "Beats of tensors taken."),
            CounterDescription("compares", "pairs", "Pairs of windows compared, by all engines.", every),
            CounterDescription("macs", "multiply-accumulates", "Products of entries of equal index.", every),
            CounterDescription("jobs", "jobs", "Dot products of which both fibers have entries.", every),
            CounterDescription("waits", "cycles", "An engine wanted a row while its bank was another's.", every),
            CounterDescription("starved", "cycles", "An engine had a job, and no windows to compare.", every),
            CounterDescription("results", "results", "Results sent.", every),
        )
        super().__init__(EngineSignature(p.bus_width, self.counters))

    def elaborate(self, platform):
        m = Module()
        p = self.parameters
        m.submodules.loader = loader = shared(FlaashLoader, p)
        m.submodules.memory = memory = shared(TensorMemory, p)
        m.submodules.generator = generator = shared(JobGenerator, p)
        m.submodules.dispatcher = dispatcher = shared(Dispatcher, p)
        m.submodules.collector = collector = shared(Collector, p)
        connect(m, flipped(self.i), loader.i)
        for side in "ab":
            m.submodules[f"pointers_{side}"] = pointers = shared(PointerMemory, p)
            m.d.comb += [
                pointers.write_enable.eq(getattr(loader, f"pointers_{side}")),
                pointers.write_row.eq(loader.pointer_row), pointers.write_data.eq(loader.pointer_data),
                pointers.row.eq(getattr(generator, f"row_{side}")),
                getattr(generator, f"data_{side}").eq(pointers.data),
            ]
        m.d.comb += [memory.write_enable.eq(loader.entries), memory.write_row.eq(loader.entry_row),
                     memory.write_data.eq(loader.entry_data)]

        engines = []
        for number in range(p.engines):
            engine = m.submodules[f"engine{number}"] = shared(DotProductEngine, p)
            engines.append(engine)
            connect(m, engine.read, memory.read[number])
            connect(m, engine.o, collector.i[number])
            m.d.comb += [
                engine.i.payload.eq(dispatcher.bundle), engine.i.valid.eq(dispatcher.valid[number]),
                engine.drop_zeros.eq(loader.drop_zeros),
                engine.restart.eq(delay(m, loader.contract, 1, f"restart{number}", apart=True)),
                dispatcher.finished[number].eq(engine.finished),
            ]
        m.submodules.bundles = bundles = Buffer(Bundle(p))
        connect(m, generator.o, bundles.i)
        connect(m, bundles.o, dispatcher.i)

        sums, lanes = None, collector.lanes
        if p.sums:
            m.submodules.sums = sums = shared(PortionSums, p, len(lanes))
            for number, lane in enumerate(lanes):
                connect(m, lane, sums.i[number])
            lanes = sums.o
        output = m.submodules.output = Buffer(Word(p.bus_width))
        idle = Signal()
        m.d.sync += idle.eq(~(generator.busy | bundles.o.valid | dispatcher.busy | collector.busy | output.o.valid
                              | Cat(engine.busy for engine in engines).any()))
        working = self._contract(m, loader, generator, sums, idle)
        results = self._send(m, loader, lanes, output)
        m.d.comb += self.busy.eq(loader.busy | self.o.valid | self.done.valid)
        events = {
            "working": working, "loading": loader.loading, "results": results,
        }
        for counter, name in {"compares": "compares", "macs": "products", "jobs": "begins", "waits": "waits",
                              "starved": "starved"}.items():
            # A register on the way from engines that are far.
            events[counter] = _total(delay(m, getattr(engine, name), 1, f"{name}{number}", payload=True)
                                     for number, engine in enumerate(engines))
        m.d.sync += [self.events[counter.name].eq(events[counter.name]) for counter in self.counters]
        return m

    def _contract(self, m, loader, generator, sums, idle):
        """A contraction from its number of results until nothing of it is left anywhere."""
        p = self.parameters
        width = bits_for(max(p.fibers, p.sums))
        m.submodules.multiply = multiply = SerialMultiply(width)
        several, working, quiet, many = Signal(), Signal(), Signal(), Signal()
        results = Signal(2 * width)
        m.d.comb += [
            multiply.a.eq(loader.a.fibers), multiply.b.eq(loader.b.fibers), multiply.start.eq(loader.contract),
            generator.fibers_a.eq(loader.a.fibers), generator.fibers_b.eq(loader.b.fibers),
            generator.portions.eq(loader.a.portions), generator.jobs.eq(results),
            # Busy passes registers on its way from one part to the next: nothing for some cycles is nothing at all.
            quiet.eq(idle & delay(m, idle, _SETTLE // 2, "idle")),
        ]
        m.d.sync += several.eq(loader.a.portions != 1)
        settled = Signal(range(_SETTLE))
        with m.FSM():
            with m.State("IDLE"):
                with m.If(loader.contract):
                    m.d.sync += working.eq(1)
                    m.next = "RESULTS"
            with m.State("RESULTS"):
                m.d.sync += results.eq(multiply.p)
                with m.If(~multiply.busy):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "BEGIN"
                with m.If(results >= NO_RESULT):
                    m.d.comb += [loader.refused.eq(1), loader.refusal.eq(FlaashError.BAD_SIZE)]
                if sums is not None:
                    with m.Elif(several):
                        m.d.comb += [multiply.a.eq(results), multiply.b.eq(loader.a.portions), multiply.start.eq(1)]
                        m.next = "PARTIALS"
                with m.If(loader.refused):
                    m.d.sync += working.eq(0)
                    m.next = "IDLE"
            if sums is not None:
                with m.State("PARTIALS"):
                    m.d.sync += many.eq((results > p.sums) | (multiply.p > p.sums))
                    with m.If(~multiply.busy):
                        m.next = "TEST"
                with m.State("TEST"):
                    m.next = "CLEAR"
                    with m.If(many):
                        m.d.comb += [loader.refused.eq(1), loader.refusal.eq(FlaashError.BAD_PORTIONS)]
                        m.d.sync += working.eq(0)
                        m.next = "IDLE"
                    with m.Else():
                        m.d.comb += sums.clear.eq(1)
                with m.State("CLEAR"):
                    with m.If(~sums.busy):
                        m.next = "BEGIN"
                m.d.comb += [sums.results.eq(results), sums.partials.eq(multiply.p), sums.collecting.eq(several),
                             sums.drop_zeros.eq(loader.drop_zeros)]
            with m.State("BEGIN"):
                m.d.comb += generator.begin.eq(1)
                m.d.sync += settled.eq(0)
                m.next = "WORK"
            with m.State("WORK"):
                m.d.sync += settled.eq(Mux(settled == _SETTLE - 1, settled, settled + 1))
                with m.If(quiet & (settled == _SETTLE - 1)):
                    if sums is None:
                        m.next = "END"
                    else:
                        m.next = "ADD"
                        with m.If(~several):
                            m.next = "END"
            if sums is not None:
                with m.State("ADD"):
                    m.d.comb += sums.add.eq(1)
                    m.next = "ADDING"
                with m.State("ADDING"):
                    with m.If(~sums.busy & quiet):
                        m.next = "END"
            with m.State("END"):
                m.d.sync += working.eq(0)
                m.d.comb += loader.contracted.eq(1)
                m.next = "IDLE"
        return working

    def _send(self, m, loader, lanes, output):
        """Results, whichever lanes have some, then the trailer."""
        p = self.parameters
        connect(m, output.o, flipped(self.o))
        half = p.result_width // 2
        beat = Signal(p.bus_width)
        some, over = Signal(), Signal()
        m.d.comb += some.eq(Cat(lane.valid for lane in lanes).any())
        places = []
        for number in range(p.results_of_beat):
            place = Signal(p.result_width, name=f"place{number}", init=NO_RESULT)
            places.append(place)
            if number < len(lanes):
                lane = lanes[number]
                with m.If(lane.valid):
                    value = lane.payload.value.as_signed() if p.accumulator != 32 else lane.payload.value
                    m.d.comb += [place[:half].eq(lane.payload.destination), place[half:].eq(value)]
        m.d.comb += beat.eq(Cat(places))
        m.d.sync += over.eq(loader.complete)
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += [output.i.payload.data.eq(beat), output.i.valid.eq(some),
                             *(lane.ready.eq(output.i.ready) for lane in lanes)]
                with m.If(over):
                    m.next = "TRAILER"
            add_trailer_states(m, self, output.i, over, loader.error, loader.finish)
        sent = output.i.ready & some
        return _total(lane.valid & sent for lane in lanes)


def _total(bits):
    """How many bits are set."""
    return sum(bits, C(0, 1))
