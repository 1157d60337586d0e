"""Settings that every test shares."""

import os

import pytest
from hypothesis import settings

# A system Yosys may be too old for Amaranth; this has to be set before Amaranth looks for one.
os.environ["AMARANTH_USE_YOSYS"] = "builtin"

# A simulation's time says nothing about its correctness, so no deadline. Examples differ from run to run unless a seed
# is set; the blob that a failure prints repeats it exactly (`@reproduce_failure`).
settings.register_profile("thresher", deadline=None, derandomize="THRESHER_SEED" in os.environ, print_blob=True)
settings.load_profile("thresher")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache that is not kept, for tests whose designs no other test has."""
    monkeypatch.setenv("THRESHER_CACHE", str(tmp_path / "cache"))
