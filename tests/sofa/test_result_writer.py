import pytest

from hw.shell.engine import TRAILER_MARKER
from hw.sofa.result_writer import ResultWriter
from hw.sofa.task import SofaError
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import collect, generator, run, send


def check(parameters, packets, rng, stall=0.0):
    """Send packets, each a list of heads and an error; a head has rows, is of a half, and may be from tokens."""
    p = parameters
    dut = ResultWriter(p)
    ends, errors, sources = [], [], [[] for _ in range(p.slices)]
    words, left, halves, expected_words, expected_left, expected_errors = [], [], [], [], [], []
    faulty = 0b10
    for heads, error in packets:
        missing = False
        for number, (queries, half, tokens) in enumerate(heads):
            more = number < len(heads) - 1 or error is SofaError.BAD_MAGIC
            ends.append(dict(run=1, task=task_fields(p, queries=queries, more_heads=int(more), tokens=int(tokens),
                                                     half=half)))
            missing |= tokens and bool(faulty >> half & 1)
            for row in range(queries):
                place = row // p.trees % p.slices
                row_words = [rng.getrandbits(p.bus_width) for _ in range(rng.randint(1, 3))]
                sources[place] += [dict(data=word, last=int(last == len(row_words) - 1))
                                   for last, word in enumerate(row_words)]
                expected_words += [(word, 0) for word in row_words]
                expected_left.append(1 << place)
        if error is SofaError.BAD_MAGIC:                     # of a head behind these
            ends.append(dict(run=0, task=task_fields(p)))
        errors.append(error)
        code = SofaError.MISSING_TOKEN if missing and error is SofaError.NONE else error
        expected_errors.append(code.value)
        expected_words.append((code.value | TRAILER_MARKER << 8, 1))

    async def feed_heads(ctx):
        ctx.set(dut.faulty, faulty)
        await send(ctx, dut.heads, ends, stall, rng)

    async def feed_errors(ctx):
        await send(ctx, dut.errors, errors, stall, rng)

    def feed(index):
        async def feed_rows(ctx):
            await send(ctx, dut.rows[index], sources[index], stall, rng)
        return feed_rows

    async def take_words(ctx):
        words.extend((word.data, word.last) for word in await collect(ctx, dut.o, len(expected_words), stall, rng))

    async def take_errors(ctx):
        done = await collect(ctx, dut.done, len(packets), stall, rng)
        assert [payload.error for payload in done] == expected_errors

    async def watch(ctx):
        while True:
            _, _, out, done = await ctx.tick().sample(dut.row_out, dut.head_done)
            left.extend([out] * bool(out))
            halves.extend([done] * done)

    run(dut, feed_heads, feed_errors, *(feed(index) for index in range(p.slices)), take_words, take_errors,
        background=[watch])
    assert words == expected_words
    assert left == expected_left
    assert len(halves) == sum(len(heads) for heads, _ in packets)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("rows", [4, 12])
def test_rows_leave_in_order(rows, stall):
    rng = generator()
    p = tiny(rows=rows)
    assert p.slices == rows // 4
    check(p, [([(rng.randint(1, 15), rng.randrange(2), False) for _ in range(rng.randint(1, 3))], SofaError.NONE)
              for _ in range(4)], rng, stall)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_errors_close_the_packet(stall):
    rng = generator()
    p = tiny()
    check(p, [
        ([], SofaError.BAD_MAGIC), ([(3, 0, False)], SofaError.SHORT_PACKET), ([(1, 1, False)], SofaError.NONE),
        ([(2, 0, False), (5, 1, False)], SofaError.BAD_MAGIC),
        # Only tokens can be missing, and another error goes first.
        ([(1, 1, True)], SofaError.NONE), ([(1, 0, True)], SofaError.NONE), ([(2, 1, True)], SofaError.LONG_PACKET),
        ([(2, 1, True), (1, 0, False)], SofaError.NONE), ([(1, 1, False)], SofaError.NONE)], rng, stall)


def test_two_cycles_between_rows():
    rng = generator()
    p = tiny()
    dut, cycles = ResultWriter(p), []
    rows = [dict(data=rng.getrandbits(32), last=int(word == 2)) for _ in range(6) for word in range(3)]

    async def heads(ctx):
        await send(ctx, dut.heads, [dict(run=1, task=task_fields(p, queries=6))])

    async def feed(ctx):
        await send(ctx, dut.rows[0], rows)

    async def take(ctx):
        await collect(ctx, dut.o, len(rows), cycles=cycles)

    run(dut, heads, feed, take)
    assert [after - before for before, after in zip(cycles, cycles[1:], strict=False)] == ([1, 1, 3] * 6)[:-1]
