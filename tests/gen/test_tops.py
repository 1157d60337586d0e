"""Tops and presets: how parameters are resolved, and that what is emitted does not vary from run to run."""

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gen.errors import ThresherError
from gen.tops.registry import PRESETS, resolve, tops

ROOT = Path(__file__).parents[2]


def test_presets_are_legal_and_say_something():
    for name, top in tops().items():
        with open(PRESETS / f"{name}.toml", "rb") as file:
            assert set(top.presets()) == set(tomllib.load(file)) >= {"tiny", "ecp5", "paper"}
        for preset in top.presets():
            parameters = resolve(name, preset, None, [])
            description = top.describe(parameters)
            assert description["multipliers"] == parameters.multipliers > 0
            assert all(size >= 0 for size in description["memory_kbits"].values()) and any(
                description["memory_kbits"].values())


def test_least_limits():
    tiny, ecp5 = (resolve("sofa", preset, None, []) for preset in ("tiny", "ecp5"))
    assert tiny.max_keys >= 64 and tiny.max_head_dim >= 16
    assert ecp5.max_keys >= 1024 and ecp5.max_head_dim >= 64
    tiny, ecp5 = (resolve("butterfly", preset, None, []) for preset in ("tiny", "ecp5"))
    assert tiny.max_points >= 64 and ecp5.max_points >= 1024
    ecp5 = resolve("flaash", "ecp5", None, [])
    assert ecp5.entries >= 16_000


def test_later_sources_win(tmp_path):
    config = tmp_path / "mine.toml"
    config.write_text("max_keys = 256\nzclip = 3\n")
    parameters = resolve("sofa", "tiny", config, ["zclip=2", " ensure = 1 ", "clipping=false", "rows=0x4"])
    assert (parameters.max_keys, parameters.zclip, parameters.ensure) == (256, 2, 1)
    assert parameters.clipping is False
    assert parameters.rows == 4
    assert parameters.bus_width == tops()["sofa"].presets()["tiny"]["bus_width"]


@pytest.mark.parametrize("preset, sets, sentence", [
    ("huge", [], "sofa has no preset 'huge'; its presets are tiny, ecp5, paper"),
    ("tiny", ["zclip"], "--set takes KEY=VALUE, not 'zclip'"),
    ("tiny", ["lane=4"], "--set: sofa has no parameter 'lane'; it has bus_width, rows, "),
    ("tiny", ["zclip=many"], "zclip must be an integer, not 'many'"),
    ("tiny", ["clipping=maybe"], "clipping must be true or false, not 'maybe'"),
    ("tiny", ["zclip=9"], "sofa: zclip must be 1..5, not 9"),
    ("tiny", ["tile=12"], "sofa: tile must be one of 4, 8, 16, 32, 64, 128, not 12"),
    ("tiny", ["max_keys=100"], "sofa: max_keys must be a power of two, not 100"),
    ("tiny", ["lanes=2"], "sofa: lanes must be at least bus_width / element_width = 4, not 2"),
    ("tiny", ["vendor=acme"], "sofa: vendor must be one of generic, ecp5, xilinx, not 'acme'"),
])
def test_refused(preset, sets, sentence):
    with pytest.raises(ThresherError) as failure:
        resolve("sofa", preset, None, sets)
    assert str(failure.value).startswith(sentence)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("text, sentence", [
    ("lane = 4", "mine.toml: sofa has no parameter 'lane'; it has bus_width, "),
    ("lanes = ", "mine.toml is not TOML: "),
    ("zclip = 2.5", "sofa: zclip must be of type int, not 2.5"),
    ("clipping = 1", "sofa: clipping must be of type bool, not 1"),
])
def test_refused_configuration(tmp_path, text, sentence):
    config = tmp_path / "mine.toml"
    config.write_text(text)
    with pytest.raises(ThresherError) as failure:
        resolve("sofa", "tiny", config, [])
    assert sentence in str(failure.value)


def test_emission_is_the_same_in_every_process():
    code = ("from gen.emit import emit_verilog; from gen.tops.registry import resolve, tops; import sys; "
            "top = tops()['sofa']; "
            "sys.stdout.write(emit_verilog(top.build(resolve('sofa', 'tiny', None, [])), 'sofa')[0])")
    texts = [subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, check=True, capture_output=True,
                            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}).stdout
             for seed in ("1", "77")]
    assert len(texts[0]) > 100_000
    assert hashlib.sha256(texts[0]).digest() == hashlib.sha256(texts[1]).digest()
