import pytest

from hw.sofa.task import HEADER_BITS, HEADER_MAGIC, Header, SofaError, TaskDecoder
from tests.sofa.heads import tiny
from tests.sofa.tasks import task_fields
from tests.streams import generator, run

GOOD = dict(magic=HEADER_MAGIC, queries=3, keys=20, head_dim=5, value_dim=6, kept=4, segment_keys=2)


def decode(parameters, headers, half=0):
    """Tasks and errors of headers given as dicts of fields."""
    dut = TaskDecoder(parameters)
    decoded = []

    async def testbench(ctx):
        ctx.set(dut.half, half)
        for header in headers:
            ctx.set(dut.header, header)
            await ctx.tick().repeat(dut.latency)
            decoded.append((ctx.get(dut.task), ctx.get(dut.error)))

    run(dut, testbench)
    return decoded


def test_header_is_32_bytes():
    assert Header().size == HEADER_BITS == 256


@pytest.mark.parametrize(("changes", "error"), [
    ({}, SofaError.NONE),
    (dict(magic=0), SofaError.BAD_MAGIC),
    (dict(magic=HEADER_MAGIC ^ 0x8000), SofaError.BAD_MAGIC),
    (dict(reserved_flags=1), SofaError.BAD_MAGIC),
    (dict(reserved=0x8000), SofaError.BAD_MAGIC),
    (dict(reserved=1 << 23), SofaError.BAD_MAGIC),
    (dict(queries=0), SofaError.BAD_QUERIES),
    (dict(queries=65535), SofaError.NONE),
    (dict(keys=0), SofaError.BAD_KEYS),
    (dict(keys=32), SofaError.NONE),
    (dict(keys=33), SofaError.BAD_KEYS),
    (dict(keys=65535), SofaError.BAD_KEYS),
    (dict(head_dim=0), SofaError.BAD_DIMENSION),
    (dict(head_dim=7), SofaError.BAD_DIMENSION),
    (dict(value_dim=0), SofaError.BAD_DIMENSION),
    (dict(value_dim=7), SofaError.BAD_DIMENSION),
    (dict(head_dim=1, value_dim=1), SofaError.NONE),
    (dict(kept=0), SofaError.BAD_KEEP),
    (dict(kept=0, dense=1), SofaError.BAD_KEEP),
    (dict(kept=65535), SofaError.NONE),
    (dict(segment_keys=0), SofaError.BAD_KEEP),
    (dict(segment_keys=0, extra_segments=1), SofaError.NONE),
    (dict(segment_keys=8), SofaError.NONE),
    (dict(segment_keys=9), SofaError.BAD_KEEP),
    (dict(segment_keys=8, extra_segments=1), SofaError.BAD_KEEP),
    (dict(segment_keys=7, extra_segments=1), SofaError.NONE),
    (dict(segment_keys=255, extra_segments=1), SofaError.BAD_KEEP),
    (dict(segment_keys=0, dense=1), SofaError.NONE),
    (dict(score_shift=31), SofaError.NONE),
    (dict(score_shift=32), SofaError.BAD_RANGE),
    (dict(predict_shift=3), SofaError.NONE),
    (dict(predict_shift=4), SofaError.BAD_RANGE),
    (dict(predict_shift=255), SofaError.BAD_RANGE),
    (dict(code_base=15), SofaError.NONE),
    (dict(code_base=16), SofaError.BAD_RANGE),
    (dict(extra_segments=4), SofaError.NONE),
    (dict(extra_segments=1024), SofaError.BAD_RANGE),
    (dict(radius=1), SofaError.BAD_RANGE),
    (dict(queries=0, keys=0, kept=0), SofaError.BAD_QUERIES),
    (dict(magic=1, keys=0), SofaError.BAD_MAGIC),
])
def test_errors(changes, error):
    (_, got), = decode(tiny(), [GOOD | changes])
    assert got == error


@pytest.mark.parametrize(("radius", "error"), [(0, SofaError.NONE), (63, SofaError.NONE), (64, SofaError.BAD_RANGE)])
def test_radius_needs_the_clipping_units(radius, error):
    (_, got), = decode(tiny(clipping=True), [GOOD | dict(radius=radius)])
    assert got == error


@pytest.mark.parametrize("changes", [{}, dict(bus_width=64, max_head_dim=23, normalise_lanes=4),
                                     dict(lanes=8, row_multipliers=4, max_head_dim=40, tile=32)])
def test_tasks_are_derived_from_headers(changes):
    rng = generator()
    p = tiny(**changes)
    headers = []
    for _ in range(60):
        header = dict(
            queries=rng.randint(1, 65535), keys=rng.randint(1, p.max_keys), head_dim=rng.randint(1, p.max_head_dim),
            value_dim=rng.randint(1, p.max_head_dim), kept=rng.choice([1, p.max_keys, 65535, rng.randint(1, 65535)]),
            segment_keys=rng.randint(1, 7), extra_segments=rng.randint(0, p.max_segments),
            score_shift=rng.randint(0, 31), predict_shift=rng.randrange(1 << p.predict_shift_bits),
            code_base=rng.randint(0, 15))
        header |= {flag: rng.getrandbits(1) for flag in (
            "causal", "mask", "dense", "merge", "more_heads", "return_keys", "interleaved")}
        headers.append(header)
    half = rng.getrandbits(1)
    decoded = decode(p, [header | dict(magic=HEADER_MAGIC) for header in headers], half)
    for header, (task, error) in zip(headers, decoded, strict=True):
        assert error == SofaError.NONE
        expected = task_fields(p, **header) | dict(kept=min(header["kept"], header["keys"]), half=half)
        assert {name: task[name] for name in expected} == expected
