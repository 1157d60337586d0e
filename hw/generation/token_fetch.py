"""Fetching of tokens: for the prediction of keys, and in batches for the generator."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream import Arbiter, Fifo, WidthConverter, Word

from .formats import Batch, Destination, FetchKind, FetchRequest, Heads, QueryOrder, TokenNumber

__all__ = ["TokenFetch"]


class TokenFetch(wiring.Component):
    """Form batches of tokens, ask for them by number, and hand on what comes.

    A full batch of tokens that need key and value goes first, then a full batch of queries; a batch that is not full
    only when the generator has nothing else, queries first. All tokens of a batch are of one head.

    Members
    -------
    heads : In(Heads)
    khat : In(stream of TokenNumber), khat_row : Out(stream of Word(bus_width))
        Tokens of 8-bit elements, for :class:`~hw.predictor.token_sweep.TokenSweep`.
    order : In(stream of QueryOrder), keys : In(stream of TokenNumber)
        What the generator is to make.
    request : Out(stream of FetchRequest), row : In(stream of Word(bus_width))
    token_*, destination_* : Out
        See :class:`Generator`.
    batch : Out(stream of Batch)
    bank_done : In(1)
    missing : Out(2)
        Pulse for each half: a token of its head was not as long as it should be.
    batches : Out
        Batches that were begun and have not left the generator.
    words_khat, words_query, words_key : Out(1)
        Pulses: a word of a token that was fetched for this purpose.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "heads": In(Heads(p)),
            "khat": In(stream.Signature(TokenNumber(p))),
            "khat_row": Out(stream.Signature(Word(p.bus_width))),
            "order": In(stream.Signature(QueryOrder(p))),
            "keys": In(stream.Signature(TokenNumber(p))),
            "request": Out(stream.Signature(FetchRequest())),
            "row": In(stream.Signature(Word(p.bus_width))),
            "token_write": Out(1),
            "token_bank": Out(1),
            "token_row": Out(max(1, ceil_log2(p.generator_rows))),
            "token_half": Out(range(2 * p.feature_words)),
            "token_data": Out(p.bus_width // 2),
            "destination_write": Out(1),
            "destination_bank": Out(1),
            "destination_row": Out(max(1, ceil_log2(p.generator_rows))),
            "destination": Out(Destination(p)),
            "batch": Out(stream.Signature(Batch(p))),
            "bank_done": In(1),
            "missing": Out(2),
            "batches": Out(range(3)),
            "words_khat": Out(1), "words_query": Out(1), "words_key": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        rows = p.generator_rows

        heads = self.heads
        m.submodules.orders = orders = Fifo(QueryOrder(p), 2 * rows)
        m.submodules.keys = keys = Fifo(TokenNumber(p), 2 * rows)
        wiring.connect(m, wiring.flipped(self.order), orders.i)
        wiring.connect(m, wiring.flipped(self.keys), keys.i)

        # Rows that were asked for, in order, and batches whose rows are coming.
        flight = data.StructLayout({"kind": FetchKind, "half": 1})
        m.submodules.flights = flights = Fifo(flight, 2 * (p.khat_tile + rows))
        m.submodules.formed = formed = Fifo(Batch(p), 2)
        batch, banks, bank = Signal(Batch(p)), self.batches, Signal()
        number = Signal(range(rows + 1))                     # rows of the batch that were asked for
        m.d.comb += formed.i.payload.eq(batch)
        m.d.comb += [formed.i.payload.count.eq(number), formed.i.payload.bank.eq(bank)]

        order, key = orders.o.payload, keys.o.payload
        start, forming, queries, idle = Signal(), Signal(), Signal(), banks == 0
        keys_full = keys.o.valid & (keys.level >= rows)
        m.d.comb += [
            queries.eq(~keys_full & orders.o.valid & (idle | (orders.level >= rows))),
            start.eq(~forming & (banks != 2) & (keys_full | queries | (keys.o.valid & idle))),
        ]
        more, ask = Signal(), Signal()
        token = Signal(16)
        with m.If(batch.queries):
            m.d.comb += [more.eq(orders.o.valid & (order.half == batch.half)), token.eq(order.row),
                         self.destination.query.eq(order)]
        with m.Else():
            m.d.comb += [more.eq(keys.o.valid & (key.half == batch.half)), token.eq(key.key),
                         self.destination.key.eq(key.key)]
        with m.If(start):
            m.d.sync += [forming.eq(1), number.eq(0), batch.queries.eq(queries),
                         batch.half.eq(Mux(queries, order.half, key.half))]
        with m.If(forming & (~more | (number == rows))):
            m.d.comb += formed.i.valid.eq(1)
            m.d.sync += [forming.eq(0), bank.eq(~bank)]
        m.d.sync += banks.eq(banks + start - self.bank_done)

        # Requests, of the batch and of the key prediction in turn.
        m.submodules.requests = requests = Arbiter(data.StructLayout({"token": 16, "kind": FetchKind, "half": 1}), 2)
        of_batch, of_khat = requests.i
        asked, request, leaves = requests.o.payload, self.request.payload, Signal()
        m.d.comb += [
            of_batch.valid.eq(forming & more & (number != rows)), ask.eq(of_batch.valid & of_batch.ready),
            of_batch.payload.token.eq(token), of_batch.payload.half.eq(batch.half),
            of_batch.payload.kind.eq(Mux(batch.queries, FetchKind.QUERY, FetchKind.KEY_VALUE)),
            orders.o.ready.eq(ask & batch.queries), keys.o.ready.eq(ask & ~batch.queries),
            of_khat.valid.eq(self.khat.valid), self.khat.ready.eq(of_khat.ready),
            of_khat.payload.token.eq(self.khat.payload.key), of_khat.payload.half.eq(self.khat.payload.half),
            of_khat.payload.kind.eq(FetchKind.KHAT),
            self.request.valid.eq(requests.o.valid & flights.i.ready),
            leaves.eq(self.request.valid & self.request.ready),
            requests.o.ready.eq(self.request.ready & flights.i.ready),
            request.token.eq(asked.token), request.source.eq(heads[asked.half].source), request.kind.eq(asked.kind),
            flights.i.valid.eq(leaves), flights.i.payload.kind.eq(asked.kind), flights.i.payload.half.eq(asked.half),
            self.destination_write.eq(ask), self.destination_bank.eq(bank), self.destination_row.eq(number),
        ]
        with m.If(ask):
            m.d.sync += number.eq(number + 1)

        # Rows: as many words as there should be, the rest is dropped.
        flight, word = flights.o.payload, Signal(range(p.feature_words + 1))
        for_khat = flight.kind == FetchKind.KHAT
        last_word, short, dropping, wanted = Signal.like(word), Signal(), Signal(), Signal()
        m.d.comb += last_word.eq(heads[flight.half].last_word >> for_khat)
        m.submodules.halves = halves = WidthConverter(p.bus_width, p.bus_width // 2)
        ends = word == last_word
        payload, accepted = self.row.payload, Signal()
        m.d.comb += [
            wanted.eq(self.row.valid & flights.o.valid & ~dropping),
            self.khat_row.payload.data.eq(payload.data), self.khat_row.payload.last.eq(payload.last | ends),
            self.khat_row.valid.eq(wanted & for_khat),
            halves.i.payload.data.eq(payload.data), halves.i.payload.last.eq(payload.last | ends),
            halves.i.valid.eq(wanted & ~for_khat),
            self.row.ready.eq(dropping | (flights.o.valid & Mux(for_khat, self.khat_row.ready, halves.i.ready))),
            accepted.eq(self.row.valid & self.row.ready),
            short.eq(accepted & ~dropping & (payload.last != ends)),
            flights.o.ready.eq(accepted & payload.last),
            self.missing.eq(Mux(short, 1 << flight.half, 0)),
            self.words_khat.eq(accepted & for_khat),
            self.words_query.eq(accepted & (flight.kind == FetchKind.QUERY)),
            self.words_key.eq(accepted & (flight.kind == FetchKind.KEY_VALUE)),
        ]
        with m.If(accepted):
            m.d.sync += word.eq(word + 1)
            with m.If(ends):
                m.d.sync += dropping.eq(1)
            with m.If(payload.last):
                m.d.sync += [dropping.eq(0), word.eq(0)]

        # Tokens of a batch, half a word a cycle.
        half, row, arrived = Signal(self.token_half.shape()), Signal(range(rows + 1)), formed.o.payload
        row_bank = Signal()
        m.d.comb += [
            halves.o.ready.eq(~(formed.o.valid & (row == arrived.count))),
            self.token_write.eq(halves.o.valid & halves.o.ready), self.token_half.eq(half), self.token_row.eq(row),
            self.token_bank.eq(row_bank),
            self.token_data.eq(halves.o.payload.data),
            self.batch.payload.eq(arrived), self.batch.valid.eq(formed.o.valid & (row == arrived.count)),
            formed.o.ready.eq(self.batch.ready & (row == arrived.count)),
        ]
        with m.If(self.token_write):
            m.d.sync += half.eq(half + 1)
            with m.If(halves.o.payload.last):
                m.d.sync += [half.eq(0), row.eq(row + 1)]
        with m.If(self.batch.valid & self.batch.ready):
            m.d.sync += [row.eq(0), row_bank.eq(~row_bank)]
        return m
