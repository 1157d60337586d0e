import numpy as np
import pytest

from hw.arith import WideMultiply
from tests.arith.pipelines import pipeline


@pytest.mark.parametrize("vendor", ["generic", "xilinx"])
@pytest.mark.parametrize("width", [2, 3, 19, 24, 31, 36])
def test_multiplies(width, vendor):
    rng = np.random.default_rng(1)
    edges = [0, 1, (1 << width) - 1, 1 << (width - 1), (1 << (width + 1) // 2) - 1]
    rows = [(a, b) for a in edges for b in edges] + rng.integers(0, 1 << width, (60, 2)).tolist()
    dut = WideMultiply(width, vendor)
    assert pipeline(dut, [dut.a, dut.b], [dut.p], rows, dut.latency) == [(a * b,) for a, b in rows]


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^width must be in 2\.\.36, not 37$"):
        WideMultiply(37)
    with pytest.raises(TypeError, match=r"^width must be an integer, not '24'$"):
        WideMultiply("24")
    with pytest.raises(ValueError, match=r"^vendor must be one of generic, ecp5, xilinx, not 'altera'$"):
        WideMultiply(24, "altera")
