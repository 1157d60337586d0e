import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.stream import PointerFifo
from tests.streams import generator, run, transfer


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 40), bits=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_keeps_order_and_items(width, bits, seed):
    rng = generator(seed)
    dut = PointerFifo(width, 1 << bits)
    items = [rng.getrandbits(width) for _ in range(100)]
    received, _, _ = transfer(dut, dut.i, dut.o, items, stalls=(rng.random() * 0.8, rng.random() * 0.8), rng=rng)
    assert received == items


@pytest.mark.parametrize("depth", [2, 4, 16])
def test_full_rate_and_latency(depth):
    _, sent, received = transfer(dut := PointerFifo(8, depth), dut.i, dut.o, range(40))
    assert sent == list(range(40))
    assert received == list(range(1, 41))


@pytest.mark.parametrize("depth", [2, 4, 16])
def test_capacity(depth):
    dut = PointerFifo(8, depth)

    async def testbench(ctx):
        ctx.set(dut.i.valid, 1)
        taken = 0
        for _ in range(depth + 4):
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            taken += ready
        assert taken == depth
        ctx.set(dut.o.ready, 1)
        for _ in range(3 * depth):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            assert valid

    run(dut, testbench)


@settings(max_examples=20, deadline=None)
@given(depth=st.sampled_from([2, 8]), seed=st.integers(0, 2**32 - 1))
def test_counted(depth, seed):
    rng = generator(seed)
    dut = PointerFifo(8, depth, counted=True)

    async def testbench(ctx):
        held = []
        for item in range(200):
            comes, leaves = rng.random() < .7 and len(held) < depth, rng.random() < .6
            ctx.set(dut.i.valid, comes)
            ctx.set(dut.i.payload, item)
            ctx.set(dut.o.ready, leaves)
            assert ctx.get(dut.i.ready) == (len(held) < depth) and ctx.get(dut.o.valid) == bool(held)
            if leaves and held:
                assert ctx.get(dut.o.payload) == held.pop(0)
            if comes:
                held.append(item)
            await ctx.tick()

    run(dut, testbench)


@pytest.mark.parametrize("depth", [0, 1, 3, 12])
def test_refuses_a_depth(depth):
    with pytest.raises(ValueError, match="power of two"):
        PointerFifo(8, depth)


def test_refuses_a_shape():
    with pytest.raises(TypeError):
        PointerFifo("wide", 4)
