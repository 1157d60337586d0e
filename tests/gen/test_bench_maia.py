"""The section `maia` of the benchmark on a small transform."""

import pytest

from gen.bench import maia
from gen.errors import ThresherError


def test_both_designs_of_16_points():
    pytest.importorskip("maia_hdl", reason="maia-hdl is not installed")
    rows, reports = maia.compare(4, lambda message: None, targets=(("ecp5", None),), lanes=(1,), vectors=8,
                                 simulator="icarus")
    theirs, ours = rows
    assert theirs["cycles_per_transform"] == 16 and theirs["dsps"] == 3 and theirs["luts"] > 100
    # A unit makes 8 butterflies of each of 4 stages, and works without a pause.
    assert 32 <= ours["cycles_per_transform"] < 34 and ours["dsps"] == 4
    assert ours["samples_per_kilocycle_and_dsp"] == pytest.approx(
        1000 * 16 / ours["cycles_per_transform"] / ours["dsps"])
    assert len(reports) == 2


def test_errors_are_those_of_16_bits():
    pytest.importorskip("maia_hdl", reason="maia-hdl is not installed")
    theirs, ours = maia.relative_errors(6)
    assert 1e-5 < ours < 3e-3 and 1e-5 < theirs < 3e-3


def test_without_maia(monkeypatch):
    monkeypatch.setattr(maia.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ThresherError, match="maia-hdl is not installed"):
        maia.maia_verilog(4)
