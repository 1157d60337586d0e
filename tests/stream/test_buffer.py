import pytest
from amaranth.hdl import signed
from amaranth.lib import data
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.stream import Buffer
from tests.streams import generator, is_registered, run, transfer


@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5), (0.1, 0.9), (0.9, 0.1)])
def test_keeps_order_and_items(stalls):
    rng = generator()
    dut = Buffer(16)
    items = [rng.getrandbits(16) for _ in range(200)]
    received, _, _ = transfer(dut, dut.i, dut.o, items, stalls=stalls, rng=rng)
    assert received == items


@settings(max_examples=15, deadline=None)
@given(width=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_any_width(width, seed):
    rng = generator(seed)
    dut = Buffer(width)
    items = [rng.getrandbits(width) for _ in range(30)]
    stalls = (rng.random() * 0.8, rng.random() * 0.8)
    received, _, _ = transfer(dut, dut.i, dut.o, items, stalls=stalls, rng=rng)
    assert received == items


def test_signed_and_structured_payloads():
    dut = Buffer(signed(5))
    assert transfer(dut, dut.i, dut.o, [-16, 15, -1])[0] == [-16, 15, -1]

    layout = data.StructLayout({"a": signed(3), "b": 4})
    dut = Buffer(layout)
    items = [{"a": -4, "b": 9}, {"a": 3, "b": 0}]
    assert transfer(dut, dut.i, dut.o, items)[0] == [layout.const(item) for item in items]


def test_full_rate_and_latency():
    dut = Buffer(8)
    _, sent, received = transfer(dut, dut.i, dut.o, range(50))
    assert sent == list(range(50))
    assert received == list(range(Buffer.latency, 50 + Buffer.latency))


def test_holds_two_items_when_stalled():
    dut = Buffer(8)

    async def testbench(ctx):
        ctx.set(dut.i.valid, 1)
        taken = 0
        for _ in range(6):
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            taken += ready
        assert taken == 2
        # Full rate resumes in the cycle after the consumer starts again.
        ctx.set(dut.o.ready, 1)
        samples = []
        for _ in range(6):
            _, _, ready, valid = await ctx.tick().sample(dut.i.ready, dut.o.valid)
            samples.append((ready, valid))
        assert samples == [(0, 1)] + [(1, 1)] * 5

    run(dut, testbench)


def test_cuts_both_directions():
    dut = Buffer(8)
    rng = generator()

    async def testbench(ctx):
        for _ in range(60):
            ctx.set(dut.i.valid, rng.getrandbits(1))
            ctx.set(dut.o.ready, rng.getrandbits(1))
            assert await is_registered(ctx, dut.i.ready, dut.i.valid, dut.o.ready)
            assert await is_registered(ctx, dut.o.valid, dut.i.valid, dut.o.ready)
            await ctx.tick()

    run(dut, testbench)


def test_bad_shape():
    with pytest.raises(TypeError, match=r"^shape must be shape-like, not 'wide'$"):
        Buffer("wide")
