"""The models of block memory and multiplier: netlists next to the Verilog they were made from, under random traffic."""

import random
import shutil
import subprocess

import pytest

from gen.synth.simulated import simulated_netlist

pytestmark = [pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog"),
              pytest.mark.usefixtures("own_cache")]

# What a single port shows while it writes.
MODES = {
    "NORMAL": "if (we[0]) {memory}[a] <= c; else {q} <= {memory}[a];",
    "WRITETHROUGH": "if (we[0]) begin {memory}[a] <= c; {q} <= c; end else {q} <= {memory}[a];",
    "READBEFOREWRITE": "if (we[0]) {memory}[a] <= c; {q} <= {memory}[a];",
}

BENCH = """
module bench;
  reg clk = 0;
  reg [{bits}-1:0] stimulus [0:{cycles}-1];
  reg [{bits}-1:0] now;
  wire [{width}-1:0] o;
  integer cycle;
  {top} dut(.clk(clk), .i(now), .o(o));
  initial begin
    $readmemh("stimulus.hex", stimulus);
    for (cycle = 0; cycle < {cycles}; cycle = cycle + 1) begin
      now = stimulus[cycle];
      #1 $display("%h", o);
      #1 clk = 1;
      #1 clk = 0;
    end
  end
endmodule
"""


class Source:
    """Verilog of a module with registers and block memories, whose outputs are one word."""

    def __init__(self):
        self.body, self.outputs = [], []

    def output(self, width):
        self.outputs.append((f"q{len(self.outputs)}", width))
        return self.outputs[-1][0]

    def memory(self, depth, width, statements, filled=False):
        """A memory with what is done at each clock; ``{q}`` stands for its output, ``{memory}`` for itself."""
        name, q = f"memory{len(self.outputs)}", self.output(width)
        for port in "ab":
            statements = statements.replace(f"[{port}]", f"[{port}[{depth.bit_length() - 2}:0]]")
        first = f"({name}_n * 40503) ^ ({name}_n >> 3)" if filled else "0"
        self.body.append(
            f"  (* ram_style = \"block\" *) reg [{width - 1}:0] {name} [0:{depth - 1}];\n  integer {name}_n;\n"
            f"  initial for ({name}_n = 0; {name}_n < {depth}; {name}_n = {name}_n + 1) {name}[{name}_n] = {first};\n"
            f"  always @(posedge clk) begin {statements.format(memory=name, q=q)} end\n")

    def text(self, top):
        outputs = "".join(f"  reg [{width - 1}:0] {name} = 0;\n" for name, width in self.outputs)
        return (f"module {top}(input clk, input [109:0] i, output [{self.width - 1}:0] o);\n"
                "  wire [13:0] a = i[13:0], b = i[27:14];\n  wire [35:0] c = i[63:28], d = i[99:64];\n"
                "  wire [1:0] we = i[101:100], en = i[103:102];\n  wire [3:0] be = i[107:104];\n  wire rst = i[108];\n"
                + outputs + "".join(self.body)
                + f"  assign o = {{{', '.join(name for name, _width in self.outputs)}}};\nendmodule\n")

    @property
    def width(self):
        return sum(width for _name, width in self.outputs)


def outputs(folder, top, source, width, stimulus):
    (folder / "stimulus.hex").write_text("\n".join(f"{word:x}" for word in stimulus))
    (folder / "bench.v").write_text(BENCH.format(top=top, bits=110, cycles=len(stimulus), width=width))
    subprocess.run(["iverilog", "-g2005", "-s", "bench", "-o", "bench.vvp", "bench.v", source], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "bench.vvp"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.split()


def traffic(cycles, seed):
    """Addresses that meet often; ports write rarely enough that a word is read before it changes."""
    draw = random.Random(seed)
    words = []
    for _cycle in range(cycles):
        a, b = (draw.choice((0, 5, 9, 10)) << 3 | draw.getrandbits(2) for _port in "ab")
        fields = ((a, 14), (b, 14), (draw.getrandbits(36), 36), (draw.getrandbits(36), 36), (draw.getrandbits(2), 2),
                  (draw.getrandbits(2) | draw.getrandbits(2), 2), (draw.getrandbits(4), 4), (draw.random() < .1, 1))
        word = shift = 0
        for value, width in fields:
            word, shift = word | value << shift, shift + width
        words.append(word)
    return words


def compare(tmp_path, source, stimulus):
    path = tmp_path / "dut.v"
    path.write_text(source.text("dut"))
    netlist = simulated_netlist(path, "dut")
    expected = outputs(tmp_path, "dut", path, source.width, stimulus)
    assert outputs(tmp_path, "dut", netlist.verilog, source.width, stimulus) == expected
    assert len(set(expected)) > len(expected) / 10
    return netlist


def test_two_ports(tmp_path):
    """One port writes, the other reads: every width that Yosys chooses, byte enables, a reset, what was there first."""
    source = Source()
    read = "if (en[1]) {q} <= {memory}[b];"
    source.memory(256, 9, f"if (we[0]) {{memory}}[a] <= c; {read}")
    source.memory(128, 36, " ".join(
        f"if (we[0] && be[{n}]) {{memory}}[a][{9 * n} +: 9] <= c[{9 * n} +: 9];" for n in range(4)) + read)
    source.memory(256, 18, read, filled=True)
    source.memory(128, 36, "if (we[0]) {memory}[a] <= c; if (rst) {q} <= 0; else if (en[1]) {q} <= {memory}[b];")
    netlist = compare(tmp_path, source, traffic(2000, 1))
    assert netlist.cells["DP16KD"] >= 4


@pytest.mark.parametrize("mode", MODES)
def test_one_port(tmp_path, mode):
    """A port that reads and writes, with an enable, in each of its modes."""
    source = Source()
    for depth, width in ((256, 4), (256, 9), (256, 18)):
        source.memory(depth, width, f"if (en[0]) begin {MODES[mode]} end")
    netlist = compare(tmp_path, source, traffic(2000, 2))
    assert f'.WRITEMODE_A("{mode}")' in netlist.verilog.read_text()
