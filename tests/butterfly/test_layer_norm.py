"""The streaming normalisation against its golden model."""

import itertools

import numpy as np
import pytest

from hw.butterfly import norm_lane, root, variance
from hw.butterfly.layer_norm import LayerNorm
from sim.golden.butterfly.layer_norm import LayerNormFormat, layer_norm, residual
from tests.butterfly.norm_vectors import hard_vectors, same
from tests.streams import collect, generator, run, send


def pieces(values, lanes):
    """Integers of `lanes` elements each."""
    return [int.from_bytes(piece.tobytes(), "little") for piece in
            np.ascontiguousarray(values, dtype=np.float16).reshape(-1, lanes)]


def normalise(dut, lanes, x, y=None, norm=None, stall=0.0, rng=None):
    """Results of a batch, and the cycles in which pieces came."""
    points, results, cycles = x.shape[1], [], []
    ys = pieces(np.zeros_like(x) if y is None else y, lanes)
    items = [low | high << 16 * lanes for low, high in zip(pieces(x, lanes), ys, strict=True)]

    async def source(ctx):
        ctx.set(dut.stages, points.bit_length() - 1)
        ctx.set(dut.residual, y is not None)
        ctx.set(dut.affine, norm is not None)
        for enable, values in zip((dut.weight_enable, dut.bias_enable), () if norm is None else norm,
                                  strict=False):
            ctx.set(enable, 1)
            for address, piece in enumerate(pieces(values, lanes)):
                ctx.set(dut.parameter_address, address)
                ctx.set(dut.parameter.as_value(), piece)
                await ctx.tick()
            ctx.set(enable, 0)
        await ctx.tick().repeat(4)
        await send(ctx, _Raw(dut.i), items, stall, rng)

    async def sink(ctx):
        got = await collect(ctx, _Raw(dut.o), len(items), stall, rng, cycles=cycles)
        results.append(b"".join(piece.to_bytes(2 * lanes, "little") for piece in got))
        await ctx.tick().repeat(2)
        assert not ctx.get(dut.busy)

    run(dut, source, sink)
    return np.frombuffer(results[0], dtype=np.float16).reshape(x.shape), cycles


class _Raw:
    """A stream whose payload is an integer."""

    def __init__(self, stream):
        self.payload, self.valid, self.ready = stream.payload.as_value(), stream.valid, stream.ready


def test_the_widths_are_those_of_the_definition():
    assert LayerNormFormat() == LayerNormFormat(
        square_bits=variance.SQUARE_BITS, root_bits=root.ROOT_BITS, reciprocal_bits=norm_lane.RECIPROCAL_BITS,
        result_fraction=root.RESULT_FRACTION, result_bits=norm_lane.RESULT_BITS, epsilon_log2=variance.EPSILON_LOG2)


@pytest.mark.parametrize("lanes, most, points", [
    (1, 2, 2), (2, 2, 2), (2, 64, 2), (1, 8, 8), (4, 64, 8), (2, 64, 64), (8, 512, 512), (4, 8192, 16)])
def test_hard_vectors(lanes, most, points):
    rng = generator()
    stall = rng.choice((0, 0.4))
    draw = np.random.default_rng(rng.getrandbits(32))
    x = hard_vectors(draw, points)
    same(normalise(LayerNorm(lanes, most), lanes, x, stall=stall, rng=rng)[0], layer_norm(x))


@pytest.mark.parametrize("stall", [0, 0.4])
def test_residual_and_weights(stall):
    rng = generator()
    draw = np.random.default_rng(rng.getrandbits(32))
    x, y = hard_vectors(draw, 32), draw.permutation(hard_vectors(draw, 32))
    norm = hard_vectors(draw, 32)[[0, 1]]
    dut = LayerNorm(4, 64)
    same(normalise(dut, 4, x, y, norm, stall, rng)[0], layer_norm(residual(x, y), *norm))


# Vectors of 256 take as long as the digits of their moments, which are a cycle more or less: one may be late by them.
# Of those of 512 one in sixty is late by a cycle.
@pytest.mark.parametrize("points, period, late", [(512, 128, 1), (256, 64, 2), (4, 64, 0)])
def test_a_vector_in_as_many_cycles_as_it_has_pieces(points, period, late):
    draw = np.random.default_rng(generator().getrandbits(32))
    x = draw.standard_normal((16, points)).astype(np.float16)
    got, cycles = normalise(LayerNorm(4, 512), 4, x)
    same(got, layer_norm(x))
    firsts = cycles[2 * points // 4::points // 4]
    assert max(later - before for before, later in itertools.pairwise(firsts)) <= period + late
    assert firsts[-1] - firsts[0] <= 1.01 * period * (len(firsts) - 1)


@pytest.mark.parametrize("lanes, most, sentence", [
    (3, 8, "lanes must be a power of two, not 3"), (2, 12, "max_points must be a power of two, not 12"),
    (8, 4, "max_points must be"), (0, 8, "lanes must be")])
def test_refused_parameters(lanes, most, sentence):
    with pytest.raises(ValueError, match=sentence):
        LayerNorm(lanes, most)
