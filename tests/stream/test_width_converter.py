import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.stream import WidthConverter, Word
from tests.streams import generator, is_registered, run, transfer


def convert(words, in_width, out_width):
    """Naive model on lists of ``(data, last)``."""
    if in_width >= out_width:
        ratio = in_width // out_width
        return [((value >> (n * out_width)) & ((1 << out_width) - 1), int(last and n == ratio - 1))
                for value, last in words for n in range(ratio)]
    ratio, result, gathered = out_width // in_width, [], []
    for value, last in words:
        gathered.append(value)
        if last or len(gathered) == ratio:
            result.append((sum(piece << (n * in_width) for n, piece in enumerate(gathered)), last))
            gathered = []
    return result


def packets(rng, width, lengths):
    return [(rng.getrandbits(width), int(n == length - 1)) for length in lengths for n in range(length)]


def check(dut, words, stalls, rng):
    expected = convert(words, dut.in_width, dut.out_width)
    items = [{"data": value, "last": last} for value, last in words]
    received, sent_cycles, received_cycles = transfer(
        dut, dut.i, dut.o, items, count=len(expected), stalls=stalls, rng=rng)
    assert [(item.data, item.last) for item in received] == expected
    return sent_cycles, received_cycles


@pytest.mark.parametrize("widths", [(8, 8), (8, 16), (8, 24), (16, 128), (1, 7), (16, 8), (24, 8), (128, 16),
                                    (7, 1)])
@pytest.mark.parametrize("stalls", [(0, 0), (0.5, 0), (0, 0.5), (0.4, 0.4)])
def test_matches_model(widths, stalls):
    rng = generator()
    words = packets(rng, widths[0], [1, 2, 3, 5, 1, 8, 7, 1])
    check(WidthConverter(*widths), words, stalls, rng)


@settings(max_examples=20, deadline=None)
@given(narrow=st.integers(1, 20), ratio=st.integers(1, 9), up=st.booleans(), seed=st.integers(0, 2**32 - 1),
       lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_any_ratio(narrow, ratio, up, seed, lengths):
    rng = generator(seed)
    widths = (narrow, narrow * ratio) if up else (narrow * ratio, narrow)
    stalls = (rng.random() * 0.7, rng.random() * 0.7)
    check(WidthConverter(*widths), packets(rng, widths[0], lengths), stalls, rng)


def test_up_takes_a_word_every_cycle_even_with_one_word_packets():
    rng = generator()
    words = packets(rng, 8, [8, 1, 1, 1, 3, 4])
    sent, received = check(WidthConverter(8, 32), words, (0, 0), rng)
    assert sent == list(range(len(words)))
    completing = [3, 7, 8, 9, 10, 13, 17]
    assert received == [cycle + WidthConverter.latency for cycle in completing]


def test_down_gives_a_word_every_cycle():
    rng = generator()
    _, received = check(WidthConverter(32, 8), packets(rng, 32, [3, 1, 1]), (0, 0), rng)
    assert received == list(range(1, 21))


@pytest.mark.parametrize("widths", [(8, 32), (32, 8), (8, 8)])
def test_output_is_registered(widths):
    dut = WidthConverter(*widths)
    rng = generator()

    async def testbench(ctx):
        for _ in range(60):
            ctx.set(dut.i.valid, rng.getrandbits(1))
            ctx.set(dut.i.p.last, rng.getrandbits(1))
            ctx.set(dut.o.ready, rng.getrandbits(1))
            assert await is_registered(ctx, dut.o.valid, dut.i.valid, dut.o.ready)
            assert await is_registered(ctx, dut.i.ready, dut.i.valid, dut.i.p.last)
            await ctx.tick()

    run(dut, testbench)


def test_bad_parameters():
    with pytest.raises(TypeError, match=r"^in_width must be an integer, not 8\.0$"):
        WidthConverter(8.0, 8)
    with pytest.raises(ValueError, match=r"^out_width must be at least 1, not 0$"):
        WidthConverter(8, 0)
    message = r"^out_width must be a multiple or a divisor of in_width 8, not 12$"
    with pytest.raises(ValueError, match=message):
        WidthConverter(8, 12)


def test_word():
    assert Word(24).width == 24
    assert Word(24).size == 25
    assert repr(Word(24)) == "Word(24)"
    with pytest.raises(ValueError, match=r"^width must be at least 1, not 0$"):
        Word(0)
