"""The 16-to-4 core of the sorter: rank by counting (SADS, SOFA section IV-C, with comparisons all at once)."""

from amaranth.hdl import C, Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.stream.delay import delay
from hw.stream.select import any_of, number_of

__all__ = ["RANK_LATENCY", "RankFour"]

#: Latency of the core without a radius.
RANK_LATENCY = 5

_ENTRIES = 16


class RankFour(wiring.Component):
    """Find four neighbouring ranks of 16 values, in order.

    The rank of a value is the number of values that beat it: the larger one of two does, and of equal ones the first.
    All 120 pairs are compared side by side, and each value counts the comparisons that it loses. SOFA's core is a
    bitonic network, whose nine levels are comparisons and exchanges by turns: with a register behind each it would
    be as long again, and it knows the first four only, so that the next four would have to wait for these.

    With a radius the values below ``best - radius`` are left out, where `best` is the value of rank 0: only those of
    further ranks are asked for it.

    Parameters
    ----------
    width : int
        Bits of a value, unsigned.
    score_bits : int
        Bits of it that the radius is compared with, from the top; 0: without a radius.

    Members
    -------
    i : In(ArrayLayout(unsigned(width), 16))
    first : In(2)
        A quarter of the rank of the first value that is wanted.
    radius : In(score_bits)
        0: no value is left out.
    o : Out(ArrayLayout(unsigned(width), 4))
        Ranks ``4 * first`` and the following, ``latency`` cycles later; 0 where the value is left out. One set a cycle.
    index : Out(ArrayLayout(4, 4))
        Which of the 16 values each is; of values that are left out any.
    clipped : Out(5)
        Values that are left out and not 0, of the ranks from 4 on, in the cycle of `o`.
    """

    def __init__(self, width, score_bits=0):
        self._width, self._score_bits = width, score_bits
        self.latency = RANK_LATENCY + (3 if score_bits else 0)
        super().__init__({
            "i": In(data.ArrayLayout(unsigned(width), _ENTRIES)),
            "first": In(2),
            "radius": In(score_bits),
            "o": Out(data.ArrayLayout(unsigned(width), 4)),
            "index": Out(data.ArrayLayout(4, 4)),
            "clipped": Out(5),
        })

    def elaborate(self, platform):
        m = Module()

        def register(value, name):
            signal = Signal(value.shape(), name=name, reset_less=True)
            m.d.sync += signal.eq(value)
            return signal

        # Stage 1: every value against all behind it.
        values = [register(self.i[entry], f"value1_{entry}") for entry in range(_ENTRIES)]
        loses = [[None] * _ENTRIES for _ in range(_ENTRIES)]
        for a in range(_ENTRIES):
            for b in range(a + 1, _ENTRIES):
                loses[b][a] = register(self.i[a] >= self.i[b], f"beats{a}_{b}")
                loses[a][b] = ~loses[b][a]

        # Stages 2, 3: count the losses, in fives and together.
        values = [register(value, f"value2_{entry}") for entry, value in enumerate(values)]
        ranks, leads = [], []
        for entry in range(_ENTRIES):
            losses = [lost for lost in loses[entry] if lost is not None]
            fives = [register(sum(losses[start:start + 5]), f"fives{entry}_{start}") for start in (0, 5, 10)]
            ranks.append(register(sum(fives)[:4], f"rank{entry}"))
            leads.append(register(~Cat(fives).any(), f"leads{entry}") if self._score_bits else None)
        values = [register(value, f"value3_{entry}") for entry, value in enumerate(values)]
        first = delay(m, self.first, 3, "first")

        inside = [C(1, 1)] * _ENTRIES
        if self._score_bits:
            # Stages 4, 5, 6: the best value and what the radius adds to each, who is too far below it.
            def score(value):
                return value[self._width - self._score_bits:]

            best = register(any_of([score(value) & lead.replicate(self._score_bits)
                                    for value, lead in zip(values, leads, strict=True)]), "best")
            reaches = [register(score(value) + self.radius, f"reach{entry}") for entry, value in enumerate(values)]
            values = [register(value, f"value4_{entry}") for entry, value in enumerate(values)]
            ranks = [register(rank, f"rank4_{entry}") for entry, rank in enumerate(ranks)]
            # Behind the first four, which have been found whatever the radius, those left out are never found.
            limited = register((self.radius != 0) & (first != 0), "limited")
            outside = [register(limited & (reach < best), f"outside{entry}") for entry, reach in enumerate(reaches)]
            further = [register((rank[2:] != 0) & (score(value) != 0), f"further{entry}")
                       for entry, (rank, value) in enumerate(zip(ranks, values, strict=True))]
            values = [register(value, f"value5_{entry}") for entry, value in enumerate(values)]
            ranks = [register(rank, f"rank5_{entry}") for entry, rank in enumerate(ranks)]
            self._count(m, register, [out & wanted for out, wanted in zip(outside, further, strict=True)])
            inside = [register(~out, f"inside{entry}") for entry, out in enumerate(outside)]
            values = [register(value, f"value6_{entry}") for entry, value in enumerate(values)]
            ranks = [register(rank, f"rank6_{entry}") for entry, rank in enumerate(ranks)]
            first = delay(m, first, 3, "first_inside")

        # The last two stages: who has which of the ranks, and the values.
        chosen = [register(Cat((rank == Cat(C(place, 2), first)) for rank in ranks), f"chosen{place}")
                  for place in range(4)]
        values = [register(value & seen.replicate(self._width), f"value_o{entry}")
                  for entry, (value, seen) in enumerate(zip(values, inside, strict=True))]
        for place, which in enumerate(chosen):
            m.d.sync += [
                self.o[place].eq(any_of([value & which[entry].replicate(self._width)
                                         for entry, value in enumerate(values)])),
                self.index[place].eq(number_of(which)),
            ]
        return m

    def _count(self, m, register, clipped):
        """Values that are left out: counted in step with the stages behind the clipping."""
        fours = [register(sum(clipped[start:start + 4]), f"clipped{start}") for start in range(0, _ENTRIES, 4)]
        m.d.comb += self.clipped.eq(delay(m, register(sum(fours), "clipped_all"), 1, "clipped_o"))
