"""Fetching of tokens: for the prediction of keys, and in batches for the generator."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hw.stream import Arbiter, Buffer, Fifo, WidthConverter, Word
from hw.stream.delay import delay

from .formats import Batch, Destination, FetchKind, FetchRequest, Heads, QueryOrder, TokenNumber

__all__ = ["TokenFetch"]


class Waiting(wiring.Component):
    """Tokens that wait for their batch: a queue with room for two batches, and whether it holds one.

    Parameters
    ----------
    shape : shape-like
    rows : int
        Tokens of a batch.

    Members
    -------
    i, o : streams of `shape`
    full : Out(1)
        A whole batch was there two cycles ago.
    """

    def __init__(self, shape, rows):
        self._shape, self._rows = shape, rows
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)), "full": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Fifo(self._shape, 2 * self._rows)
        m.submodules.buffer = buffer = Buffer(self._shape)
        wiring.connect(m, wiring.flipped(self.i), queue.i)
        wiring.connect(m, queue.o, buffer.i)
        wiring.connect(m, wiring.flipped(self.o), buffer.o)
        count = Signal(range(2 * self._rows + 3))
        m.d.sync += [count.eq(count + (self.i.valid & self.i.ready) - (self.o.valid & self.o.ready)),
                     self.full.eq(self.o.valid & (count >= self._rows))]
        return m


class TokenFetch(wiring.Component):
    """Form batches of tokens, ask for them by number, and hand on what comes.

    A full batch of tokens that need key and value goes first, then a full batch of queries; a batch that is not full
    only when the generator has nothing else, queries first. All tokens of a batch are of one head.

    Members
    -------
    heads : In(Heads)
    khat : In(stream of TokenNumber), khat_row : Out(stream of Word(bus_width / 2))
        Tokens of 8-bit elements, for :class:`~hw.predictor.token_sweep.TokenSweep`, which must always be ready.
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
            "khat_row": Out(stream.Signature(Word(p.bus_width // 2))),
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
        m.submodules.orders = orders = Waiting(QueryOrder(p), rows)
        m.submodules.keys = keys = Waiting(TokenNumber(p), rows)
        wiring.connect(m, wiring.flipped(self.order), orders.i)
        wiring.connect(m, wiring.flipped(self.keys), keys.i)
        order, key = orders.o.payload, keys.o.payload

        # Batches. With `forming` no token is left that the flags of what waits do not know of.
        batch, banks, bank = Signal(Batch(p)), self.batches, Signal()
        number, full = Signal(range(rows + 1)), Signal()     # rows of the batch that were asked for
        forming, forming_queries, forming_keys = Signal(), Signal(), Signal()
        start, queries, idle, done = Signal(), Signal(), banks == 0, delay(m, self.bank_done, 1, "bank_done")
        m.d.comb += [
            queries.eq(~keys.full & orders.o.valid & (idle | orders.full)),
            start.eq(~forming & (banks != 2) & (keys.full | queries | (keys.o.valid & idle))),
        ]
        m.d.sync += banks.eq(banks + start - done)
        with m.If(start):
            m.d.sync += [forming.eq(1), forming_queries.eq(queries), forming_keys.eq(~queries), number.eq(0),
                         batch.queries.eq(queries), batch.half.eq(Mux(queries, order.half, key.half))]

        # Requests, of the batch and of the key prediction in turn.
        request = data.StructLayout({"token": 16, "kind": FetchKind, "half": 1})
        m.submodules.of_batch = of_batch = Buffer(request)
        m.submodules.of_khat = of_khat = Buffer(request)
        m.submodules.arbiter = arbiter = Arbiter(request, 2)
        m.submodules.requests = requests = Buffer(request)
        for part, source in zip(arbiter.i, (of_batch, of_khat), strict=True):
            wiring.connect(m, source.o, part)
        wiring.connect(m, arbiter.o, requests.i)
        # A token every second cycle: in the cycle after it came to the front it is found to be of the batch, or not.
        of_orders, of_keys, no_more, ask = Signal(), Signal(), Signal(), Signal()
        more_orders = orders.o.valid & (order.half == batch.half)
        more_keys = keys.o.valid & (key.half == batch.half)
        finds = ~full & ~ask
        m.d.sync += [
            of_orders.eq(finds & forming_queries & more_orders), of_keys.eq(finds & forming_keys & more_keys),
            no_more.eq(finds & ((forming_queries & ~more_orders) | (forming_keys & ~more_keys))),
        ]
        m.d.comb += [
            of_batch.i.valid.eq(of_orders | of_keys),
            of_batch.i.payload.token.eq(Mux(batch.queries, order.row, key.key)), of_batch.i.payload.half.eq(batch.half),
            of_batch.i.payload.kind.eq(Mux(batch.queries, FetchKind.QUERY, FetchKind.KEY_VALUE)),
            orders.o.ready.eq(of_orders & of_batch.i.ready), keys.o.ready.eq(of_keys & of_batch.i.ready),
            ask.eq(of_batch.i.valid & of_batch.i.ready),
            of_khat.i.valid.eq(self.khat.valid), self.khat.ready.eq(of_khat.i.ready),
            of_khat.i.payload.token.eq(self.khat.payload.key), of_khat.i.payload.half.eq(self.khat.payload.half),
            of_khat.i.payload.kind.eq(FetchKind.KHAT),
        ]
        m.d.sync += [
            self.destination_write.eq(ask), self.destination_bank.eq(bank), self.destination_row.eq(number),
            self.destination.key.eq(key.key),
        ]
        with m.If(batch.queries):
            m.d.sync += self.destination.query.eq(order)
        with m.If(ask):
            m.d.sync += [number.eq(number + 1), full.eq(number == rows - 1)]
        m.submodules.formed = formed = Fifo(Batch(p), 2)      # batches whose rows are coming
        m.d.comb += [
            formed.i.payload.eq(batch), formed.i.payload.count.eq(number), formed.i.payload.bank.eq(bank),
            formed.i.valid.eq(full | no_more),
        ]
        with m.If(formed.i.valid):
            m.d.sync += [forming.eq(0), forming_queries.eq(0), forming_keys.eq(0), full.eq(0), bank.eq(~bank),
                         of_orders.eq(0), of_keys.eq(0), no_more.eq(0)]

        # Rows that were asked for, in order, with what tells the last word of each.
        flight = data.StructLayout({"khat": 1, "query": 1, "half": 1, "single": 1,
                                    "last_but_one": max(1, ceil_log2(p.feature_words))})
        depth = 2 * (p.khat_tile + rows) + 3
        m.submodules.flights = flights = Fifo(flight, depth)
        m.submodules.coming = coming = Buffer(flight)
        wiring.connect(m, flights.o, coming.i)
        asked, going, room = requests.o.payload, Signal(flight), Signal()
        last_word = heads[asked.half].last_word >> (asked.kind == FetchKind.KHAT)
        # There is room for what leaves in the three cycles until it is counted; what is offered stays.
        m.d.sync += [
            room.eq((flights.level < depth - 2) | (self.request.valid & ~self.request.ready)),
            flights.i.valid.eq(self.request.valid & self.request.ready), flights.i.payload.eq(going),
        ]
        m.d.comb += [
            self.request.valid.eq(requests.o.valid & room), requests.o.ready.eq(self.request.ready & room),
            self.request.payload.token.eq(asked.token), self.request.payload.source.eq(heads[asked.half].source),
            self.request.payload.kind.eq(asked.kind),
            going.khat.eq(asked.kind == FetchKind.KHAT), going.query.eq(asked.kind == FetchKind.QUERY),
            going.half.eq(asked.half), going.single.eq(last_word == 0), going.last_but_one.eq(last_word - 1),
        ]

        # As many words of a row are taken as there should be, the rest is dropped. Those of a batch are held back while
        # the batch before is complete and waits for the generator.
        row, payload, this = self.row, self.row.payload, coming.o.payload
        word, first, behind = Signal(range(p.feature_words + 1)), Signal(init=1), Signal()
        ends, dropping, closing, closed, wanted, accepted, enters = (Signal() for _ in range(7))
        m.submodules.halves = halves = WidthConverter(p.bus_width, p.bus_width // 2)
        # A word is cut in two cycles: in the one after it was accepted it is found whether the next one is wanted.
        m.d.sync += wanted.eq(coming.o.valid & ~accepted & ~dropping & (this.khat | ~(closed | closing)))
        m.d.comb += [
            ends.eq(Mux(first, this.single, behind)), enters.eq(row.valid & wanted),
            halves.i.payload.data.eq(payload.data), halves.i.payload.last.eq(payload.last | ends),
            halves.i.valid.eq(enters), row.ready.eq(dropping | wanted),
            accepted.eq(row.valid & row.ready), coming.o.ready.eq(accepted & payload.last),
        ]
        m.d.sync += [
            self.missing.eq(Mux(accepted & ~dropping & (payload.last != ends), 1 << this.half, 0)),
            self.words_khat.eq(accepted & this.khat), self.words_query.eq(accepted & this.query),
            self.words_key.eq(accepted & ~this.khat & ~this.query),
        ]
        with m.If(accepted):
            m.d.sync += [word.eq(word + 1), first.eq(0), behind.eq(word == this.last_but_one)]
            with m.If(ends):
                m.d.sync += dropping.eq(1)
            with m.If(payload.last):
                m.d.sync += [dropping.eq(0), word.eq(0), first.eq(1)]

        # A batch is complete when the last word of its last row has been taken; two cycles later it is stored. When it
        # has left, the flag of the last row needs a cycle to be that of the next batch.
        arrived, came, last_row = formed.o.payload, Signal(range(rows + 1)), Signal()
        complete, leaves = Signal(), Signal()
        stored, opened = delay(m, closing, 1, "closing"), delay(m, leaves, 1, "leaves")
        row_end = Signal()                                     # a cycle ago; the next word enters after the next cycle
        m.d.sync += row_end.eq(enters & halves.i.payload.last & ~this.khat)
        m.d.sync += [last_row.eq(formed.o.valid & (came + 1 == arrived.count)), came.eq(came + row_end)]
        m.d.comb += [
            closing.eq(row_end & last_row), leaves.eq(complete & self.batch.ready),
            self.batch.payload.eq(arrived), self.batch.valid.eq(complete), formed.o.ready.eq(leaves),
        ]
        with m.If(closing):
            m.d.sync += closed.eq(1)
        with m.Elif(opened):
            m.d.sync += closed.eq(0)
        with m.If(stored):
            m.d.sync += complete.eq(1)

        # Half a word a cycle, to the prediction of keys or to the memory of a batch.
        half, place, row_bank, for_khat = Signal(self.token_half.shape()), Signal(range(rows + 1)), Signal(), Signal()
        with m.If(enters):
            m.d.sync += for_khat.eq(this.khat)
        m.d.comb += [
            halves.o.ready.eq(1), self.khat_row.payload.eq(halves.o.payload),
            self.khat_row.valid.eq(halves.o.valid & for_khat),
            self.token_write.eq(halves.o.valid & ~for_khat), self.token_half.eq(half), self.token_row.eq(place),
            self.token_bank.eq(row_bank), self.token_data.eq(halves.o.payload.data),
        ]
        with m.If(self.token_write):
            m.d.sync += half.eq(half + 1)
            with m.If(halves.o.payload.last):
                m.d.sync += [half.eq(0), place.eq(place + 1)]
        with m.If(leaves):
            m.d.sync += [complete.eq(0), came.eq(0), place.eq(0), row_bank.eq(~row_bank)]
        return m
