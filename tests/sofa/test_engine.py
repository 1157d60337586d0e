# amaranth: UnusedElaboratable=no
import numpy as np
import pytest

from hw.shell.engine import TRAILER_MARKER, EngineSignature
from hw.sofa.engine import SofaEngine
from hw.sofa.task import SofaError
from sim.golden.sofa import golden_head
from sim.host.sofa import pack_head, pack_task, unpack_result
from tests.sofa.heads import Bench, check_heads, collect_packet, random_head, tiny, to_words
from tests.streams import collect, generator, run, send

#: Parameter sets that reach every branch of the generators.
SETS = {
    "tiny": {},
    "two slices, a sorter a tree": dict(rows=8, rows_per_sorter=2),
    "three slices of a row": dict(rows=3, row_multipliers=8, columns=4, rows_per_sorter=1),
    "tile of 4": dict(tile=4, max_segment_keys=4),
    "tile above the keys": dict(tile=64, max_segment_keys=12, score_width=4),
    "ensure 1, small steps": dict(ensure=1, rescale_step=1),
    "ensure 1, large steps": dict(ensure=1, rescale_step=4, zclip=1),
    "clipping": dict(clipping=True, tile=32, max_segment_keys=12),
    "wide lanes": dict(lanes=8, row_multipliers=4, max_head_dim=10),
    "wide bus": dict(bus_width=64, normalise_lanes=4, max_head_dim=9),
    "one channel": dict(max_head_dim=1, query_code_width=8, normalise_lanes=1),
    "four rows share keys": dict(columns=4),
    "no rows share keys": dict(columns=4, reuse_rows=1),
    "two batches": dict(columns=4, reuse_rows=2),
    "eight trees of a sorter": dict(rows=8, row_multipliers=2, lanes=8, tree_lanes=2, rows_per_sorter=8, max_head_dim=3,
                                    score_width=5),
    "least codes": dict(khat_width=2, code_levels=1, tile=4, max_segment_keys=1),
}


@pytest.mark.parametrize("changes", SETS.values(), ids=SETS)
def test_equals_the_model(changes):
    rng = generator()
    p = tiny(**changes)
    tasks = [[random_head(rng, p) for _ in range(count)] for count in (2, 1)]
    check_heads(p, tasks, rng.choice([(0, 0), (0.4, 0), (0, 0.4), (0.3, 0.3)]), rng)


@pytest.mark.parametrize("stalls", [(0, 0), (0.3, 0.3)], ids=["flowing", "stalled"])
def test_shapes_and_rules(stalls):
    rng = generator()
    p = tiny()
    heads = [random_head(rng, p, **fields) for fields in (
        dict(keys=1, queries=1, head_dim=1, value_dim=1),
        dict(keys=1, queries=9),
        dict(keys=31, queries=3, kept=1),
        dict(keys=32, queries=4, kept=32, merge=True, dense=False, segment_keys=8, extra_segments=0),
        dict(queries=3, head_dim=1, value_dim=6),
        dict(queries=3, head_dim=6, value_dim=1),
        dict(keys=32, queries=3, merge=False, dense=False, segment_keys=0, extra_segments=3),
        dict(keys=13, queries=5, mask=True, dense=False, causal=True),
        dict(keys=13, queries=5, mask=True, dense=True, return_keys=False),
    )]
    rng.shuffle(heads)
    check_heads(p, [heads[:4], heads[4:5], heads[5:]], stalls, rng)


def test_rows_that_see_no_key():
    rng = generator()
    p = tiny()
    heads = []
    for dense in (False, True):
        head = random_head(rng, p, queries=5, keys=9, mask=True, dense=dense, return_keys=True)
        head.mask[:] = False
        head.mask[2] = True
        heads.append(head)
    check_heads(p, [heads], rng=rng)
    for head in heads:
        assert not golden_head(head, p).outputs[[0, 1, 3, 4]].any()


def test_dense_and_sparse_heads_take_turns():
    rng = generator()
    p = tiny()
    heads = [random_head(rng, p, dense=bool(number % 2), keys=14 + number, queries=5) for number in range(6)]
    check_heads(p, [heads[:3], heads[3:4], heads[4:]], rng=rng)


def test_a_slice_may_be_a_head_ahead_of_the_rows_that_leave():
    """The last rows of a head are one slice's while the other one has the next head, of another form."""
    rng = generator()
    p = tiny(rows=8, max_keys=64)
    common = dict(mask=False, causal=False, dense=True)
    wide = random_head(rng, p, queries=6, keys=32, head_dim=6, value_dim=6, return_keys=False, **common)
    narrow = random_head(rng, p, queries=4, keys=3, head_dim=2, value_dim=2, return_keys=True, **common)
    check_heads(p, [[wide, narrow, wide, narrow]], rng=rng)


def test_largest_predicted_sum():
    rng = generator()
    p = tiny(max_head_dim=8)
    head = random_head(rng, p, queries=3, keys=5, head_dim=8, mask=False, causal=False, dense=False, merge=True,
                       kept=2, segment_keys=4, extra_segments=0, code_base=12, predict_shift=0, return_keys=True)
    head.queries[:], head.keys[:] = -32768, -32768
    head.keys[:2] = [[5], [100]]
    check_heads(p, [[head]], rng=rng)
    assert list(golden_head(head, p).rows[0].keys) == [2, 3]


def test_bad_packets_are_reported_and_the_next_task_runs():
    rng = generator()
    p = tiny()
    good, other = [random_head(rng, p, queries=2, keys=5)], [random_head(rng, p, queries=4, keys=6)]
    packet = pack_task(other, p)
    damaged = [
        (packet[:-4], SofaError.SHORT_PACKET),
        (packet[:40], SofaError.SHORT_PACKET),
        (packet[:4], SofaError.SHORT_PACKET),
        (packet + bytes(12), SofaError.LONG_PACKET),
        (b"\0" + packet[1:], SofaError.BAD_MAGIC),
        (pack_head(other[0], p, False, keys=33), SofaError.BAD_KEYS),
        (pack_head(other[0], p, True) + pack_head(other[0], p, False, kept=0), SofaError.BAD_KEEP),
        (pack_head(other[0], p, True), SofaError.SHORT_PACKET),
    ]
    rng.shuffle(damaged)
    bench = Bench(p)
    packets, errors = bench.run(
        [to_words(part, p) for bad, _ in damaged for part in (bad, pack_task(good, p))], (0.1, 0.2), rng)
    assert errors == [code for _, error in damaged for code in (error.value, 0)]
    for packet, code in zip(packets, errors, strict=True):
        assert packet[-4:-2] == bytes([code, TRAILER_MARKER])
    for packet in packets[1::2]:
        (rows,), _ = unpack_result(packet, good, p)
        assert np.array_equal([row.outputs for row in rows], golden_head(good[0], p).outputs)


@pytest.mark.parametrize("rows", [4, 8])
def test_a_reset_at_any_time_leaves_an_idle_engine(rows):
    rng = generator()
    p = tiny(rows=rows)
    bench = Bench(p)
    engine = bench.engine

    async def interrupt(ctx, heads, when):
        """Send a task, and reset after `when` cycles."""
        words = iter(to_words(pack_task(heads, p), p))
        word = next(words)
        ctx.set(engine.o.ready, 1)
        ctx.set(engine.done.ready, 1)
        for _ in range(when):
            ctx.set(engine.i.valid, word is not None)
            if word is not None:
                ctx.set(engine.i.payload, word)
            _, _, valid, ready = await ctx.tick().sample(engine.i.valid, engine.i.ready)
            if valid and ready:
                word = next(words, None)
        ctx.set(engine.i.valid, 0)
        ctx.set(engine.o.ready, 0)
        ctx.set(engine.done.ready, 0)
        ctx.set(bench.reset, 1)
        await ctx.tick()
        ctx.set(bench.reset, 0)
        assert not ctx.get(engine.busy)
        assert not ctx.get(engine.o.valid)
        assert not ctx.get(engine.done.valid)

    state = dict(head=None, started=0, finished=0)
    rounds = 8

    async def testbench(ctx):
        for number in range(1, rounds + 1):
            heads = [random_head(rng, p, queries=7, keys=15) for _ in range(3)]
            await interrupt(ctx, heads, rng.choice([rng.randint(1, 60), rng.randint(60, 700)]))
            state.update(head=random_head(rng, p, queries=4, keys=rng.randint(1, 12)), started=number)
            await send(ctx, engine.i, to_words(pack_task([state["head"]], p), p))
            while state["finished"] < number:
                await ctx.tick()

    async def consumer(ctx):
        for number in range(1, rounds + 1):
            while state["started"] < number:
                await ctx.tick()
            packet = await collect_packet(ctx, engine.o, p)
            (got,), error = unpack_result(packet, [state["head"]], p)
            assert error == 0
            assert np.array_equal([row.outputs for row in got], golden_head(state["head"], p).outputs)
            element, = await collect(ctx, engine.done, 1)
            assert element.error == 0
            state["finished"] = number

    run(bench.dut, testbench, consumer)


def test_no_done_is_lost_when_nobody_takes_it():
    rng = generator()
    p = tiny()
    engine = SofaEngine(p)
    codes = [0, SofaError.BAD_MAGIC.value, 0, SofaError.BAD_MAGIC.value, 0]
    packets = [to_words(pack_task([random_head(rng, p, queries=1, keys=1)], p), p) for _ in codes]
    for packet, code in zip(packets, codes, strict=True):
        packet[0]["data"] ^= code and 1

    async def producer(ctx):
        for packet in packets:
            await send(ctx, engine.i, packet)

    async def consumer(ctx):
        for _ in packets:
            await collect_packet(ctx, engine.o, p)

    async def finisher(ctx):
        await ctx.tick().repeat(600)
        assert [element.error for element in await collect(ctx, engine.done, len(codes))] == codes

    run(engine, producer, consumer, finisher)


def test_done_does_not_wait_for_ready():
    rng = generator()
    p = tiny()
    engine = SofaEngine(p)
    packet = to_words(pack_task([random_head(rng, p, queries=1, keys=1)], p), p)

    async def producer(ctx):
        await send(ctx, engine.i, packet)

    async def consumer(ctx):
        await collect_packet(ctx, engine.o, p)
        for _ in range(3):
            await ctx.tick()
        assert ctx.get(engine.done.valid)

    run(engine, producer, consumer)


def test_busy_from_the_first_beat_to_the_last():
    rng = generator()
    p = tiny()
    engine = SofaEngine(p)
    packet = to_words(pack_task([random_head(rng, p, queries=2, keys=3)], p), p)

    async def producer(ctx):
        await ctx.tick().repeat(3)
        await send(ctx, engine.i, packet, 0.3, rng)

    async def consumer(ctx):
        await collect_packet(ctx, engine.o, p, 0.5, rng)
        await ctx.tick().repeat(5)

    async def watch(ctx):
        running = False
        async for _, _, busy, started, ended in ctx.tick().sample(
                engine.busy, engine.i.valid & engine.i.ready, engine.o.valid & engine.o.ready & engine.o.payload.last):
            assert busy == running
            running = (running or started) and not ended

    run(engine, producer, consumer, background=[watch])


def test_is_an_engine():
    engine = SofaEngine(tiny())
    assert EngineSignature(32, engine.counters).is_compliant(engine)
    assert engine.error_codes is SofaError
    assert [counter.name for counter in engine.counters] == [
        "predicting", "multiplying", "key_loads", "starved", "rows", "max_raise", "z_pos", "z_clip",
        "score_saturated", "predict_saturated", "radius_clipped", "words_queries", "words_keys", "words_values",
        "words_masks", "query_groups_held", "score_groups_held", "mask_groups_held", "keys_held"]


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^parameters must be a SofaParameters, not 7$"):
        SofaEngine(7)
