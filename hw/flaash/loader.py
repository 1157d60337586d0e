"""Reading of task packets: header, and the tensors that it announces."""

from amaranth.hdl import C, Cat, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.arith.serial import SerialDivide
from hw.sdpe.layouts import Entry
from hw.sdpe.pointer_memory import PointerRow, pointer_row_bits
from hw.stream import WidthConverter, Word
from hw.stream.delay import delay
from hw.stream.header import collect_header
from hw.stream.packet import PacketInput
from hw.stream.select import any_of

from .task import HEADER_BITS, HEADER_MAGIC, FlaashError, Header

__all__ = ["FlaashLoader", "TensorSize"]

#: Bits of a fiber pointer and of an entry on the bus.
POINTER_WORD = 32
ENTRY_WORD = 64


class TensorSize(data.StructLayout):
    """A tensor that is there: fibers of a portion, portions, and the length of the contracted mode."""

    def __init__(self, parameters):
        fibers = bits_for(parameters.fibers)
        super().__init__({"there": 1, "fibers": fibers, "portions": fibers, "length": 32})


class FlaashLoader(wiring.Component):
    """Parse packets: a header of 32 bytes, then of each tensor that is loaded, a before b, pointers and entries.

    Pointers are words of 32 bits: where each fiber ends. Entries are words of 64 bits: index, then value. Both begin
    with a new beat. A beat a cycle, of entries a row of the memory a cycle at most.

    Whatever is wrong is reported once the packet has ended; then nothing is contracted, and a tensor that was being
    loaded is gone.

    Members
    -------
    i : In(stream of Word(bus_width))
    pointers_a, pointers_b : Out(1), pointer_row : Out, pointer_data : Out(PointerRow)
        A row of pointers is written.
    entries : Out(1), entry_row : Out, entry_data : Out
        A row of entries is written.
    a, b : Out(TensorSize)
    contract : Out(1)
        Pulse: contract these tensors.
    drop_zeros : Out(1)
    contracted : In(1)
        Pulse: it is done.
    refused, refusal : In(1), In(FlaashError)
        Pulse: it cannot be done, and why.
    running : Out(1)
        A task is at work: from its header on, until `finish`.
    complete : Out(1)
        Nothing of the task follows.
    error : Out(FlaashError)
        Of the task, once `complete`.
    finish : In(1)
        Pulse: the result has left.
    loading : Out(1)
        Pulse: a beat of a tensor was taken.
    busy : Out(1)
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Word(p.bus_width))),
            "pointers_a": Out(1), "pointers_b": Out(1), "pointer_row": Out(pointer_row_bits(p)),
            "pointer_data": Out(PointerRow(p)),
            "entries": Out(1), "entry_row": Out(p.row_bits), "entry_data": Out(p.row_entries * p.entry_width),
            "a": Out(TensorSize(p)), "b": Out(TensorSize(p)), "contract": Out(1), "drop_zeros": Out(1),
            "contracted": In(1), "refused": In(1), "refusal": In(FlaashError), "running": Out(1), "complete": Out(1),
            "error": Out(FlaashError), "finish": In(1), "loading": Out(1), "busy": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        packet = PacketInput(m, self.i)
        word, available, wanted, ended = packet.word, packet.available, packet.wanted, packet.ended

        heading = Signal()
        collected, _, header_end = collect_header(m, word.data, HEADER_BITS, heading, available)
        header = data.View(Header(), collected)
        self._header = header
        of_b, error = Signal(), self.error                     # the tensor in hand
        loads, fibers, entries = (Signal.like(value, name=name, reset_less=True) for name, value in (
            ("loads", header.load_a), ("fibers", header.fibers_a), ("entries", header.entries_a)))
        m.d.sync += Cat(loads, fibers, entries).eq(Mux(of_b, Cat(header.load_b, header.fibers_b, header.entries_b),
                                                       Cat(header.load_a, header.fibers_a, header.entries_a)))
        wrong = self._check(m, header)
        m.submodules.divide = divide = SerialDivide(bits_for(p.fibers))
        uneven = Signal()
        m.d.sync += uneven.eq(divide.remainder != 0)

        # Sections of a tensor.
        sections = {
            "pointers": _Section(m, p, "pointers", fibers, POINTER_WORD, p.bundle, p.fibers),
            "entries": _Section(m, p, "entries", entries, ENTRY_WORD, p.row_entries, p.entries),
        }
        for section in sections.values():
            m.d.comb += [section.available.eq(available), section.word.eq(word.data)]
        bad_pointer = self._write_pointers(m, sections["pointers"], of_b, entries)
        bad_index = self._write_entries(m, sections["entries"], of_b)

        # Sizes are there some cycles before they are asked for.
        lengths_differ, portions_differ = Signal(), Signal()
        m.d.sync += [
            lengths_differ.eq(self.a.length != self.b.length),
            portions_differ.eq((self.a.portions != header.portions) | (self.b.portions != header.portions)),
        ]
        draining, starting = Signal(), Signal()
        takes = sections["pointers"].takes | sections["entries"].takes
        m.d.comb += [wanted.eq(heading | takes | draining), self.busy.eq(self.running | packet.waiting)]
        m.d.sync += self.loading.eq(takes & available)
        sizes = (self.a, self.b)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [ended.eq(0), of_b.eq(0), error.eq(FlaashError.NONE)]
                with m.If(packet.waiting):
                    m.d.sync += [heading.eq(1), self.running.eq(1)]
                    m.next = "HEADER"
            with m.State("HEADER"):
                with m.If(header_end & available):
                    m.d.sync += heading.eq(0)
                    m.next = "CHECK"
                with m.Elif(ended):
                    m.d.sync += [heading.eq(0), error.eq(FlaashError.SHORT_PACKET)]
                    m.next = "DRAIN"
            with m.State("CHECK"):
                m.next = "CHECKING"
            with m.State("CHECKING"):
                m.next = "CHECKED"
            with m.State("CHECKED"):
                m.next = "CHOOSE"
                for code, is_wrong in reversed(wrong.items()):
                    with m.If(is_wrong):
                        m.d.sync += error.eq(code)
                        m.next = "DRAIN"
            with m.State("CHOOSE"):
                m.next = "TENSOR"
            with m.State("TENSOR"):
                m.d.comb += [divide.a.eq(fibers), divide.b.eq(header.portions), divide.start.eq(loads)]
                with m.If(loads):
                    for number, size in enumerate(sizes):
                        with m.If(of_b == number):
                            m.d.sync += size.there.eq(0)
                    m.next = "DIVIDE"
                with m.Else():
                    m.next = "NEXT"
            with m.State("DIVIDE"):
                with m.If(~divide.busy):
                    m.next = "DIVIDED"
            with m.State("DIVIDED"):
                for number, size in enumerate(sizes):
                    with m.If(of_b == number):
                        m.d.sync += [size.fibers.eq(divide.quotient), size.portions.eq(header.portions),
                                     size.length.eq(header.length)]
                m.d.comb += starting.eq(1)
                with m.If(uneven):
                    m.d.sync += error.eq(FlaashError.BAD_PORTIONS)
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "POINTERS"
            for name, following in (("pointers", "ENTRIES"), ("entries", "LOADED")):
                section = sections[name]
                m.d.comb += section.start.eq(starting)
                with m.State(name.upper()):
                    m.d.comb += section.on.eq(1)
                    with m.If(section.done):
                        m.next = following
                    with m.Elif(ended & ~section.whole):
                        m.d.sync += error.eq(FlaashError.SHORT_PACKET)
                        m.next = "DRAIN"
            with m.State("LOADED"):
                # What the last rows had wrong is known some cycles behind them.
                m.next = "LOADED1"
            with m.State("LOADED1"):
                m.next = "LOADED2"
            with m.State("LOADED2"):
                m.next = "JUDGE"
            with m.State("JUDGE"):
                with m.If(bad_pointer):
                    m.d.sync += error.eq(FlaashError.BAD_POINTER)
                    m.next = "DRAIN"
                with m.Elif(bad_index):
                    m.d.sync += error.eq(FlaashError.BAD_INDEX)
                    m.next = "DRAIN"
                with m.Else():
                    for number, size in enumerate(sizes):
                        with m.If(of_b == number):
                            m.d.sync += size.there.eq(1)
                    m.next = "NEXT"
            with m.State("NEXT"):
                m.d.sync += of_b.eq(1)
                with m.If(~of_b):
                    m.next = "CHOOSE"
                with m.Elif(~ended):
                    m.d.sync += error.eq(FlaashError.LONG_PACKET)
                    m.next = "DRAIN"
                with m.Elif(~header.contract):
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "READY"
            with m.State("READY"):
                m.next = "DRAIN"
                with m.If(~self.a.there | ~self.b.there):
                    m.d.sync += error.eq(FlaashError.NO_TENSOR)
                with m.Elif(lengths_differ):
                    m.d.sync += error.eq(FlaashError.BAD_LENGTHS)
                with m.Elif(portions_differ):
                    m.d.sync += error.eq(FlaashError.BAD_PORTIONS)
                with m.Else():
                    m.d.comb += self.contract.eq(1)
                    m.next = "CONTRACT"
            with m.State("CONTRACT"):
                with m.If(self.contracted | self.refused):
                    m.next = "DRAIN"
                with m.If(self.refused):
                    m.d.sync += error.eq(self.refusal)
            packet.add_end_states(m, draining, self.complete, self.running, self.finish)
        m.d.comb += self.drop_zeros.eq(header.drop_zeros)
        return m

    def _check(self, m, header):
        """What may be wrong with a header, in registers behind those of each comparison."""
        p = self._parameters
        wrong, sizes = {}, []
        for load, fibers, entries in ((header.load_a, header.fibers_a, header.entries_a),
                                      (header.load_b, header.fibers_b, header.entries_b)):
            sizes += [load & (fibers == 0), load & (fibers > p.fibers), load & (entries > p.entries),
                      ~load & (fibers != 0), ~load & (entries != 0)]
        found = {
            FlaashError.BAD_MAGIC: [header.magic != HEADER_MAGIC, header.reserved_flags != 0, header.reserved != 0,
                                    header.reserved_word != 0],
            FlaashError.NOTHING: [~(header.load_a | header.load_b | header.contract)],
            FlaashError.BAD_SIZE: sizes,
            FlaashError.BAD_PORTIONS: [header.portions == 0, header.portions > max(1, p.sums),
                                       header.portions > p.fibers],
        }
        for error, reasons in found.items():
            wrong[error] = Signal(name=error.name.lower())
            m.d.sync += wrong[error].eq(delay(m, Cat(reasons), 1, f"{error.name.lower()}_of").any())
        return wrong

    def _write_pointers(self, m, section, of_b, entries):
        """Rows of pointers, each of which is checked: none decreases, none exceeds the entries, the last is all."""
        p = self._parameters
        # A row and which of its words are pointers, a cycle before it is looked at.
        row, mask, number = Signal.like(section.row, reset_less=True), Signal(p.bundle), Signal.like(self.pointer_row)
        came = Signal()
        m.d.sync += [came.eq(section.writes), row.eq(section.row), number.eq(section.number),
                     mask.eq(Cat(n < section.left for n in range(p.bundle)))]
        words = [row.word_select(n, POINTER_WORD) for n in range(p.bundle)]
        before, last = Signal(POINTER_WORD), Signal(POINTER_WORD)
        falls, exceeds, bad = Signal(p.bundle), Signal(p.bundle), Signal()
        highest = mask & ~Cat(mask[1:], C(0, 1))
        with m.If(came):
            m.d.sync += [
                before.eq(words[-1]),
                last.eq(any_of([word & highest[n].replicate(POINTER_WORD) for n, word in enumerate(words)])),
                falls.eq(mask & Cat(word < (words[n - 1] if n else before) for n, word in enumerate(words))),
                exceeds.eq(mask & Cat(word > entries for word in words)),
            ]
        m.d.sync += [
            self.pointers_a.eq(came & ~of_b), self.pointers_b.eq(came & of_b),
            self.pointer_row.eq(number), self.pointer_data.start.eq(before),
            *(self.pointer_data.ends[n].eq(word) for n, word in enumerate(words)),
            bad.eq((bad | falls.any() | exceeds.any()) & ~section.start),
        ]
        with m.If(section.start):
            m.d.sync += [before.eq(0), falls.eq(0), exceeds.eq(0)]
        differs = Signal()
        m.d.sync += differs.eq(last != entries)
        return bad | differs

    def _write_entries(self, m, section, of_b):
        """Rows of entries, whose indices are to be below the length."""
        p = self._parameters
        view = data.View(data.ArrayLayout(data.StructLayout({"index": 32, "value": 32}), p.row_entries), section.row)
        row, bad = Signal(data.ArrayLayout(Entry(p), p.row_entries), reset_less=True), Signal()
        exceeds = [Signal(name=f"exceeds{n}") for n in range(p.row_entries)]
        header = self._header
        m.d.sync += [
            self.entries.eq(section.writes), self.entry_row.eq(section.number + Mux(of_b, p.rows // 2, 0)),
            *(row[n].index.eq(view[n].index) for n in range(p.row_entries)),
            *(row[n].value.eq(view[n].value) for n in range(p.row_entries)),
            *(exceed.eq(section.writes & (n < section.left) & (view[n].index >= header.length))
              for n, exceed in enumerate(exceeds)),
            bad.eq((bad | Cat(exceeds).any()) & ~section.start),
        ]
        m.d.comb += self.entry_data.eq(row)
        return bad


class _Section:
    """Words of a packet that begin with a beat of their own, as rows."""

    def __init__(self, m, parameters, name, words, width, row_words, most):
        p = parameters
        self.start, self.on, self.available = (Signal(name=f"{name}_{what}") for what in ("start", "on", "available"))
        self.word = Signal(p.bus_width, name=f"{name}_word")
        bits = bits_for(most)
        beats_left, more = Signal(bits_for(max(1, most * width // p.bus_width) + 1), name=f"{name}_beats"), Signal(
            name=f"{name}_more")
        #: Words that are not written yet, and the number of the row.
        self.left, self.number = Signal(bits, name=f"{name}_left"), Signal(bits, name=f"{name}_number")
        converter = WidthConverter(p.bus_width, row_words * width)
        m.submodules[f"{name}_rows"] = ResetInserter(self.start)(converter)
        self.takes = self.on & more & converter.i.ready
        self.row = converter.o.payload.data
        some = Signal(name=f"{name}_some")
        self.writes = converter.o.valid & some & self.on
        #: All rows are written; all beats are taken.
        self.done, self.whole = ~some, ~more
        last = Signal(name=f"{name}_last")
        m.d.comb += [converter.i.valid.eq(self.on & more & self.available), converter.i.payload.data.eq(self.word),
                     last.eq(beats_left == 1), converter.i.payload.last.eq(last), converter.o.ready.eq(1)]
        with m.If(self.takes & self.available):
            m.d.sync += [beats_left.eq(beats_left - 1), more.eq(~last)]
        with m.If(self.writes):
            m.d.sync += [self.left.eq(Mux(self.left > row_words, self.left - row_words, 0)),
                         some.eq(self.left > row_words), self.number.eq(self.number + 1)]
        with m.If(self.start):
            per_beat = ceil_log2(p.bus_width // width) if p.bus_width >= width else 0
            m.d.sync += [self.left.eq(words), some.eq(words != 0), self.number.eq(0), more.eq(words != 0),
                         beats_left.eq((words[:bits] + (1 << per_beat) - 1) >> per_beat)]
