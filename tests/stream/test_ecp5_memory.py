"""The block RAMs of an ECP5 next to the memory that they stand for, in Icarus with a model of DP16KD."""

import re
import shutil
import subprocess

import pytest
from amaranth.back import verilog

from gen.synth.simulated import ECP5_BLOCKS
from hw.stream.block_memory import BlockMemory
from hw.stream.ecp5_memory import block_width
from hw.stream.lane_memory import LaneMemory
from tests.streams import generator


def shown(dut, cases, tmp_path, behind=False):
    """What a memory shows after each cycle of (write enable, address, data, read enable, address).

    With `behind` its blocks stand behind each other, and a register chooses among them.
    """
    stimulus = "\n".join(
        f"we = {we}; wa = {wa}; wd = {len(dut.write_data)}'h{wd:x}; re = {re_}; ra = {ra}; #1 clk = 1; #1 clk = 0; "
        f"$display(\"%b\", rd);" for we, wa, wd, re_, ra in cases)
    bench = f"""
module bench;
  reg clk = 0, we, re; reg [{len(dut.write_address) - 1}:0] wa, ra; reg [{len(dut.write_data) - 1}:0] wd;
  wire [{len(dut.write_data) - 1}:0] rd;
  dut dut(.clk(clk), .write_enable(we), .write_address(wa), .write_data(wd), .read_enable(re), .read_address(ra),
          .read_data(rd));
  initial begin {stimulus} end
endmodule
"""
    text = verilog.convert(dut, name="dut", emit_src=False)
    assert "DP16KD" in text
    assert ("always @" in text) == behind                                # else no register in the fabric
    assert set(re.findall(r'REGMODE_[AB]\("(\w+)"\)', text)) == {"OUTREG"}
    assert set(re.findall(r'GSR\("(\w+)"\)', text)) == {"DISABLED"}
    widths = re.findall(r"DATA_WIDTH_A\((.*?)\).*?DATA_WIDTH_B\((.*?)\)", text, re.DOTALL)
    assert widths and all(a == b for a, b in widths)
    if re.search(r"\brst;", text):
        bench = bench.replace(".clk(clk),", ".clk(clk), .rst(1'b0),")
    (tmp_path / "bench.v").write_text(text + ECP5_BLOCKS.read_text() + bench)
    subprocess.run(["iverilog", "-g2005", "-o", tmp_path / "bench.vvp", tmp_path / "bench.v"], check=True)
    output = subprocess.run(["vvp", "-n", tmp_path / "bench.vvp"], check=True, capture_output=True, text=True).stdout
    return [int(line, 2) for line in output.split()]


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("width", "depth", "behind"), [
    (100, 300, False), (36, 512, False), (20, 1000, False), (45, 2048, False), (5, 4096, False), (3, 5000, False),
    (1, 16384, False), (108, 1536, True), (40, 1280, False), (1, 16385, True)])
def test_shows_what_the_memory_shows(width, depth, behind, gated, tmp_path):
    rng = generator()
    places = [0, 1, depth - 1, *(rng.randrange(depth) for _ in range(5))]
    words, read, register, cases, expected = {}, 0, 0, [], []
    for _ in range(300):
        write, target, word = rng.randrange(2), rng.choice(places), rng.getrandbits(width)
        # A word that is written in the same cycle is undefined: read another one.
        enable, source = rng.random() < 0.6, rng.choice([place for place in places if not write or place != target])
        cases.append((write, target, word, int(enable), source))
        register = read if enable or not gated else register
        read = words.get(source, 0) if enable else read
        if write:
            words[target] = word
        expected.append(register)
    dut = BlockMemory(width, depth, latency=2, gated=gated, vendor="ecp5")
    assert shown(dut, cases, tmp_path, behind) == expected


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize(("width", "depth"), [(100, 300), (32, 512), (32, 1024), (9, 2048)])
def test_words_at_power_up(width, depth, tmp_path):
    rng = generator()
    words = tuple(rng.getrandbits(width) for _ in range(depth - 3))
    dut = BlockMemory(width, depth, latency=2, vendor="ecp5", init=words)
    cases = [(0, 0, 0, 1, address) for address in [*range(depth), 0]]
    assert shown(dut, cases, tmp_path)[1:] == [*words, 0, 0, 0]


@pytest.mark.parametrize(("width", "depth", "bits"), [
    (1, 16384, 1), (2, 8192, 2), (4, 4096, 4), (9, 2048, 9), (18, 1024, 18), (36, 512, 36), (144, 2048, 9),
    (24, 512, 36), (16, 64, None), (64, 32, None),
    (1, 16385, 1),                                                       # two blocks behind each other
    (108, 1536, 36), (108, 2048, 9)])                                    # nine of 512 words instead of twelve
def test_width_of_blocks(width, depth, bits):
    assert block_width(width, depth) == bits


@pytest.mark.parametrize("arguments", [
    dict(width=36, depth=512), dict(width=36, depth=512, latency=1, vendor="ecp5"),
    dict(width=36, depth=512, latency=2, vendor="xilinx"),
    dict(width=36, depth=512, latency=2, distributed=True, vendor="ecp5"),
    dict(width=4, depth=16, latency=2, vendor="ecp5")])
def test_any_other_memory_is_inferred(arguments):
    assert "DP16KD" not in verilog.convert(BlockMemory(**arguments), emit_src=False)


def test_memory_of_vectors_passes_the_vendor_on():
    text = verilog.convert(LaneMemory(512, 2, 8, 4, 16, vendor="ecp5"), emit_src=False)
    assert text.count("DP16KD") == 2 * -(-4 * 16 // 18)
