import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.sofa.row_writer import RowWriter
from sim.host.sofa import SofaHead, unpack_result
from tests.sofa.heads import tiny
from tests.streams import collect, generator, run, send

NO_KEY = 0x7FFF


def check(parameters, rows, return_keys, value_dim, rng, stall=0.0):
    """Rows of ``(keys, outputs)``: what is written is what the host reads back."""
    p = parameters
    dut = RowWriter(p)
    per_beat = p.elements_per_beat
    beats = -(-value_dim // per_beat)
    padded = [outputs + [0] * (beats * per_beat - value_dim) for _, outputs in rows]
    ids = [dict(key=key, last=place == max(1, len(keys)) - 1) for keys, _ in rows
           for place, key in enumerate(keys or [NO_KEY])]
    words = []

    async def keys_in(ctx):
        ctx.set(dut.return_keys, return_keys)
        ctx.set(dut.last_beat, beats - 1)
        if return_keys:
            await send(ctx, dut.key_id, ids, stall, rng)

    async def outputs_in(ctx):
        await send(ctx, dut.outputs, [row[beat * per_beat:(beat + 1) * per_beat] for row in padded
                                      for beat in range(beats)], stall, rng)

    async def sink(ctx):
        while sum(word.last for word in words) < len(rows):
            words.extend(await collect(ctx, dut.o, 1, stall, rng))
        for _ in range(5):
            _, _, extra = await ctx.tick().sample(dut.o.valid)
            assert not extra

    run(dut, keys_in, outputs_in, sink)
    width = p.bus_width // 8
    packet = b"".join(word.data.to_bytes(width, "little") for word in words) + b"\x00\xed".ljust(width, b"\0")
    head = SofaHead(np.zeros((len(rows), 1)), np.zeros((1, 1)), np.zeros((1, value_dim)), return_keys=return_keys)
    (got,), error = unpack_result(packet, [head], p)
    assert error == 0
    for row, (keys, outputs) in zip(got, rows, strict=True):
        assert list(row.outputs) == outputs
        assert not return_keys or list(row.keys) == keys
    # `last` closes each row.
    lengths = [beats + (-(-max(1, len(keys)) // per_beat) if return_keys else 0) for keys, _ in rows]
    assert [place for place, word in enumerate(words) if word.last] == (np.cumsum(lengths) - 1).tolist()


@settings(max_examples=20)
@given(bus_width=st.sampled_from([32, 64, 256]), return_keys=st.booleans(), stall=st.sampled_from([0, 0.5]),
       seed=st.integers(0, 2**32 - 1), data=st.data())
def test_the_host_reads_what_was_written(bus_width, return_keys, stall, seed, data):
    rng = generator(seed)
    lanes = max(4, bus_width // 16)
    p = tiny(bus_width=bus_width, lanes=lanes, tree_lanes=lanes, columns=lanes, rows=2, row_multipliers=lanes,
             rows_per_sorter=1, max_head_dim=20)
    value_dim = data.draw(st.integers(1, 20))
    rows = [([rng.randrange(32) for _ in range(data.draw(st.integers(0, 20)))],
             [rng.randint(-32768, 32767) for _ in range(value_dim)]) for _ in range(data.draw(st.integers(1, 6)))]
    check(p, rows, return_keys, value_dim, rng, stall)


@pytest.mark.parametrize("keys", [1, 2, 3, 32])
def test_words_of_two_keys(keys):
    rng = generator()
    p = tiny()
    check(p, [([rng.randrange(32) for _ in range(keys)], [1, -2, 3])] * 3, True, 3, rng)


def test_keys_are_packed_while_outputs_are_awaited():
    """The keys of a row are taken although the outputs of the row before are not there yet."""
    p = tiny()
    dut = RowWriter(p)

    async def testbench(ctx):
        ctx.set(dut.return_keys, 1)
        ctx.set(dut.o.ready, 1)
        await send(ctx, dut.key_id, [dict(key=1, last=1), dict(key=2), dict(key=3), dict(key=4, last=1)])

    run(dut, testbench)
