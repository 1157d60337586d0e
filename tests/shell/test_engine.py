# amaranth: UnusedElaboratable=no
"""The contract of engines."""

import re

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.shell import REQUEST_WIDTH, CounterDescription, EngineSignature, Word
from tests.shell.loopback import Loopback
from tests.shell.row_sum import RowSum


def test_members():
    busy = CounterDescription("multiplies", "operations", "d", 7)
    peak = CounterDescription("peak", "words", "d", 4, "max")
    signature = EngineSignature(64, [busy, peak])
    assert signature.bus_width == 64
    assert signature.counters == (busy, peak)
    assert signature.members["i"] == In(stream.Signature(Word(64)))
    assert signature.members["o"] == Out(stream.Signature(Word(64)))
    assert signature.members["done"] == Out(stream.Signature(data.StructLayout({"error": 8})))
    assert signature.members["busy"] == Out(1)
    assert signature.members["events"] == Out(data.StructLayout({"multiplies": 7, "peak": 4}))


def test_members_of_an_engine_that_fetches():
    plain, signature = EngineSignature(64), EngineSignature(64, fetch=True)
    assert not plain.fetch
    assert signature.fetch
    assert signature.members["fetch"] == Out(stream.Signature(unsigned(REQUEST_WIDTH)))
    assert signature.members["fetched"] == In(stream.Signature(Word(64)))
    assert set(signature.members) - set(plain.members) == {"fetch", "fetched"}


def test_equality():
    counter = CounterDescription("one", "u", "d")
    assert EngineSignature(32) == EngineSignature(32, ())
    assert EngineSignature(32) != EngineSignature(64)
    assert EngineSignature(32) != EngineSignature(32, [counter])
    assert EngineSignature(32, fetch=True) == EngineSignature(32, (), True)
    assert EngineSignature(32) != EngineSignature(32, fetch=True)
    assert repr(EngineSignature(32)) == "EngineSignature(32, ())"
    assert repr(EngineSignature(32, fetch=True)) == "EngineSignature(32, (), fetch=True)"


def test_engine_complies():
    engine = Loopback()
    assert EngineSignature(32, engine.counters).is_compliant(engine)
    assert EngineSignature(32, fetch=True).is_compliant(RowSum())


@pytest.mark.parametrize(("width", "kind", "message"), [
    ("32", TypeError, "Bus width must be an integer, not '32'"),
    (True, TypeError, "Bus width must be an integer, not True"),
    (8, ValueError, "Bus width must be a multiple of 8 and at least 16, not 8"),
    (33, ValueError, "Bus width must be a multiple of 8 and at least 16, not 33"),
])
def test_bad_bus_width(width, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        EngineSignature(width)


def test_bad_fetch():
    with pytest.raises(TypeError, match="Fetch must be True or False, not 1"):
        EngineSignature(32, fetch=1)


def test_bad_counters():
    counter = CounterDescription("one", "u", "d")
    with pytest.raises(TypeError, match="Counter must be a CounterDescription, not 'one'"):
        EngineSignature(32, ["one"])
    with pytest.raises(ValueError, match="Counter names must be unique, but 'one' is used more than once"):
        EngineSignature(32, [counter, counter])


@pytest.mark.parametrize(("arguments", "kind", "message"), [
    ((3, "u", "d"), TypeError, "Counter name must be a string, not 3"),
    (("a", None, "d"), TypeError, "Counter unit must be a string, not None"),
    (("Busy", "u", "d"), ValueError, "Counter name must be a lower-case identifier, not 'Busy'"),
    (("a b", "u", "d"), ValueError, "Counter name must be a lower-case identifier, not 'a b'"),
    (("a", "u", "d", 1.0), TypeError, "Counter width must be an integer, not 1.0"),
    (("a", "u", "d", 33), ValueError, "Counter width must be between 1 and 32, not 33"),
    (("a", "u", "d", 1, "mean"), ValueError, "Counter kind must be 'sum' or 'max', not 'mean'"),
])
def test_bad_description(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        CounterDescription(*arguments)
