"""Heads from tokens that are malformed, cut short, reset, or whose tokens do not come; the next task is bit-exact."""

from dataclasses import replace

import pytest

from hw.generation.formats import FetchKind, FetchRequest
from hw.sofa.task import SofaError
from sim.host.sofa import header_bytes, pack_head, pack_task
from sim.host.tokens import fetch_rows
from sim.runner import (
    PauseFetch,
    PauseInput,
    ResumeFetch,
    ResumeInput,
    WaitCycles,
    WaitFetches,
    WaitInputPackets,
    WaitInputWords,
    WaitRegister,
    WriteRegister,
)
from tests.sim.emitted import examples
from tests.sim.sofa.draw import draw_head
from tests.sim.sofa.simulation import check_task, preset
from tests.streams import generator

ENABLE, SOFT_RESET, BUSY = 1, 2, 1


@pytest.fixture(scope="module")
def top():
    return preset("tiny")


def small(rng, top, **fixed):
    size = {"queries": 7, "keys": 9, "features": 17, "head_dim": 5, "value_dim": 6, "dense": False}
    return draw_head(rng, top.parameters, tokens=True, **size | fixed)


def check_faults(top, bad, good, rows, **options):
    """Send each of `bad` (packet, error) followed by the good task; `rows` answer the requests."""
    packets = [packet for pair in bad for packet in (pair[0], pack_task(good, top.parameters))]
    result = top.simulate(packets, fetch=rows, **options)
    word = top.parameters.bus_width // 8
    for number, (_, error) in enumerate(bad):
        trailer = result.packets[2 * number][-word:]
        assert trailer == bytes([error.value, 0xED]) + bytes(word - 2), f"trailer of bad packet {number}"
        check_task(result.packets[2 * number + 1], good, top.parameters)
    assert result.registers["tasks_failed"] == len(bad)
    assert result.registers["status"] & 7 == 0
    return result


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_malformed_headers(top, stall):
    rng = generator()
    p = top.parameters
    head, good = small(rng, top), [small(rng, top)]
    fields = [
        ({"keys": 0}, SofaError.BAD_KEYS), ({"queries": 0}, SofaError.BAD_QUERIES),
        ({"queries": 10}, SofaError.BAD_QUERIES), ({"features": 0}, SofaError.BAD_FEATURES),
        ({"features": p.max_features + 1}, SofaError.BAD_FEATURES), ({"features": 0xFFFF}, SofaError.BAD_FEATURES),
        *(({name: 32}, SofaError.BAD_RANGE) for name in ("khat_shift", "query_shift", "key_shift", "value_shift")),
        ({"features": 40, "keep_weights": 1}, SofaError.NO_WEIGHTS), ({"features": 0, "magic": 1}, SofaError.BAD_MAGIC)]
    bad = [(pack_head(head, p, False, **change) if rng.random() < 0.5 else header_bytes(head, False, **change), error)
           for change, error in fields]
    # The first one of all: no weights were ever loaded.
    bad.insert(0, (header_bytes(head, False, keep_weights=1), SofaError.NO_WEIGHTS))
    check_faults(top, bad, good, fetch_rows([head, *good], p), stall=stall, seed=rng.getrandbits(32))


def test_a_matrix_that_does_not_fit(top):
    rng = generator()
    few = replace(top.parameters, max_weights=64)
    top = type(top).emit(few)
    head, good = small(rng, top, features=8, head_dim=8, value_dim=8), [small(rng, top, features=7)]
    bad = [(header_bytes(head, False, **change), SofaError.BAD_FEATURES)
           for change in ({"features": 9}, {"head_dim": 9}, {"value_dim": 16})]
    check_faults(top, bad, good, fetch_rows([head, *good], few))


def test_without_generator(top):
    rng = generator()
    head = small(rng, top)
    plain = type(top).emit(replace(top.parameters, generator_rows=0))
    good = [draw_head(rng, plain.parameters, queries=3, keys=5)]
    check_faults(plain, [(pack_head(head, plain.parameters, False), SofaError.NO_GENERATOR)], good, {})


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("mask", ["none", "random"])
def test_short_and_long_packets(top, stall, mask):
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    # Each bad packet is followed by the good task, so keep_weights would find that one's weights: its shape differs.
    head, good = small(rng, top, mask=mask), [small(rng, top, features=40)]
    packet = pack_task([head], p)
    cuts = sorted({4, 5, len(packet) // word - 1, *(rng.randint(2, len(packet) // word - 1) for _ in range(8))})
    bad = [(packet[:cut * word], SofaError.SHORT_PACKET) for cut in cuts]
    bad.append((packet + rng.randbytes(3 * word), SofaError.LONG_PACKET))
    # Weights of a head that was cut are not there for the next one.
    cut_then_keep = packet[:20 * word]
    bad += [(cut_then_keep, SofaError.SHORT_PACKET), (header_bytes(head, False, keep_weights=1), SofaError.NO_WEIGHTS)]
    check_faults(top, bad, good, fetch_rows([head, *good], p), stall=stall, seed=rng.getrandbits(32))


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_tokens_that_do_not_come(top, stall):
    """A row that the host does not know, that is too short or too long, of any kind and at any place."""
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    good, rows, bad = [small(rng, top)], {}, []
    for _ in range(12):
        head = small(rng, top, mask="none")
        rows |= fetch_rows([head], p)
        kind = rng.choice(list(FetchKind))
        layout = FetchRequest()
        requests = [layout.const({"token": token, "source": head.tokens.source, "kind": kind}).as_value().value
                    # Which keys are asked for depends on the rows.
                    for token in (range(9) if kind is FetchKind.KEY_VALUE else [rng.randrange(7)])]
        change = rng.choice(("none", "short", "long"))
        for request in requests:
            row = rows.pop(request)
            if change == "short":
                rows[request] = row[:-word]
            elif change == "long":
                rows[request] = row + rng.randbytes(word * rng.randint(1, 5))
        bad.append((pack_task([head], p), SofaError.MISSING_TOKEN))
    rows |= fetch_rows(good, p)
    result = check_faults(top, bad, good, rows, stall=stall, seed=rng.getrandbits(32))
    assert result.registers["error"] == SofaError.MISSING_TOKEN.value


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_soft_reset_in_each_stage(top, simulator, stall):
    """While weights load, while tokens are on their way, while keys are predicted, made and used."""
    rng = generator()
    p = top.parameters
    word = p.bus_width // 8
    for _ in range(examples(6 if simulator == "verilator" else 1)):
        hit = [small(rng, top, keys=40, queries=40) for _ in range(2)]
        behind, good = [small(rng, top)], [small(rng, top), small(rng, top)]
        packets = [pack_task(heads, p) for heads in (hit, behind, good)]
        first = len(pack_head(hit[0], p, True)) // word
        moment = rng.choice((
            [WaitInputWords(rng.randint(2, first))], [WaitInputWords(first + rng.randint(1, 20))],
            [PauseFetch(), WaitFetches(rng.randint(1, 2)), WaitCycles(rng.randint(0, 30))],
            [WaitFetches(rng.randint(3, 140)), WaitCycles(rng.randint(0, 60))]))
        # The task behind may have begun, and is lost then.
        script = [*moment, PauseInput(), WriteRegister(top.address("control"), ENABLE | SOFT_RESET), ResumeFetch(),
                  ResumeInput(), WaitInputPackets(3), WaitRegister(top.address("status"), 0, BUSY)]
        result = top.simulate(packets, fetch=fetch_rows([*hit, *behind, *good], p), script=script,
                              simulator=simulator, stall=stall, seed=rng.getrandbits(32), expected_packets=1)
        check_task(result.packets[-1], good, p)
