"""Bitstreams for boards: clocks, speeds, constraints, refusals, and the shipped head through the simulated line."""

import json
import sys
from fractions import Fraction

import numpy as np
import pytest
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from gen.board import BOARDS, build, find_board, pll_settings
from gen.board.build import CAPACITY, board_constraints, build_bitstream, check_fit, choose_baud, emit_board
from gen.cli import main
from gen.errors import ThresherError
from gen.lint import lint
from gen.tops.registry import resolve, tops
from hw.shell import Shell
from tests.shell.row_sum import RowSum

# What the Verilog of a board needs of the FPGA: only its ports matter to a linter.
PLL_PORTS = """
module EHXPLLL #(parameter FEEDBK_PATH = "", CLKOP_ENABLE = "", CLKOS_ENABLE = "", OUTDIVIDER_MUXA = "",
    OUTDIVIDER_MUXB = "", PLLRST_ENA = "", INTFB_WAKE = "", STDBY_ENABLE = "", DPHASE_SOURCE = "",
    CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0, CLKOS_DIV = 1, CLKOS_CPHASE = 0,
    CLKOS_FPHASE = 0) (input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    PLLWAKESYNC, ENCLKOP, ENCLKOS, output CLKOP, CLKOS, LOCK);
  assign CLKOP = CLKI, CLKOS = CLKI, LOCK = 1'b1;
endmodule
"""


@pytest.mark.parametrize("wanted, mhz", [
    (25, 25), (40, 40), (48, 48), (50, 50), (58, 58), (3.125, Fraction("3.125")), (400, 400),
    (33.3, None), (46.4, None), (399.9, None), (61.7, None)])
def test_pll(wanted, mhz):
    pll = pll_settings(25, wanted)
    exact = Fraction(25) / pll.input * pll.feedback * pll.loop
    assert exact == pll.vco_mhz and 400 <= pll.vco_mhz <= 800
    assert pll.mhz == exact / pll.output
    assert Fraction(25) / pll.input >= Fraction("3.125")
    assert 1 <= pll.feedback <= 80 and 1 <= pll.loop <= 128 and 1 <= pll.output <= 128
    if mhz is not None:
        assert pll.mhz == mhz
    assert wanted * 0.99 <= pll.mhz <= wanted


@pytest.mark.parametrize("wanted", [3.1, 401, 0, -5])
def test_clocks_out_of_range(wanted):
    with pytest.raises(ThresherError, match=rf"^The clock must be from 3\.125 to 400 MHz, not {wanted:g} MHz\.$"):
        pll_settings(25, wanted)


def test_baud():
    board = find_board("ulx3s-85f")
    assert choose_baud(board, 48) == (3_000_000, 16)
    # 40 MHz are 13.33 cycles of 3 Mbaud.
    assert choose_baud(board, 40) == (2_000_000, 20)
    assert choose_baud(board, 40, 115_200) == (115_200, 347)
    with pytest.raises(ThresherError, match=r"^A clock of 40 MHz does not divide to 3000000 baud within 1%"):
        choose_baud(board, 40, 3_000_000)
    with pytest.raises(ThresherError, match="does not divide to 0 baud"):
        choose_baud(board, 40, 0)


def test_constraints_are_those_of_the_boards():
    text = board_constraints(find_board("ulx3s-85f"))
    uart = ULX3S_85F_Platform().lookup("uart")
    sites = {line.name: line.ios[0].names[0] for line in uart.ios if hasattr(line, "name")}
    assert f'LOCATE COMP "uart_rx" SITE "{sites["rx"]}";' in text
    assert f'LOCATE COMP "uart_tx" SITE "{sites["tx"]}";' in text
    assert 'LOCATE COMP "clk" SITE "G2";\nIOBUF PORT "clk" IO_TYPE=LVCMOS33;' in text
    assert 'FREQUENCY PORT "clk" 25 MHZ;' in text
    assert 'LOCATE COMP "wifi_gpio0" SITE "L2";' in text
    text = board_constraints(find_board("colorlight-i9"))
    for port, site in {"clk": "P3", "uart_rx": "H18", "uart_tx": "J17", "led": "L2"}.items():
        assert f'LOCATE COMP "{port}" SITE "{site}";\nIOBUF PORT "{port}" IO_TYPE=LVCMOS33' in text


@pytest.mark.parametrize("name", BOARDS)
def test_the_top_of_a_board_is_clean(name, tmp_path):
    board = find_board(name)
    top, verilog, pll, baud = emit_board(Shell(RowSum(), "row_sum"), board, 48)
    path = tmp_path / f"{top}.v"
    path.write_text(verilog + PLL_PORTS)
    assert lint(path, top) == []
    # Every pad of the constraints is a port of the top.
    header = verilog[verilog.index(f"module {top}("):].split(";")[0]
    assert sorted(header.split("(")[1].rstrip(")").split(", ")) == sorted([*board.pins, *board.high])
    assert (pll.mhz, baud) == (48, board.bauds[0])


def test_designs_that_do_not_fit():
    board = find_board("colorlight-i9")
    check_fit(CAPACITY["45k"], board)
    with pytest.raises(ThresherError) as error:
        check_fit({"luts": 39419, "brams": 211, "dsps": 132}, board, tops()["sofa"].remedies)
    assert str(error.value) == (
        "The design does not fit the LFE5U-45F of colorlight-i9: it takes 211 of 108 block memories, 132 of 72 "
        "multipliers (and 39419 of 43848 look-up tables); lower max_keys, max_features or query_groups and lanes, rows "
        "or generator_rows with --set, or take the preset tiny.")


class Finished:
    returncode, stdout, stderr = 0, "", ""


@pytest.fixture
def tools(monkeypatch):
    """Tools that leave what they are told to, and the commands they were called with."""
    calls, files = [], {}

    def run_tool(folder, function, arguments):
        calls.append((function, arguments))
        for name, content in files.items():
            (folder / name).write_text(content)
        return Finished()

    # `gen.synth.pnr` is also the name of a function.
    for module in (build, sys.modules["gen.synth.pnr"]):
        monkeypatch.setattr(module, "run_tool", run_tool)
    monkeypatch.setattr(build, "netlist", lambda folder, path, top: {"LUT4": 1, "TRELLIS_FF": 2})
    files["report.json"] = json.dumps({"fmax": {"clk": {"achieved": 44.4, "constraint": 40.0}}, "utilization": {}})
    files["design.bit"], files["design.svf"] = "bits", "svf"
    return calls, files


def bitstream(folder, clock_mhz=40, **options):
    parameters, board = resolve("sofa", "tiny", None, []), find_board("ulx3s-85f")
    return build_bitstream(Shell(RowSum(), "row_sum"), parameters, board, clock_mhz, folder, **options)


def test_files_of_a_bitstream(tools, tmp_path):
    report = bitstream(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == report["files"]
    assert (tmp_path / "row_sum_ulx3s_85f.bit").read_bytes() == b"bits"
    assert (report["clock_mhz"], report["fmax_mhz"], report["baud"]) == (40.0, 44.4, 2_000_000)
    text = (tmp_path / "row_sum_ulx3s_85f.txt").read_text()
    assert "openFPGALoader -b ulx3s row_sum_ulx3s_85f.bit" in text and "--baud 2000000" in text
    # The configuration gives the parameters back.
    assert resolve("sofa", "paper", tmp_path / "row_sum_ulx3s_85f.toml", []) == resolve("sofa", "tiny", None, [])
    (function, arguments), = [call for call in tools[0] if "nextpnr" in call[0]]
    assert arguments[arguments.index("--package") + 1] == "CABGA381" and "--85k" in arguments
    assert "--out-of-context" not in arguments and "--lpf" in arguments


@pytest.mark.parametrize("change, sentence", [
    ({"report.json": json.dumps({"fmax": {"clk": {"achieved": 36.5, "constraint": 40.0}}, "utilization": {}})},
     r"^The timing is not met at 40 MHz: nextpnr reaches 36\.50 MHz with the best of 2 seeds; choose --clock-mhz 35 or "
     r"less, or more --seeds\.$"),
    ({"report.json": None}, r"^nextpnr failed with seed 1: exit code 0 and no message\.$"),
    ({"design.bit": None}, r"^ecppack failed: exit code 0\.$"),
    ({"design.bit": ""}, r"^ecppack failed: exit code 0\.$"),
])
def test_failures_leave_nothing(tools, tmp_path, change, sentence):
    files = tools[1]
    for name, content in change.items():
        del files[name]
        if content is not None:
            files[name] = content
    with pytest.raises(ThresherError, match=sentence):
        bitstream(tmp_path / "out", seeds=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments, sentence", [
    (["pnr", "sofa", "--board", "ulx4s", "-o", "x"], "Board must be one of ulx3s-85f, colorlight-i9, not 'ulx4s'."),
    (["pnr", "sofa", "--board", "ulx3s-85f"], "--board needs a folder for the bitstream; name it with --output"),
    (["pnr", "sofa", "-o", "x"], "--output, --clock-mhz and --baud are for a bitstream; name a --board"),
    (["pnr", "sofa", "--board", "ulx3s-85f", "-o", "x", "--clock-mhz", "900"],
     "The clock must be from 3.125 to 400 MHz, not 900 MHz."),
    (["run", "sofa", "--port", "/dev/there-is-none"], "Cannot open the port /dev/there-is-none: "),
    (["run", "sofa", "--port", "x", "--baud", "0"], "--baud must be at least 1, not 0"),
])
def test_wrong_requests(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_head_through_the_serial_line(tmp_path):
    """By the generated driver and the transport of a board, on a simulated board."""
    report, output = tmp_path / "report.json", tmp_path / "out.npz"
    assert main(["run", "sofa", "--port", "simulated", "--set", "generator_rows=0", "--report", str(report),
                 "--output", str(output)]) == 0
    result = json.loads(report.read_text())
    assert result["bit_exact"] is True and result["mismatch_count"] == 0
    assert result["counters"]["input_words"] == result["counters"]["words_keys"] * 3 + 4
    with np.load(output) as arrays:
        assert arrays["o"].shape == (64, 16)
        assert (arrays["selected"].sum(axis=1) == 16).all()
