"""The block RAMs of an ECP5 next to the memory that they stand for, in Icarus with a model of DP16KD."""

import re
import shutil
import subprocess

import pytest
from amaranth.back import verilog

from hw.stream.block_memory import BlockMemory
from hw.stream.ecp5_memory import block_width
from hw.stream.lane_memory import LaneMemory
from tests.streams import generator

WIDTHS = {36: 512, 18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}


def names(stem, count):
    return [f"{stem}{bit}" for bit in range(count)]


def vector(stem, count):
    return "{" + ", ".join(reversed(names(stem, count))) + "}"


INPUTS = [*(f"{pin}{port}" for pin in ("CLK", "CE", "OCE", "WE", "RST") for port in "AB"),
          *(name for port in "AB" for stem, count in (("CS", 3), ("AD", 14), ("DI", 18))
            for name in names(stem + port, count))]
OUTPUTS = names("DOA", 18) + names("DOB", 18)

# Port A is written and port B read, both of the same width; 18,432 bits, of which those beyond 16,384 are the parities:
# one for 8 bits of data, in words of 9 bits and more only.
DP16KD = f"""
module DP16KD(input {", ".join(INPUTS)}, output {", ".join(OUTPUTS)});
  parameter DATA_WIDTH_A = 18; parameter DATA_WIDTH_B = 18; parameter REGMODE_A = "NOREG";
  parameter REGMODE_B = "NOREG"; parameter RESETMODE = "SYNC"; parameter GSR = "ENABLED";
  localparam SHIFT = DATA_WIDTH_A == 36 ? 5 : DATA_WIDTH_A == 18 ? 4 : DATA_WIDTH_A == 9 ? 3 : DATA_WIDTH_A == 4 ? 2
    : DATA_WIDTH_A == 2 ? 1 : 0;
  localparam BYTES = DATA_WIDTH_A > 9 ? DATA_WIDTH_A / 9 : 0;
  reg [DATA_WIDTH_A - 1:0] words [0:(16384 >> SHIFT) - 1];
  wire [13:0] a = {vector("ADA", 14)}, b = {vector("ADB", 14)};
  wire [35:0] data = {{{vector("DIB", 18)}, {vector("DIA", 18)}}};
  reg [35:0] latched = 0, shown = 0;
  integer place;
  initial begin
    for (place = 0; place < 16384 >> SHIFT; place = place + 1) words[place] = 0;
    if (DATA_WIDTH_A != DATA_WIDTH_B || REGMODE_A != "OUTREG" || REGMODE_B != "OUTREG" || GSR != "DISABLED") $finish;
  end
  always @(posedge CLKA)
    if (CEA && WEA && !RSTA && !{{CSA2, CSA1, CSA0}})
      for (place = 0; place < DATA_WIDTH_A; place = place + 1)
        if (!BYTES || a[place / 9]) words[a >> SHIFT][place] <= data[place];
  always @(posedge CLKB) begin
    if (CEB && !WEB && !{{CSB2, CSB1, CSB0}}) latched <= words[b >> SHIFT];
    if (RSTB) shown <= 0;
    else if (OCEB && (OCEA || DATA_WIDTH_B != 36)) shown <= latched;
  end
  assign {{{vector("DOB", 18)}, {vector("DOA", 18)}}} = DATA_WIDTH_B == 36 ? shown : {{shown[17:0], 18'bx}};
endmodule
"""


def shown(dut, cases, tmp_path):
    """What a memory shows after each cycle of (write enable, address, data, read enable, address)."""
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
    assert "DP16KD" in text and "always @" not in text                   # no register in the fabric
    if re.search(r"\brst;", text):
        bench = bench.replace(".clk(clk),", ".clk(clk), .rst(1'b0),")
    (tmp_path / "bench.v").write_text(text + DP16KD + bench)
    subprocess.run(["iverilog", "-g2005", "-o", tmp_path / "bench.vvp", tmp_path / "bench.v"], check=True)
    output = subprocess.run(["vvp", "-n", tmp_path / "bench.vvp"], check=True, capture_output=True, text=True).stdout
    return [int(line, 2) for line in output.split()]


@pytest.mark.skipif(not shutil.which("iverilog"), reason="needs Icarus Verilog")
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("width", "depth"), [(100, 300), (36, 512), (20, 1000), (45, 2048), (5, 4096), (3, 5000),
                                              (1, 16384)])
def test_shows_what_the_memory_shows(width, depth, gated, tmp_path):
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
    assert shown(dut, cases, tmp_path) == expected


@pytest.mark.parametrize(("width", "depth", "bits"), [
    (1, 16384, 1), (2, 8192, 2), (4, 4096, 4), (9, 2048, 9), (18, 1024, 18), (36, 512, 36), (144, 2048, 9),
    (24, 512, 36), (16, 64, None), (64, 32, None),
    (1, 16385, None),                                                    # two blocks behind each other
    (108, 1536, None), (108, 2048, 9)])                                  # nine of 512 words instead of twelve
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
