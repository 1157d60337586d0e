# amaranth: UnusedElaboratable=no
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.stream.lane_memory import LaneMemory
from tests.streams import generator, run


@settings(max_examples=25)
@given(latency=st.sampled_from([1, 2]), apart=st.booleans(),
       vectors=st.integers(1, 9), folds=st.integers(1, 5), beat=st.integers(1, 4), banks=st.sampled_from([1, 2, 4]),
       width=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_returns_what_was_written(latency, apart, vectors, folds, beat, banks, width, seed):
    rng = generator(seed)
    lanes = beat * banks
    dut = LaneMemory(vectors, folds, lanes, beat, width, latency=latency, apart=apart)
    model = [[0] * folds * lanes for _ in range(vectors)]

    async def testbench(ctx):
        for _ in range(40):
            vector, place = rng.randrange(vectors), rng.randrange(folds * banks)
            written = [rng.getrandbits(width) for _ in range(beat)]
            enable = rng.random() < 0.8
            ctx.set(dut.write_enable, enable)
            ctx.set(dut.write_vector, vector)
            ctx.set(dut.write_beat, place)
            ctx.set(dut.write_data, written)
            await ctx.tick()
            if enable:
                model[vector][place * beat:(place + 1) * beat] = written
        ctx.set(dut.write_enable, 0)
        ctx.set(dut.read_enable, 1)
        for vector in range(vectors):
            for fold in range(folds):
                ctx.set(dut.read_vector, vector)
                ctx.set(dut.read_fold, fold)
                for _ in range(dut.latency):
                    await ctx.tick()
                assert list(ctx.get(dut.read_data)) == model[vector][fold * lanes:(fold + 1) * lanes]

    run(dut, testbench)


def test_reads_beside_writes_and_holds():
    rng = generator()
    dut = LaneMemory(4, 2, 4, 2, 6, latency=1)
    model = [[0] * 8 for _ in range(4)]

    async def testbench(ctx):
        shown = [0] * 4
        for _ in range(300):
            vector, place, read, fold = (rng.randrange(4) for _ in range(4))
            fold &= 1
            written, enable, reading = [rng.getrandbits(6), rng.getrandbits(6)], rng.random() < 0.5, rng.random() < 0.6
            ctx.set(dut.write_enable, enable)
            ctx.set(dut.write_vector, vector)
            ctx.set(dut.write_beat, place)
            ctx.set(dut.write_data, written)
            ctx.set(dut.read_enable, reading)
            ctx.set(dut.read_vector, read)
            ctx.set(dut.read_fold, fold)
            before = model[read][4 * fold:4 * fold + 4]
            await ctx.tick()
            if enable:
                model[vector][2 * place:2 * place + 2] = written
            after = model[read][4 * fold:4 * fold + 4]
            got = list(ctx.get(dut.read_data))
            if reading:
                assert all(value in choices for value, *choices in zip(got, before, after, strict=True))
                assert got == before or (enable and vector == read)
            else:
                assert got == shown
            shown = got

    run(dut, testbench)


@pytest.mark.parametrize(("lanes", "beat"), [(6, 4), (12, 4), (2, 4)])
def test_bad_parameters(lanes, beat):
    with pytest.raises(ValueError, match=rf"^lanes must be beat_elements times a power of two, not {lanes}$"):
        LaneMemory(4, 1, lanes, beat, 8)
