"""All that makes queries, keys and values from tokens, between the loader and the slices."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from hw.shared import shared
from hw.sofa.beat_write import GeneratedBeat
from hw.sofa.task import Projection
from hw.stream import Buffer, Word
from hw.stream.delay import delay

from .formats import Batch, FetchRequest, Heads, QueryOrder, TokenNumber, WeightWrite
from .generator import Generator
from .key_demand import COUNT_BITS, GroupRecord, KeyDemand
from .token_fetch import TokenFetch

__all__ = ["Generation"]


class Generation(wiring.Component):
    """Fetch tokens and make what is asked for: queries in the order of their rows, keys and values on demand.

    ``KeyDemand -> TokenFetch -> Generator``. Queries of the next rows, and of the next head, pass keys and values that
    wait for a full batch, and the other way round.

    Members
    -------
    weights : In(stream of WeightWrite)
        All sections but the codes.
    project, project_start, project_ready, order, queries_made, generated : see :class:`~hw.sofa.loader.Loader`
    groups : In(GroupRecord), one a slice
    khat, khat_row : see :class:`TokenFetch`
    request : Out(stream of FetchRequest), row : In(stream of Word(bus_width))
    missing : Out(2)
        Pulse for each half: a token of its head was not as long as it should be.
    active, keys_made, waiting, batches, words_khat, words_query, words_key : Out
        Events: see :class:`Generator`, :class:`KeyDemand` and :class:`TokenFetch`; a token has its key and value.
    """

    def __init__(self, parameters):
        p = self._parameters = parameters
        super().__init__({
            "weights": In(stream.Signature(WeightWrite(p))),
            "project": In(Projection(p)), "project_start": In(1), "project_ready": In(1),
            "order": In(stream.Signature(QueryOrder(p))),
            "queries_made": Out(1),
            "generated": Out(stream.Signature(GeneratedBeat(p))),
            "groups": In(GroupRecord(p)).array(p.slices),
            "khat": In(stream.Signature(TokenNumber(p))),
            "khat_row": Out(stream.Signature(Word(p.bus_width // 2))),
            "request": Out(stream.Signature(FetchRequest())),
            "row": In(stream.Signature(Word(p.bus_width))),
            "missing": Out(2),
            "active": Out(bits_for(p.generator_rows)),
            "keys_made": Out(1),
            "waiting": Out(COUNT_BITS),
            "batches": Out(range(3)),
            "words_khat": Out(1), "words_query": Out(1), "words_key": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        p = self._parameters
        m.submodules.demand = demand = shared(KeyDemand, p)
        m.submodules.fetch = fetch = shared(TokenFetch, p)
        m.submodules.generator = generator = shared(Generator, p)
        m.submodules.batches = batches = Buffer(Batch(p))
        connect(m, fetch.batch, batches.i)
        connect(m, batches.o, generator.i)
        connect(m, demand.o, fetch.keys)
        for name, part in (("weights", generator), ("order", fetch), ("khat", fetch), ("khat_row", fetch),
                           ("request", fetch), ("row", fetch)):
            connect(m, flipped(getattr(self, name)), getattr(part, name))
        connect(m, flipped(self.generated), generator.o)
        for mine, others in zip(self.groups, demand.groups, strict=True):
            connect(m, flipped(mine), others)
        heads = Signal(Heads(p))
        with m.If(self.project_start):
            m.d.sync += heads[self.project.half].eq(self.project)
        m.d.comb += [part.heads.eq(heads) for part in (demand, fetch, generator)]
        for name in ("token_write", "token_bank", "token_row", "token_half", "token_data", "destination_write",
                     "destination_bank", "destination_row", "destination"):
            m.d.comb += getattr(generator, name).eq(getattr(fetch, name))

        orders = Signal(range(2 * p.slices * p.query_groups * p.trees))    # open ones: each has a place in a slice
        # What comes and what leaves is counted in the cycle after.
        placed = delay(m, self.order.valid & self.order.ready, 1, "placed")
        query_done, token_done = (delay(m, getattr(generator, name), 1, name) for name in ("query_done", "token_done"))
        m.d.sync += orders.eq(orders + placed - query_done)
        m.d.comb += [
            self.queries_made.eq((orders == 0) & ~placed),
            demand.half.eq(self.project.half), demand.start.eq(self.project_start),
            demand.weights_ready.eq(self.project_ready), fetch.bank_done.eq(generator.bank_done),
            demand.token_done.eq(token_done),
            self.missing.eq(fetch.missing), self.active.eq(generator.active), self.keys_made.eq(token_done),
            self.waiting.eq(demand.waiting), self.words_khat.eq(fetch.words_khat),
            self.batches.eq(fetch.batches), self.words_query.eq(fetch.words_query), self.words_key.eq(fetch.words_key),
        ]
        return m
