import pytest

from gen.claims.sofa.paper_tables import TABLE_II, effective_gops, ratios


def test_a_row_of_the_table_by_hand():
    core, device, area, latency = TABLE_II["SpAtten"].derived()
    power = 0.325 * (28 / 40) / 1.21
    assert core == pytest.approx(360 / power)
    assert device == pytest.approx(360 / (power + 0.617))
    assert area == pytest.approx(360 / (1.55 * (28 / 40) ** 2))
    assert latency == pytest.approx(1000 * 137 / 360)
    assert TABLE_II["FACT"].derived()[1] is None


def test_gains_are_over_the_rows_that_have_a_figure():
    assert len(ratios(1)) == 4 and len(ratios(3)) == 8
    assert max(ratios(3)) == 652 / 45


def test_effective_throughput_grows_as_work_is_saved():
    assert effective_gops(0.5) == pytest.approx(2 * effective_gops(1)) == pytest.approx(4 * 1024 * 0.852)
