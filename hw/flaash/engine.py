"""The `flaash` engine: loader, memory, engines and results behind the contract of an engine."""

from amaranth.hdl import C, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import bits_for

from hw.arith.serial import SerialMultiply
from hw.sdpe.collector import Collector
from hw.sdpe.dispatcher import Dispatcher
from hw.sdpe.dot_product_engine import DotProductEngine
from hw.sdpe.job_generator import JobGenerator
from hw.sdpe.pointer_memory import PointerMemory
from hw.sdpe.tensor_memory import TensorMemory
from hw.shared import shared
from hw.shell.engine import TRAILER_MARKER, CounterDescription, EngineSignature
from hw.stream import Buffer, Word
from hw.stream.delay import delay

from .loader import FlaashLoader
from .task import NO_RESULT, FlaashError

__all__ = ["FlaashEngine"]


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
                engine.drop_zeros.eq(loader.drop_zeros), engine.restart.eq(loader.contract),
                dispatcher.finished[number].eq(engine.finished),
            ]
        connect(m, generator.o, dispatcher.i)

        # A contraction: the number of its jobs, all bundles, then until nothing is left anywhere.
        m.submodules.multiply = multiply = SerialMultiply(bits_for(p.fibers))
        m.d.comb += [
            multiply.start.eq(loader.contract), multiply.a.eq(loader.a.fibers), multiply.b.eq(loader.b.fibers),
            generator.fibers_a.eq(loader.a.fibers), generator.fibers_b.eq(loader.b.fibers),
            generator.portions.eq(loader.a.portions), generator.jobs.eq(multiply.p),
        ]
        working, quiet, idle = Signal(), Signal(), Signal()
        output = m.submodules.output = Buffer(Word(p.bus_width))
        m.d.sync += idle.eq(~(generator.busy | dispatcher.busy | collector.busy | output.o.valid
                              | Cat(engine.busy for engine in engines).any()))
        # Busy passes registers on its way from one part to the next: nothing for some cycles means nothing at all.
        m.d.comb += quiet.eq(idle & delay(m, idle, 4, "idle"))
        with m.FSM():
            with m.State("IDLE"):
                with m.If(loader.contract):
                    m.d.sync += working.eq(1)
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                with m.If(~multiply.busy & ~multiply.start):
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += generator.begin.eq(1)
                m.next = "BEGUN"
            for cycle in range(8):
                with m.State("BEGUN" if not cycle else f"BEGUN{cycle}"):
                    m.next = f"BEGUN{cycle + 1}" if cycle < 7 else "WORK"
            with m.State("WORK"):
                with m.If(quiet):
                    m.d.sync += working.eq(0)
                    m.d.comb += loader.contracted.eq(1)
                    m.next = "IDLE"
        results = self._send(m, loader, collector, output)
        m.d.comb += self.busy.eq(loader.busy | self.o.valid | self.done.valid)
        events = {
            "working": working, "loading": loader.loading, "results": results,
            "compares": _total(engine.compares for engine in engines),
            "macs": _total(engine.products for engine in engines),
            "jobs": _total(engine.begins for engine in engines),
            "waits": _total(engine.waits for engine in engines),
            "starved": _total(engine.starved for engine in engines),
        }
        m.d.sync += [self.events[counter.name].eq(events[counter.name]) for counter in self.counters]
        return m

    def _send(self, m, loader, collector, output):
        """Results, whichever lanes have some, then the trailer."""
        p = self.parameters
        connect(m, output.o, flipped(self.o))
        lanes, half = collector.lanes, p.result_width // 2
        beat = Signal(p.bus_width)
        some, over = Signal(), Signal()
        m.d.comb += some.eq(Cat(lane.valid for lane in lanes).any())
        for number in range(p.results_of_beat):
            place = beat.word_select(number, p.result_width)
            m.d.comb += place[:32].eq(NO_RESULT)
            if number < len(lanes):
                lane = lanes[number]
                with m.If(lane.valid):
                    value = lane.payload.value.as_signed() if p.accumulator != 32 else lane.payload.value
                    m.d.comb += [place[:32].eq(lane.payload.destination), place[half:].eq(value)]
        m.d.sync += over.eq(loader.complete)
        error = loader.error
        with m.FSM():
            with m.State("BEATS"):
                m.d.comb += [output.i.payload.data.eq(beat), output.i.valid.eq(some),
                             *(lane.ready.eq(output.i.ready) for lane in lanes)]
                with m.If(over):
                    m.next = "TRAILER"
            with m.State("TRAILER"):
                m.d.comb += [output.i.payload.data.eq(Cat(error, C(TRAILER_MARKER, 8))),
                             output.i.payload.last.eq(1), output.i.valid.eq(1)]
                with m.If(output.i.ready):
                    m.d.sync += [self.done.valid.eq(1), self.done.payload.error.eq(error)]
                    m.next = "DONE"
            with m.State("DONE"):
                with m.If(self.done.ready):
                    m.d.comb += loader.finish.eq(1)
                    m.d.sync += self.done.valid.eq(0)
                    m.next = "AFTER"
            with m.State("AFTER"):
                # `over` follows the end of the task by a cycle.
                with m.If(~over):
                    m.next = "BEATS"
        sent = output.i.ready & some
        return _total(lane.valid & sent for lane in lanes)


def _total(bits):
    """How many bits are set."""
    return sum(bits, C(0, 1))
