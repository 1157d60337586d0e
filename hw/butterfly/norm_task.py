"""Tasks of layer normalisation: packets of their own, for a `LayerNorm`."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream import WidthConverter, Word
from hw.stream.counter import counter
from hw.stream.header import collect_header
from hw.stream.packet import PacketInput

from .layer_norm import LayerNorm, pieces_of
from .task import HEADER_BITS, HEADER_MAGIC, ButterflyError, Header

__all__ = ["NormTask"]


class NormTask(wiring.Component):
    """Read packets of a header, weights and biases if it says so, and vectors; give the normalised vectors.

    Behind the header, which has its beats to itself, everything is cut into pieces of ``norm_lanes`` elements, one
    behind the other: N / norm_lanes pieces of the weights, as many of the biases, and those of ``groups`` vectors; with
    `residual` each piece of x is followed by the piece of y that is added to it. Only the last beat is filled up, and
    so is that of the results. A piece a cycle; see `LayerNorm` for what else bounds the rate.

    What follows a task is dropped. When a packet ends early, what was worked on is forgotten, and its results are of no
    use. Either way the error is reported, and the next packet is read as usual.

    Parameters
    ----------
    parameters : ButterflyParameters

    Members
    -------
    i : In(stream of Word(bus_width))
        Packets with the flag `norm`.
    o : Out(stream of Word(bus_width))
        Results; `last` means nothing.
    busy : Out(1)
    complete : Out(1)
        The task is over and its results have left.
    error : Out(ButterflyError)
        Of the task, once `complete`.
    finish : In(1)
        Pulse: the trailer has left.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "i": In(stream.Signature(Word(p.bus_width))), "o": Out(stream.Signature(Word(p.bus_width))),
            "busy": Out(1), "complete": Out(1), "error": Out(ButterflyError), "finish": In(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        lanes, width = p.norm_lanes, p.norm_lanes * p.element_width
        packet = PacketInput(m, self.i)
        word, available, wanted, ended = packet.word, packet.available, packet.wanted, packet.ended

        # Header.
        heading, header = Signal(), Signal(Header())
        collected, _, header_end = collect_header(m, word.data, HEADER_BITS, heading, available)
        m.d.comb += header.as_value().eq(collected)
        least, most = ceil_log2(lanes), ceil_log2(p.max_points)
        bad_magic, bad_points, empty = Signal(), Signal(), Signal()
        m.d.sync += [
            bad_magic.eq((header.magic != HEADER_MAGIC) | header.fft | header.keep_coefficients | header.relu
                         | header.reserved_flags.any() | header.scaling.any()),
            bad_points.eq((header.stages < max(1, least)) | (header.stages > most) | header.worked.any()
                          | header.first_block.any() | header.memory_rows.any()),
            empty.eq(header.groups == 0),
        ]

        # Pieces.
        clear, reading = Signal(), Signal()
        m.submodules.pieces = pieces = ResetInserter(clear)(WidthConverter(p.bus_width, width))
        m.submodules.norm = norm = ResetInserter(clear)(LayerNorm(lanes, p.max_points, p.vendor))
        m.submodules.results = results = ResetInserter(clear)(WidthConverter(width, p.bus_width))
        section, second, x, vectors = Signal(2), Signal(), Signal(width, reset_less=True), Signal(32)
        of_vectors, moves, all_taken = section == 2, Signal(), Signal()
        kept = header.residual & ~second                     # a piece of x that waits for y
        m.d.comb += [
            pieces.i.valid.eq(reading & available & ~all_taken), pieces.i.payload.data.eq(word.data),
            pieces.i.payload.last.eq(0),
            norm.stages.eq(header.stages), norm.residual.eq(header.residual), norm.affine.eq(header.affine),
            norm.i.payload.x.as_value().eq(Mux(header.residual, x, pieces.o.payload.data)),
            norm.i.payload.y.as_value().eq(pieces.o.payload.data),
            norm.i.valid.eq(reading & of_vectors & pieces.o.valid & ~kept),
            pieces.o.ready.eq(reading & (~of_vectors | kept | norm.i.ready)),
            moves.eq(pieces.o.valid & pieces.o.ready),
            norm.parameter.as_value().eq(pieces.o.payload.data),
            norm.weight_enable.eq(moves & (section == 0)), norm.bias_enable.eq(moves & (section == 1)),
        ]
        with m.If(moves & kept):
            m.d.sync += x.eq(pieces.o.payload.data)
        with m.If(moves & of_vectors):
            m.d.sync += second.eq(kept)
        step = moves & ~(of_vectors & kept)
        piece, last = counter(m, pieces_of(m, header.stages, lanes, p.max_points), step, ~reading, "piece")
        m.d.comb += norm.parameter_address.eq(piece)
        m.d.comb += all_taken.eq(step & last & of_vectors & (vectors == 1))
        with m.If(step & last):
            with m.If(of_vectors):
                m.d.sync += vectors.eq(vectors - 1)
            with m.Else():
                m.d.sync += section.eq(section + 1)

        # Results: the last piece of the task ends a beat.
        given = Signal(32)
        starting = Signal()
        _, result_last = counter(m, pieces_of(m, header.stages, lanes, p.max_points), norm.o.valid & norm.o.ready,
                                 starting, "result")
        wiring.connect(m, results.o, wiring.flipped(self.o))
        m.d.comb += [
            results.i.valid.eq(norm.o.valid), norm.o.ready.eq(results.i.ready),
            results.i.payload.data.eq(norm.o.payload.as_value()),
            results.i.payload.last.eq(result_last & (given == 1)),
        ]
        with m.If(norm.o.valid & norm.o.ready & result_last):
            m.d.sync += given.eq(given - 1)

        steps, steps_end = counter(m, 5, starting, ~starting, "steps")
        draining, running = Signal(), Signal()
        m.d.comb += [wanted.eq(heading | (reading & pieces.i.ready & ~all_taken) | draining),
                     self.busy.eq(running | packet.waiting)]
        stuck, idle_pieces = Signal(), Signal()
        m.d.sync += idle_pieces.eq(ended & ~pieces.o.valid)
        m.d.comb += stuck.eq(idle_pieces & ended & ~pieces.o.valid)
        with m.FSM() as machine:
            with m.State("IDLE"):
                m.d.sync += [self.error.eq(ButterflyError.NONE), ended.eq(0), second.eq(0)]
                with m.If(available):
                    m.d.sync += [heading.eq(1), running.eq(1)]
                    m.next = "HEADER"
            with m.State("HEADER"):
                with m.If(available):
                    with m.If(header_end):
                        m.d.sync += heading.eq(0)
                        m.next = "CHECK"
                    with m.Elif(word.last):
                        m.d.sync += [heading.eq(0), self.error.eq(ButterflyError.SHORT_PACKET)]
                        m.next = "DRAIN"
            with m.State("CHECK"):
                # What is derived from the header comes a few cycles behind the reset.
                m.d.comb += [starting.eq(1), clear.eq(steps == 0)]
                m.d.sync += [vectors.eq(header.groups), given.eq(header.groups), section.eq(Mux(header.affine, 0, 2))]
                with m.If(steps_end):
                    with m.If(bad_magic | bad_points | empty):
                        m.d.sync += self.error.eq(Mux(bad_magic, ButterflyError.BAD_MAGIC, Mux(
                            bad_points, ButterflyError.BAD_POINTS, ButterflyError.EMPTY)))
                        m.next = "DRAIN"
                    with m.Else():
                        m.d.sync += reading.eq(1)
                        m.next = "PIECES"
            with m.State("PIECES"):
                with m.If(all_taken):
                    m.d.sync += reading.eq(0)
                    m.next = "TAIL"
                with m.Elif(stuck):
                    m.d.sync += [reading.eq(0), self.error.eq(ButterflyError.SHORT_PACKET)]
                    m.next = "DRAIN"
            with m.State("TAIL"):
                # Where a piece is a beat, the buffer between may hold one that follows.
                with m.If(~ended | (pieces.o.valid if width == p.bus_width else 0)):
                    m.d.sync += self.error.eq(ButterflyError.LONG_PACKET)
                m.next = "RESULTS"
            with m.State("RESULTS"):
                with m.If((given == 0) & ~results.o.valid):
                    m.next = "DRAIN"
            packet.add_end_states(m, draining, self.complete, running, self.finish)
        with m.If(machine.ongoing("DRAIN")):
            m.d.comb += clear.eq(1)
        return m
