"""What all tests share: one thread, and random examples that are the same in every run."""

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch or numpy load

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

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


@pytest.fixture(scope="session")
def coloured() -> Callable[[Path, int], None]:
    """Makes an image folder of three colours that a network tells apart in an epoch or two."""

    def make(folder: Path, train: int) -> None:
        rng = np.random.default_rng(0)
        for split, count in (("train", train), ("val", 12)):
            for k, name in enumerate(("red", "green", "blue")):
                place = folder / split / name
                place.mkdir(parents=True)
                for i in range(count):
                    pixels = rng.integers(0, 160, (20, 20, 3))
                    pixels[..., k] += 60
                    Image.fromarray(pixels.astype(np.uint8)).save(place / f"{i}.png")

    return make
