from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hw.stream.states import States


def test_one_state_is_on():
    m, ready, chosen = Module(), Signal(), Signal()
    states = States(m, "rest", "work", "report")
    left = states.leave("rest", ready, work=chosen, report=~chosen)
    states.leave("work", rest=1)
    states.leave("report", rest=1)

    async def testbench(ctx):
        seen = []
        for start, choice in ((0, 0), (1, 1), (0, 0), (0, 0), (1, 0), (1, 1), (1, 1), (0, 1)):
            ctx.set(ready, start)
            ctx.set(chosen, choice)
            on = [name for name, signal in states.at.items() if ctx.get(signal)]
            assert len(on) == 1
            assert ctx.get(left) == (on == ["rest"] and start)
            seen += on
            await ctx.tick()
        assert seen == ["rest", "rest", "work", "rest", "rest", "report", "rest", "work"]

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
