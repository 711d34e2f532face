"""What all tests share: one thread, and random examples that are the same in every run."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch or numpy load

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("quick")


@pytest.fixture
def shared() -> Path:
    """The folder of recorded tables and images that tests marked `shared_data` read."""
    beside = Path(__file__).parent.parent.parent / "shared" / "data"
    return Path(os.environ.get("COMPOUND_NAS_DATA", beside))
