"""The array that makes queries, keys and values from tokens."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from hw.shared import shared
from hw.sofa.beat_write import GeneratedBeat
from hw.sofa.task import Projection
from hw.stream import Buffer, Fifo
from hw.stream.block_memory import BlockMemory
from hw.stream.delay import delay
from hw.stream.register_file import RegisterFile
from hw.stream.select import any_of, select

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
        m.submodules.tokens = tokens = shared(BlockMemory, p.bus_width // 2, 1 << (1 + row_bits + half_bits), latency=2,
                                            vendor=p.vendor)
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

        # The walk: matrices of the batch, words of the tokens, channels. Flags tell what a counter is at; they are
        # registers of their own, as is all that follows from the head.
        running, loaded, bank = Signal(), Signal(), Signal()
        count = Signal(bits_for(rows))
        head = Signal(Projection(p))
        matrix, last_matrix, last_beat = Signal(2), Signal(), Signal(p.beat_bits)
        channel = Signal(range(p.folds * p.lanes))
        channel_beat, channel_place = channel[beat_bits:], channel[:beat_bits]
        first_channel, last_channel, beat_end = Signal(), Signal(), Signal()
        first_word, last_word = Signal(), Signal()
        next_word, next_first, next_last = Signal(head.last_word.shape()), Signal(), Signal()
        go, take, finished = Signal(), Signal(), Signal()
        shift, step = Signal(5), Signal(range(p.feature_words + 1))
        single, last_but_one = Signal(), Signal.like(next_word)
        m.d.sync += [
            shift.eq(select(matrix, [head.query_shift, head.key_shift, head.value_shift])),
            step.eq(head.last_word + 1), single.eq(head.last_word == 0), last_but_one.eq(head.last_word - 1),
        ]

        # The next word of each token is fetched while the present one is at work.
        fetch = Signal(range(2 * rows + 1))                    # halves of the next word that were asked for
        fetched, following_ready = Signal(), Signal()
        fetching = running & (fetch != 2 * rows)
        m.d.comb += [
            tokens.read_enable.eq(1),
            tokens.read_address.eq(Cat(Cat(fetch[0], next_word)[:half_bits], fetch[1:1 + row_bits], bank)),
        ]
        with m.If(fetching):
            m.d.sync += fetch.eq(fetch + 1)
        m.d.sync += fetched.eq(fetching & (fetch == 2 * rows - 1))
        with m.If(fetched):
            m.d.sync += following_ready.eq(1)

        # A beat of all rows that is begun has a place in the queue behind the units until it has left. That is
        # `latency` cycles and 17 more, to read the weights, to scale and gather, and through the queue, with a cycle a
        # row. A beat ends every second cycle at most, so that `room` may be a cycle late.
        units = [shared(ProjectionUnit, p) for _ in range(rows)]
        latency = units[0].latency
        places = max(2, -(-(rows + latency + 17) // p.elements_per_beat))
        m.submodules.beats = beats = Fifo(data.StructLayout({
            "beat": len(self.o.payload.beat), "matrix": 2, "bank": 1, "row": max(1, row_bits), "vector_end": 1,
            "rows_end": 1, "final": 1, "half": 1, "data": p.bus_width}), rows * places)
        free, freed, room, spends = Signal(range(places + 1), init=places), Signal(), Signal(init=1), Signal()
        m.d.sync += [
            freed.eq(beats.o.valid & beats.o.ready & beats.o.payload.rows_end),
            free.eq(free + freed - spends), room.eq(free != 0),
        ]
        # What ends a beat or a matrix does not begin a word, and needs no word that follows.
        m.d.comb += [
            go.eq(running & (~first_channel | following_ready) & (~(beat_end & last_word) | room)),
            spends.eq(running & room & beat_end & last_word), finished.eq(running & room & last_channel & last_word),
            take.eq(running & first_channel & following_ready),
        ]

        address, next_address = Signal(range(3 * p.matrix_words)), Signal(range(3 * p.matrix_words))
        m.submodules.memory = memory = WeightMemory(p)
        wiring.connect(m, wiring.flipped(self.weights), memory.i)
        m.d.comb += memory.read_address.eq(address)
        with m.If(go):
            m.d.sync += [
                channel.eq(Mux(last_channel, 0, channel + 1)),
                address.eq(Mux(last_channel, next_address, address + step)),
                first_channel.eq(last_channel), beat_end.eq(channel_place == p.elements_per_beat - 2),
                last_channel.eq((channel_place == p.elements_per_beat - 2) & (channel_beat == last_beat)),
            ]
        with m.If(finished):
            m.d.sync += [matrix.eq(VALUE), last_matrix.eq(1), last_beat.eq(head.last_value_beat),
                         running.eq(~last_matrix)]
        with m.If(take):
            # The word behind this one; behind the last word of keys the first one again, for the values.
            m.d.sync += [
                first_word.eq(next_first), last_word.eq(next_last), next_first.eq(next_last), following_ready.eq(0),
                next_word.eq(Mux(next_last, 0, next_word + 1)),
                next_last.eq(Mux(next_last, single, next_word == last_but_one)),
                next_address.eq(Mux(next_last, VALUE * p.matrix_words, next_address + 1)),
                fetch.eq(Mux(next_last & last_matrix, 2 * rows, 0)),
            ]
        m.d.sync += loaded.eq(self.i.valid & self.i.ready)
        with m.If(loaded):
            m.d.sync += next_last.eq(head.last_word == 0)
        m.d.comb += self.i.ready.eq(~running)
        with m.If(~running):
            batch, begun = self.i.payload, heads[self.i.payload.half]
            start = Mux(batch.queries, QUERY * p.matrix_words, KEY * p.matrix_words)
            m.d.sync += [
                running.eq(self.i.valid), bank.eq(batch.bank), count.eq(batch.count), head.eq(begun),
                matrix.eq(Mux(batch.queries, QUERY, KEY)), last_matrix.eq(batch.queries),
                last_beat.eq(Mux(batch.queries, begun.last_query_beat, begun.last_key_beat)),
                channel.eq(0), first_channel.eq(1), last_channel.eq(0), beat_end.eq(0), last_word.eq(0),
                next_word.eq(0), next_first.eq(1), address.eq(start), next_address.eq(start),
                fetch.eq(0), following_ready.eq(0),
            ]
        m.d.sync += self.active.eq(Mux(go, count, 0))

        # What accompanies a channel through the units; a unit is a cycle behind the unit before. Of the stages the
        # first one is a cycle behind `go`: what a word is, is known when its first channel is taken.
        control = data.StructLayout({
            "valid": 1, "first": 1, "last": 1, "beat_end": 1, "vector_end": 1, "final": 1, "matrix": 2,
            "channel": len(channel), "shift": 5, "bank": 1, "count": len(count), "half": 1})
        issued = Signal(control)
        m.d.comb += [issued.first.eq(first_word), issued.last.eq(last_word), issued.shift.eq(shift)]
        for name, value in (("valid", go), ("beat_end", spends), ("vector_end", last_channel),
                            ("final", last_channel & last_matrix), ("matrix", matrix), ("channel", channel),
                            ("bank", bank), ("count", count), ("half", head.half)):
            m.d.comb += issued[name].eq(delay(m, value, 1, f"issued_{name}"))
        weights_o = memory.latency                             # cycles from `go` to the weights
        ends = weights_o + latency                             # and to the sum of the products
        line = [None, issued]
        for stage in range(2, ends + 8 + rows):
            following = Signal(control, name=f"control{stage}")
            m.d.sync += following.eq(line[-1])
            line.append(following)
        m.d.comb += [memory.bias_matrix.eq(line[ends + 2].matrix), memory.bias_channel.eq(line[ends + 2].channel)]
        weights, bias, taken = memory.weights.as_value(), memory.bias, delay(m, take, weights_o - 1, "take")
        word_row, word_high = delay(m, fetch[1:], 1, "word_row"), delay(m, fetch[0], 1, "word_high")
        arriving = delay(m, fetching, 1, "arriving")
        results = []
        for row, unit in enumerate(units):
            m.submodules[f"unit{row}"] = unit
            here = line[ends + row - 1]
            mine = arriving & (word_row == row)
            m.d.comb += [
                unit.word.eq(tokens.read_data), unit.word_low.eq(delay(m, mine & ~word_high, 1, f"low{row}")),
                unit.word_high.eq(delay(m, mine & word_high, 1, f"high{row}")),
                unit.take.eq(taken), unit.weights.as_value().eq(weights),
                unit.accumulate.eq(here.valid), unit.first.eq(here.first), unit.channel.eq(here.channel),
                unit.shift.eq(line[ends + row + 1].shift), unit.bias.eq(bias),
                unit.gather.eq(line[ends + row + 7].valid & line[ends + row + 7].last),
            ]
            place = line[ends + row + 7]
            valid = delay(m, place.beat_end & (row < place.count), 1, f"valid{row}")
            rows_end = place.count == row + 1
            results.append((valid, delay(m, rows_end, 1, f"rows_end{row}"),
                            delay(m, rows_end & place.final, 1, f"final{row}"), line[ends + row + 8], unit.o))
            if row + 1 < rows:
                weights, bias = (delay(m, value, 1, f"{name}{row}", payload=True)
                                 for name, value in (("weights", weights), ("bias", bias)))
                taken = delay(m, taken, 1, f"taken{row}")

        # One row at a time has a beat. The units are far apart: what is chosen of each has a register beside it.
        valids, entries = Cat(valid for valid, *_ in results), []
        for row, (valid, rows_end, final, place, beat) in enumerate(results):
            entry = Signal(beats.i.payload.shape(), name=f"entry{row}", reset_less=True)
            fields = {"data": beat.as_value(), "beat": place.channel[beat_bits:], "row": C(row, max(1, row_bits)),
                      "rows_end": rows_end, "final": final,
                      **{name: place[name] for name in ("matrix", "bank", "half", "vector_end")}}
            m.d.sync += [entry[name].eq(Mux(valid, value, 0)) for name, value in fields.items()]
            entries.append(entry.as_value())
        entry, entry_valid = Signal(beats.i.payload.shape(), reset_less=True), Signal()
        m.d.sync += [entry.as_value().eq(any_of(entries)), entry_valid.eq(delay(m, valids.any(), 1, "entry_valid"))]
        m.d.comb += [beats.i.payload.eq(entry), beats.i.valid.eq(entry_valid)]

        # What leaves, with what is done with it.
        m.submodules.output = output = Buffer(data.StructLayout({
            "beat": GeneratedBeat(p), "query_done": 1, "token_done": 1, "bank_done": 1}))
        out, leaving, destination = beats.o.payload, output.i.payload, Signal(Destination(p))
        made, key, query = leaving.beat, destination.key, destination.query
        m.d.comb += [
            destinations.read_address.eq(Cat(out.row[:row_bits], out.bank)),
            destination.as_value().eq(destinations.read_data),
            output.i.valid.eq(beats.o.valid), beats.o.ready.eq(output.i.ready),
            made.query.eq(out.matrix == QUERY), made.key.eq(out.matrix == KEY), made.value.eq(out.matrix == VALUE),
            made.beat.eq(out.beat), made.data.as_value().eq(out.data),
            made.slices.eq(Mux(made.query, query.slices, (1 << p.slices) - 1)),
            made.slot.eq(query.slot), made.tree.eq(query.tree), made.code_base.eq(heads[out.half].code_base),
            made.group_end.eq(made.query & query.group_end & out.vector_end),
            made.vector.eq(key | (out.half << (p.key_bits - 1))),
            leaving.query_done.eq(made.query & out.vector_end), leaving.token_done.eq(made.value & out.vector_end),
            leaving.bank_done.eq(out.final),
            self.o.payload.eq(output.o.payload.beat), self.o.valid.eq(output.o.valid), output.o.ready.eq(self.o.ready),
        ]
        leaves = self.o.valid & self.o.ready
        m.d.comb += [getattr(self, name).eq(leaves & output.o.payload[name])
                     for name in ("query_done", "token_done", "bank_done")]
        return m
