"""The array that makes queries, keys and values from tokens."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.sofa.beat_write import GeneratedBeat
from hw.sofa.task import Projection
from hw.stream import Fifo
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile
from hw.stream.select import any_of

from .formats import Batch, Destination, Heads, WeightWrite
from .projection_unit import ProjectionUnit
from .weight_memory import WeightMemory

__all__ = ["Generator"]

QUERY, KEY, VALUE = range(3)


class Generator(wiring.Component):
    """Project batches of up to ``generator_rows`` tokens: to queries, or to keys and then values (SOFA, section IV-D).

    ``generator_rows`` units of a beat's multipliers each take a token; a word of weights passes them one after the
    other, a cycle apart. A batch takes ``words * channels`` cycles a matrix, whatever its size, if a matrix has at
    least ``2 * generator_rows + 2`` channels, and as many cycles before. Tokens of two batches are held.

    Members
    -------
    weights : In(stream of WeightWrite)
        All sections but the codes.
    heads : In(Heads)
    token_write, token_bank, token_row, token_half, token_data : In
        Half a beat of a token of the batch in one of two banks.
    destination_write, destination_bank, destination_row, destination : In
        Where the vectors of this token belong.
    i : In(stream of Batch)
        A batch whose tokens are there, of the banks in turn.
    o : Out(stream of GeneratedBeat)
    bank_done, query_done, token_done : Out(1)
        Pulses: a bank is free; a query, or the key and value of a token, has left.
    active : Out(bits_for(generator_rows))
        Units that multiply for a token of the batch in this cycle.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "weights": In(stream.Signature(WeightWrite(p))),
            "heads": In(Heads(p)),
            "token_write": In(1),
            "token_bank": In(1),
            "token_row": In(max(1, ceil_log2(p.generator_rows))),
            "token_half": In(range(2 * p.feature_words)),
            "token_data": In(p.bus_width // 2),
            "destination_write": In(1),
            "destination_bank": In(1),
            "destination_row": In(max(1, ceil_log2(p.generator_rows))),
            "destination": In(Destination(p)),
            "i": In(stream.Signature(Batch(p))),
            "o": Out(stream.Signature(GeneratedBeat(p))),
            "bank_done": Out(1),
            "query_done": Out(1),
            "token_done": Out(1),
            "active": Out(bits_for(p.generator_rows)),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        rows, row_bits = p.generator_rows, ceil_log2(p.generator_rows)
        beat_bits = ceil_log2(p.elements_per_beat)

        heads = self.heads

        # Tokens: a bank holds the batch at work or the next one.
        half_bits = ceil_log2(2 * p.feature_words)
        m.submodules.tokens = tokens = shared(BlockMemory, p.bus_width // 2, 1 << (1 + row_bits + half_bits))
        m.d.comb += [
            tokens.write_enable.eq(self.token_write), tokens.write_data.eq(self.token_data),
            tokens.write_address.eq(Cat(self.token_half, self.token_row[:row_bits], self.token_bank)),
        ]
        m.submodules.destinations = destinations = shared(RegisterFile, Destination(p).size, 2 << row_bits)
        m.d.comb += [
            destinations.write_enable.eq(self.destination_write),
            destinations.write_data.eq(self.destination.as_value()),
            destinations.write_address.eq(Cat(self.destination_row[:row_bits], self.destination_bank)),
        ]

        # The walk: matrices of the batch, words of the tokens, channels.
        running, bank = Signal(), Signal()
        count = Signal(bits_for(rows))
        head = Signal(Projection(p))
        matrix, word = Signal(2), Signal(head.last_word.shape())
        channel = Signal(range(p.folds * p.lanes))
        shift, last_channel, last_word, last_matrix, go = Signal(5), Signal.like(channel), Signal(), Signal(), Signal()
        with m.Switch(matrix):
            for number, beats, amount in ((QUERY, head.last_query_beat, head.query_shift),
                                          (KEY, head.last_key_beat, head.key_shift),
                                          (VALUE, head.last_value_beat, head.value_shift)):
                with m.Case(number):
                    m.d.comb += [shift.eq(amount), last_channel.eq((beats << beat_bits) | (p.elements_per_beat - 1))]
        m.d.comb += [last_word.eq(word == head.last_word), last_matrix.eq(matrix != KEY)]

        # The next word of each token is fetched while the present one is at work.
        fetch = Signal(range(2 * rows + 1))                    # halves of the next word that were asked for
        fetched, following_ready = Signal(), Signal()
        fetching = running & (fetch != 2 * rows)
        next_word, take, begin = Signal.like(word), Signal(), Signal()
        m.d.comb += [
            tokens.read_enable.eq(1),
            tokens.read_address.eq(Cat(Cat(fetch[0], next_word)[:half_bits], fetch[1:1 + row_bits], bank)),
        ]
        with m.If(fetching):
            m.d.sync += fetch.eq(fetch + 1)
        m.d.sync += fetched.eq(fetching & (fetch == 2 * rows - 1))
        with m.If(fetched):
            m.d.sync += following_ready.eq(1)

        # A beat that is begun has a place in the queue behind the units until it has left. That is `latency` cycles and
        # 7 more, to read the weights, to scale and gather, and through the queue, with a cycle a row.
        units = [shared(ProjectionUnit, p) for _ in range(rows)]
        latency = units[0].latency
        depth = rows * max(2, -(-(rows + latency + 7) // p.elements_per_beat))
        m.submodules.beats = beats = Fifo(data.StructLayout({
            "beat": len(self.o.payload.beat), "matrix": 2, "bank": 1, "row": max(1, row_bits), "final": 1,
            "half": 1, "data": p.bus_width}), depth)
        room = Signal(range(depth + 1), init=depth)
        beat_end, word_end = Signal(), Signal()
        m.d.comb += [
            beat_end.eq(channel[:beat_bits].all() & last_word),
            begin.eq(channel == 0),
            go.eq(running & (~begin | following_ready) & (~beat_end | (room >= count))),
            take.eq(go & begin),
            word_end.eq(channel == last_channel),
        ]
        m.d.sync += room.eq(room - Mux(go & beat_end, count, 0) + (beats.o.valid & beats.o.ready))

        step = Signal(range(p.feature_words + 1))
        address = Signal(range(p.matrix_words))
        m.submodules.memory = memory = WeightMemory(p)
        wiring.connect(m, wiring.flipped(self.weights), memory.i)
        m.d.comb += [step.eq(head.last_word + 1), memory.read_matrix.eq(matrix), memory.read_word.eq(address)]
        finished = Signal()
        with m.If(go):
            m.d.sync += [channel.eq(channel + 1), address.eq(address + step)]
            with m.If(word_end):
                m.d.sync += [channel.eq(0), word.eq(word + 1), address.eq(word + 1)]
                with m.If(last_word):
                    m.d.sync += [word.eq(0), matrix.eq(VALUE), address.eq(0)]
                    m.d.comb += finished.eq(last_matrix)
        with m.If(take):
            # The word behind this one; behind the last word of keys the first one again, for the values.
            m.d.sync += [following_ready.eq(0), fetch.eq(0), next_word.eq(Mux(last_word, 0, word + 1))]
            with m.If(last_word & last_matrix):
                m.d.sync += fetch.eq(2 * rows)
        with m.If(~running | finished):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += running.eq(0)
            with m.If(self.i.valid):
                m.d.sync += [
                    running.eq(1), bank.eq(self.i.payload.bank), count.eq(self.i.payload.count),
                    head.eq(heads[self.i.payload.half]),
                    matrix.eq(Mux(self.i.payload.queries, QUERY, KEY)),
                    word.eq(0), channel.eq(0), address.eq(0), next_word.eq(0), fetch.eq(0), following_ready.eq(0),
                ]
        m.d.comb += self.active.eq(Mux(go, count, 0))

        # What accompanies a channel through the units; a unit is a cycle behind the unit before.
        control = data.StructLayout({
            "valid": 1, "first": 1, "last": 1, "beat_end": 1, "final": 1, "matrix": 2, "channel": len(channel),
            "shift": 5, "bank": 1, "count": len(count), "half": 1})
        issued = Signal(control)
        m.d.comb += [
            issued.valid.eq(go), issued.first.eq(word == 0), issued.last.eq(last_word),
            issued.beat_end.eq(beat_end & go), issued.final.eq(word_end & last_matrix), issued.matrix.eq(matrix),
            issued.channel.eq(channel),
            issued.shift.eq(shift), issued.bank.eq(bank), issued.count.eq(count), issued.half.eq(head.half),
        ]
        line = [issued]
        for cycle in range(latency + 5 + rows):
            following = Signal(control, name=f"control{cycle + 1}")
            m.d.sync += following.eq(line[-1])
            line.append(following)
        accumulate = 1 + latency                               # the weights come a cycle after their address
        m.d.comb += [memory.bias_matrix.eq(line[accumulate + 2].matrix),
                     memory.bias_channel.eq(line[accumulate + 2].channel)]
        weights, bias, taken = memory.weights.as_value(), memory.bias, take
        word_row, word_high = delay(m, fetch[1:], 1, "word_row"), delay(m, fetch[0], 1, "word_high")
        arriving = delay(m, fetching, 1, "arriving")
        results = []
        for row, unit in enumerate(units):
            m.submodules[f"unit{row}"] = unit
            here = line[accumulate + row]
            gathered = line[accumulate + row + 4]
            mine = arriving & (word_row == row)
            m.d.comb += [
                unit.word.eq(tokens.read_data), unit.word_low.eq(mine & ~word_high),
                unit.word_high.eq(mine & word_high), unit.take.eq(taken), unit.weights.as_value().eq(weights),
                unit.accumulate.eq(here.valid), unit.first.eq(here.first), unit.channel.eq(here.channel),
                unit.shift.eq(line[accumulate + row + 1].shift), unit.bias.eq(bias),
                unit.gather.eq(line[accumulate + row + 3].valid & line[accumulate + row + 3].last),
            ]
            results.append((gathered.beat_end & (row < gathered.count), gathered, unit.o))
            if row + 1 < rows:
                weights, bias, taken = (delay(m, value, 1, f"{name}{row}") for name, value in (
                    ("weights", weights), ("bias", bias), ("taken", taken)))
        entry = beats.i.payload
        m.d.comb += beats.i.valid.eq(any_of([valid for valid, _, _ in results]))

        def of_result(values):
            return any_of([value & valid.replicate(len(value))
                           for value, (valid, _, _) in zip(values, results, strict=True)])

        m.d.comb += [
            entry.data.eq(of_result([beat.as_value() for _, _, beat in results])),
            entry.beat.eq(of_result([place.channel[beat_bits:] for _, place, _ in results])),
            entry.matrix.eq(of_result([place.matrix for _, place, _ in results])),
            entry.bank.eq(of_result([place.bank for _, place, _ in results])),
            entry.half.eq(of_result([place.half for _, place, _ in results])),
            entry.row.eq(any_of([Mux(valid, row, 0) for row, (valid, _, _) in enumerate(results)])),
            entry.final.eq(any_of([valid & place.final & (place.count == row + 1)
                                   for row, (valid, place, _) in enumerate(results)])),
        ]

        out, made, destination = beats.o.payload, self.o.payload, Signal(Destination(p))
        key, query, last = destination.key, destination.query, heads[out.half]
        leaves = self.o.valid & self.o.ready
        m.d.comb += [
            destinations.read_address.eq(Cat(out.row[:row_bits], out.bank)),
            destination.as_value().eq(destinations.read_data),
            self.o.valid.eq(beats.o.valid), beats.o.ready.eq(self.o.ready),
            made.query.eq(out.matrix == QUERY), made.key.eq(out.matrix == KEY), made.value.eq(out.matrix == VALUE),
            made.beat.eq(out.beat), made.data.as_value().eq(out.data),
            made.slices.eq(Mux(made.query, query.slices, (1 << p.slices) - 1)),
            made.slot.eq(query.slot), made.tree.eq(query.tree), made.code_base.eq(last.code_base),
            made.group_end.eq(made.query & query.group_end & (out.beat == last.last_query_beat)),
            made.vector.eq(key | (out.half << (p.key_bits - 1))),
            self.bank_done.eq(leaves & out.final),
            self.query_done.eq(leaves & made.query & (out.beat == last.last_query_beat)),
            self.token_done.eq(leaves & made.value & (out.beat == last.last_value_beat)),
        ]
        return m
