import pytest

from gen.emit import emit_cached
from gen.errors import ThresherError
from gen.lint import lint
from gen.tops.registry import resolve, tops


def write(path, body):
    path.write_text(f"module t(input clk, input [3:0] a, output reg [3:0] b);\n{body}\nendmodule\n")
    return path


def test_clean_and_faulty_verilog(tmp_path):
    assert lint(write(tmp_path / "t.v", "  always @(posedge clk) b <= a;"), "t") == []
    latch = lint(write(tmp_path / "t.v", "  always @* if (a[0]) b = a;"), "t")
    assert sum("%Warning-LATCH" in finding for finding in latch) == 1
    broken = lint(write(tmp_path / "t.v", "  nonsense"), "t")
    assert any(finding.startswith("%Error") for finding in broken)


@pytest.mark.parametrize("preset", ["tiny", "ecp5"])
@pytest.mark.parametrize("name", tops())
def test_an_emitted_top_is_clean(name, preset):
    assert lint(emit_cached(tops()[name], resolve(name, preset, None, [])).verilog, name) == []


def test_missing_file(tmp_path):
    with pytest.raises(ThresherError, match=r"^The Verilog file .*t\.v does not exist$"):
        lint(tmp_path / "t.v", "t")
