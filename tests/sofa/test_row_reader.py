"""`RowReader`: what is written of each row, from words that come and places that are free at random."""

import pytest

from hw.sofa.row_reader import RowReader
from tests.sofa.heads import tiny
from tests.streams import generator, run

SETS = {
    "two elements a word": dict(),
    "four parts a word": dict(bus_width=64, columns=4, normalise_lanes=4, max_head_dim=23),
    "masks in a part of a word": dict(bus_width=128, lanes=8, tree_lanes=8, columns=8, row_multipliers=4,
                                      max_head_dim=20),
}


class Bench:
    """A reader, the words of a packet, and a placer that takes some cycles for each row."""

    def __init__(self, p, rng, stall):
        self.p, self.rng, self.stall = p, rng, stall
        self.dut = RowReader(p)
        self.words = []

    def chance(self):
        return self.rng.random() >= self.stall

    def word(self):
        self.words.append(self.rng.getrandbits(self.p.bus_width))
        return self.words[-1]

    def rows(self, task, count, last_query_beat):
        """Places of rows, and all that is to be written of each: of queries (beat, part, data), of masks."""
        p, rng = self.p, self.rng
        for row in range(count):
            place = {"row": row, "slices": 1 << rng.randrange(p.slices), "slot": rng.randrange(p.query_groups),
                     "tree": rng.randrange(p.trees), "group_end": rng.getrandbits(1)}
            writes = []
            if not task["tokens"]:
                beats = [self.word() if beat <= task["last_key_beat"] else 0 for beat in range(last_query_beat + 1)]
                writes += [("query", beat, part, data) for beat, data in enumerate(beats)
                           for part in range(p.query_parts)]
            if task["mask"]:
                size, per_word = -(-task["keys"] // 16), p.bus_width // 16
                for number in range(size):
                    if number % per_word == 0:
                        mask = self.word()
                    writes.append(("mask", number, 0, mask >> 16 * (number % per_word) & 0xFFFF))
            yield place, writes

    async def read(self, ctx, task, last_query_beat, early, count, total):
        """Read `count` of `total` rows; returns their places with what was written of each, ends and orders."""
        dut, p = self.dut, self.p
        expected = list(self.rows(task, count, last_query_beat))
        ctx.set(dut.task, task)
        ctx.set(dut.last_query_beat, last_query_beat)
        ctx.set(dut.early, early)
        await ctx.tick().repeat(3)
        ctx.set(dut.run, 1)
        row, settled, words, got, ends, orders = 0, 0, list(self.words), [], [], []
        for _ in range(20_000):
            available, free, order_ready = bool(words) and self.chance(), self.chance(), self.chance()
            ctx.set(dut.settled, settled == 0)
            ctx.set(dut.next_free, settled == 0 and self.chance())
            ctx.set(dut.complete, settled == 0 and row == total)
            ctx.set(dut.next_early, settled == 0 and row == count)
            if row < count:
                ctx.set(dut.next, expected[row][0])
            ctx.set(dut.available, available)
            ctx.set(dut.data, words[0] if available else self.rng.getrandbits(p.bus_width))
            ctx.set(dut.free, free)
            ctx.set(dut.order_ready, order_ready)
            (_, _, advance, take, write, query, mask, fill, beat, part, mask_word, mask_data, place, row_end, order,
             done) = await ctx.tick().sample(
                dut.advance, dut.take, dut.write, dut.query, dut.mask, dut.fill, dut.beat, dut.part, dut.mask_word,
                dut.mask_data, dut.place, dut.row_end, dut.order_valid, dut.done)
            if write:
                assert free and query != mask
                data = 0 if fill else words[0] if query else None
                got[-1][1].append(("query", beat, part, data) if query else ("mask", mask_word, 0, mask_data))
            if take and available:
                words.pop(0)
            if write or row_end or order:
                assert {name: place[name] for name in got[-1][0]} == got[-1][0]
            ends += [place.row] * row_end
            orders += [place.row] * (order and order_ready)
            settled = max(0, settled - 1)
            if advance:
                assert settled == 0 and row < count
                got.append((expected[row][0], []))
                row, settled = row + 1, 3
            if done:
                break
        ctx.set(dut.run, 0)
        assert not words and got == expected
        rows = list(range(count))
        assert (ends, orders) == (([], rows) if task["tokens"] else (rows, []))
        self.words.clear()
        await ctx.tick().repeat(2)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_queries_and_masks(changes, stall):
    """Heads of all kinds, each read up to its early rows or to its end."""
    rng = generator()
    p = tiny(**changes)
    bench = Bench(p, rng, stall)
    beats = p.folds * p.lanes // p.elements_per_beat

    async def testbench(ctx):
        for tokens, mask in ((0, 0), (0, 1), (1, 1), (0, 0), (1, 1), (0, 1)):
            last = rng.randrange(beats)
            task = {"tokens": tokens, "mask": mask, "keys": rng.randint(1, p.max_keys),
                    "last_key_beat": rng.randint(0, min(last, -(-p.max_head_dim // p.elements_per_beat) - 1))}
            early, count = rng.getrandbits(1), rng.randint(1, 5)
            await bench.read(ctx, task, last, early, count, count + early * rng.randint(0, 2))

    run(bench.dut, testbench)
