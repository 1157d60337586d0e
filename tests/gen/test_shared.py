# amaranth: UnusedElaboratable=no
import gc
import re
import warnings
from dataclasses import dataclass

import pytest
from amaranth.hdl import Module, ResetInserter
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect
from amaranth.sim import Simulator

from hw.shared import SharedComponent, flat_ports, shared, snake_case
from tests.gen.designs import BitonicSorter, CompareExchange, SorterChain


@dataclass(frozen=True)
class Parameters:
    width: int = 8


class Stage(wiring.Component):
    def __init__(self, parameters, scale=1):
        self.parameters, self.scale = parameters, scale
        signature = stream.Signature(parameters.width)
        super().__init__({"i": In(signature), "o": Out(signature), "nothing": Out(data.StructLayout({}))})

    def elaborate(self, platform):
        m = Module()
        connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
        return m


def test_reads_through():
    stage = shared(Stage, Parameters(5), scale=3)
    assert isinstance(stage, SharedComponent) and isinstance(stage, wiring.Component)
    assert stage.signature == Stage(Parameters(5)).signature
    assert stage.scale == 3 and len(stage.i.payload) == 5
    assert stage.parameters == Parameters(5)
    assert shared(CompareExchange, 8).latency == 1
    with pytest.raises(AttributeError, match="latency"):
        _ = stage.latency
    assert repr(stage).startswith("shared(<")


def test_connects_and_simulates():
    m = Module()
    m.submodules.a = a = shared(Stage, Parameters())
    m.submodules.b = b = shared(Stage, Parameters())
    connect(m, a=a.o, b=b.i)
    simulator = Simulator(m)

    async def bench(ctx):
        ctx.set(a.i.payload, 77)
        ctx.set(a.i.valid, 1)
        assert ctx.get(b.o.payload) == 77 and ctx.get(b.o.valid) == 1

    simulator.add_testbench(bench)
    simulator.run()


def test_reset_inserter_in_simulation():
    m = Module()
    chain = SorterChain(2)
    m.submodules.chain = ResetInserter(chain.i[0][0])(chain)
    simulator = Simulator(m)
    simulator.add_clock(1e-6)

    async def bench(ctx):
        ctx.set(chain.i.as_value(), 0x04060802)
        await ctx.tick().repeat(6)
        assert list(ctx.get(chain.o)) == [2, 4, 6, 8]
        ctx.set(chain.i.as_value(), 0x04060801)
        await ctx.tick()
        assert list(ctx.get(chain.o)) == [0, 0, 0, 0]

    simulator.add_testbench(bench)
    simulator.run()


def test_unused_components_do_not_warn():
    class Parent(wiring.Component):
        o: Out(8)

        def __init__(self):
            super().__init__()
            self.children = [BitonicSorter(8, 4), {"one": BitonicSorter(8, 2)}]

        def elaborate(self, platform):
            return Module()

    class Platform:
        def share(self, key, factory, name):
            return name

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parent = shared(Parent)
        instance = parent.elaborate(Platform())
        parent._MustUse__used = True  # what elaboration does
        assert instance.type == "parent"
        del parent, instance
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_key_is_that_of_the_bound_arguments():
    def key(*args, **kwargs):
        component = shared(*args, **kwargs)
        component._MustUse__used = True
        return component._key

    assert key(Stage, Parameters()) == key(Stage, parameters=Parameters(), scale=1)
    assert key(Stage, Parameters()) != key(Stage, Parameters(), scale=2)
    assert key(Stage, Parameters(), scale=1) != key(Stage, Parameters(), scale=True)
    assert key(CompareExchange, 8) != key(BitonicSorter, 8, 8)


@pytest.mark.parametrize("args, message", [
    ((8,), "Shared class must be a subclass of wiring.Component, not 8"),
    ((Module,), "Shared class must be a subclass of wiring.Component, not <class 'amaranth.hdl."),
    ((Stage, [1]), "Argument 'parameters' of shared Stage must be hashable, not [1]"),
    ((Stage, Parameters(), {}), "Argument 'scale' of shared Stage must be hashable, not {}"),
    ((CompareExchange,), "Shared CompareExchange has other arguments: missing a required argument: 'width'"),
    ((CompareExchange, 1, True, 3), "Shared CompareExchange has other arguments: too many positional"),
])
def test_bad_arguments(args, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        shared(*args)


def test_flat_ports():
    stage = Stage(Parameters())
    assert [(name, len(value), is_input) for name, value, is_input in flat_ports(stage)] == [
        ("i__payload", 8, True), ("i__valid", 1, True), ("i__ready", 1, False),
        ("o__payload", 8, False), ("o__valid", 1, False), ("o__ready", 1, True)]


@pytest.mark.parametrize("name, module", [
    ("CompareExchange", "compare_exchange"), ("FIFOReader", "fifo_reader"), ("Sdpe2Array", "sdpe2_array"),
    ("_Hidden", "hidden"), ("Top", "top"), ("__", "module")])
def test_snake_case(name, module):
    assert snake_case(name) == module
