"""What all tests share: one thread, and random examples that are the same in every run."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch or numpy load

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("quick")
