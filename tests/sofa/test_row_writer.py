import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sofa.row_writer import RowWriter
from sim.golden.sorter import segment_keys
from sim.host.sofa import SofaHead, unpack_result
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import collect, generator, run, send


class Head:
    """A head with the rows of one slice, which have random keys and outputs, and the masks of its segments."""

    def __init__(self, rng, parameters, *, queries, keys, value_dim, return_keys, interleaved, dense=False, index=0):
        p = parameters
        self.fields = task_fields(p, queries=queries, keys=keys, value_dim=value_dim, return_keys=int(return_keys),
                                  interleaved=int(interleaved), dense=int(dense))
        queries = sum(row // p.trees % p.slices == index for row in range(queries))
        self.host = SofaHead(np.zeros((queries, 1)), np.zeros((keys, 1)), np.zeros((keys, value_dim)),
                             return_keys=return_keys, interleaved=interleaved, dense=dense)
        self.members = segment_keys(keys, p.tile, interleaved and not dense)
        self.keys = [sorted(rng.sample(range(keys), rng.choice([0, keys, rng.randint(0, keys)])))
                     for _ in range(queries)]
        self.outputs = [[rng.randint(-32768, 32767) for _ in range(value_dim)] for _ in range(queries)]
        self.beats = -(-value_dim // p.elements_per_beat)
        self._trees = p.trees
        self.mask_words = -(-len(self.members) * p.tile // p.bus_width) if return_keys else 0

    def ends_group(self, row):
        return row % self._trees == self._trees - 1 or row == len(self.keys) - 1

    def mask(self, row, segment):
        """Positions of a segment that a row keeps, as bits; none where there is no row."""
        kept = self.keys[row] if row < len(self.keys) else []
        return sum(1 << position for position, key in enumerate(self.members[segment]) if key in kept)


async def record_group(ctx, dut, parameters, head, first, stall=0.0, rng=None):
    """Give the masks of the group that begins with row `first`, when there is room."""
    await ctx.tick().until(dut.record.ready)
    for segment in range(len(head.members)):
        while stall and rng.random() < stall:
            await ctx.tick()
        ctx.set(dut.record.segment, segment)
        ctx.set(dut.record.keys, [head.mask(first + tree, segment) for tree in range(parameters.trees)])
        ctx.set(dut.record.valid, 1)
        ctx.set(dut.record.end, segment == len(head.members) - 1)
        await ctx.tick()
        ctx.set(dut.record.valid, 0)
        ctx.set(dut.record.end, 0)


def check(parameters, heads, rng, stall=0.0, index=0):
    """Rows of heads: what is written is what the host reads back."""
    p = parameters
    dut = RowWriter(p)
    words, recorded = [[] for _ in heads], []

    async def record(ctx):
        for head in heads:
            for first in range(0, len(head.keys), p.trees):
                await record_group(ctx, dut, p, head, first, stall, rng)
                recorded.append(first)

    async def outputs(ctx):
        # A row's output comes when its keys have been recorded.
        group = 0
        for head in heads:
            for row, output in enumerate(head.outputs):
                while len(recorded) <= group:
                    await ctx.tick()
                group += head.ends_group(row)
                padded = output + [0] * (-len(output) % p.elements_per_beat)
                await send(ctx, dut.outputs, [padded[start:start + p.elements_per_beat]
                                              for start in range(0, len(padded), p.elements_per_beat)], stall, rng)

    async def sink(ctx):
        ctx.set(dut.index, index)
        for head, taken in zip(heads, words, strict=True):
            # The head stays until its last row has left.
            ctx.set(dut.head, head.fields)
            for _ in head.outputs:
                taken.extend(await collect(ctx, dut.o, 1, stall, rng))
                while not taken[-1].last:
                    taken.extend(await collect(ctx, dut.o, 1, stall, rng))
        for _ in range(5):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    run(dut, record, outputs, sink)
    width = p.bus_width // 8
    packet = b"".join(word.data.to_bytes(width, "little") for taken in words for word in taken)
    results, error = unpack_result(packet + b"\x00\xed".ljust(width, b"\0"), [head.host for head in heads], p)
    assert error == 0
    for head, taken, rows in zip(heads, words, results, strict=True):
        for row, keys, output in zip(rows, head.keys, head.outputs, strict=True):
            assert row.outputs.tolist() == output
            assert row.keys is None if not head.host.return_keys else row.keys.tolist() == keys
        # `last` closes each row.
        length = head.mask_words + head.beats
        assert [place + 1 for place, word in enumerate(taken) if word.last] == [
            length * row for row in range(1, len(head.keys) + 1)]


@settings(max_examples=20)
@given(bus_width=st.sampled_from([32, 64, 256]), tile=st.sampled_from([4, 8, 32, 128]),
       trees=st.sampled_from([1, 2, 4]), stall=st.sampled_from([0, 0.5]), seed=st.integers(0, 2**32 - 1))
def test_the_host_reads_what_was_written(bus_width, tile, trees, stall, seed):
    rng = generator(seed)
    lanes = max(4, bus_width // 16)
    p = tiny(bus_width=bus_width, lanes=lanes, tree_lanes=lanes, columns=lanes * trees // 4, rows=4,
             row_multipliers=lanes // 2, rows_per_sorter=1, max_head_dim=20, tile=tile, max_segment_keys=4, max_keys=64)
    assert p.trees == trees
    heads = [Head(rng, p, queries=rng.randint(1, 9), keys=rng.randint(1, 64), value_dim=rng.randint(1, 20),
                  return_keys=rng.random() < 0.7, interleaved=rng.random() < 0.5, dense=rng.random() < 0.3)
             for _ in range(rng.randint(1, 3))]
    check(p, heads, rng, stall)


@pytest.mark.parametrize("index", range(3))
def test_rows_of_one_slice(index):
    """Of three slices; some heads have no row for it, and some only a part of its group."""
    rng = generator()
    p = tiny(rows=12)
    assert p.slices == 3
    heads = [Head(rng, p, queries=queries, keys=9, value_dim=3, return_keys=True, interleaved=True, index=index)
             for queries in (1, 17, 4, 3, 12, 2 * index * p.trees + 1)]
    check(p, heads, rng, stall=0.2, index=index)


@pytest.mark.parametrize("keys", [1, 8, 9, 31, 32])
def test_masks_that_end_within_a_word(keys):
    rng = generator()
    p = tiny()
    check(p, [Head(rng, p, queries=5, keys=keys, value_dim=3, return_keys=True, interleaved=interleaved)
              for interleaved in (False, True)], rng)


def test_many_rows_in_several_memories():
    rng = generator()
    p = tiny(tile=64, max_segment_keys=4, max_keys=128, columns=4)
    check(p, [Head(rng, p, queries=11, keys=100, value_dim=2, return_keys=True, interleaved=True)], rng)


def test_four_groups_are_held():
    """There is room until the fourth group is recorded, and again when the rows of the first one have left."""
    rng = generator()
    p = tiny()
    dut = RowWriter(p)
    head = Head(rng, p, queries=12, keys=5, value_dim=1, return_keys=False, interleaved=True)

    async def testbench(ctx):
        ctx.set(dut.head, head.fields)
        for first in range(0, 8, 2):
            assert ctx.get(dut.record.ready)
            await record_group(ctx, dut, p, head, first)
        assert not ctx.get(dut.record.ready)
        ctx.set(dut.o.ready, 1)
        sent = left = 0
        while left < 2:
            assert not ctx.get(dut.record.ready)
            ctx.set(dut.outputs.valid, sent < 2)
            _, _, taken, leaves = await ctx.tick().sample(dut.outputs.ready, dut.o.valid)
            sent, left = sent + taken, left + leaves
        await ctx.tick()                                      # in which the group ends
        assert ctx.get(dut.record.ready)

    run(dut, testbench)
