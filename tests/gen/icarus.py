"""The same random stimulus in the simulator of Amaranth and, as emitted Verilog, in Icarus."""

import random
import subprocess

from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from gen.emit import emit_verilog
from hw.shared import flat_ports

_BENCH = """
module bench;
  reg [{stimulus_width}-1:0] stimulus [0:{cycles}-1];
  reg clk = 0;
{declarations}
  {top} dut(.clk(clk), {connections});
  integer cycle;
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin
      {{{inputs}}} = stimulus[cycle];
      #1 $display("%h", {{{outputs}}});
      #1 clk = 1;
      #1 clk = 0;
    end
  end
endmodule
"""


def both_simulations(make, folder, *, cycles, seed, resets=0.05):
    """Outputs of each cycle, as one integer, from Amaranth's simulator and as text from Icarus.

    ``resets`` is the share of cycles in reset: small, so that states far from the initial one are reached.
    """
    component = make()
    inputs = [(name, value) for name, value, is_input in flat_ports(component) if is_input]
    outputs = [(name, value) for name, value, is_input in flat_ports(component) if not is_input]
    generator = random.Random(seed)
    stimulus = [[generator.random() < resets, *(generator.getrandbits(len(value)) for _name, value in inputs)]
                for _cycle in range(cycles)]

    domain = ClockDomain("sync")
    m = Module()
    m.domains += domain
    m.submodules.dut = component
    expected = []

    async def bench(ctx):
        for words in stimulus:
            for signal, word in zip([domain.rst, *(value for _name, value in inputs)], words, strict=True):
                ctx.set(signal, word)
            packed = 0
            for _name, value in outputs:
                packed = packed << len(value) | ctx.get(value) & (1 << len(value)) - 1
            expected.append(packed)
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return expected, _icarus(make(), inputs, outputs, stimulus, folder)


def _icarus(component, inputs, outputs, stimulus, folder):
    widths = {"rst": 1, **{name: len(value) for name, value in inputs}}
    (folder / "stimulus.hex").write_text("".join(
        f"{_pack(words, widths.values()):x}\n" for words in stimulus))
    (folder / "dut.v").write_text(emit_verilog(component, "dut")[0])
    (folder / "bench.v").write_text(_BENCH.format(
        top="dut", cycles=len(stimulus), stimulus_width=sum(widths.values()),
        declarations="\n".join([*(f"  reg [{width - 1}:0] {name};" for name, width in widths.items()),
                                *(f"  wire [{len(value) - 1}:0] {name};" for name, value in outputs)]),
        connections=", ".join(f".{name}({name})" for name in [*widths, *(name for name, _value in outputs)]),
        inputs=", ".join(widths), outputs=", ".join(name for name, _value in outputs)))
    subprocess.run(["iverilog", "-g2005", "-o", "bench.vvp", "bench.v", "dut.v"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.split()


def _pack(words, widths):
    packed = 0
    for word, width in zip(words, widths, strict=True):
        packed = packed << width | word
    return packed
