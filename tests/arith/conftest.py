"""What the tests of floating-point arithmetic share."""

import pytest

from hw.arith import BF16, FP16, FP32
from sim.runner import SimulatorMissing
from tests.arith.float_simulation import compiled


@pytest.fixture(scope="session")
def compiled_floats(tmp_path_factory):
    """Sums and products of the usual formats, compiled once."""
    try:
        return compiled([FP16, BF16, FP32], tmp_path_factory.mktemp("floats"))
    except SimulatorMissing as error:
        pytest.skip(str(error))
