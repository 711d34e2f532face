"""What all tests share: one thread, and random examples that are the same in every run."""

import contextlib
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch or numpy load
os.environ.setdefault("RAY_worker_niceness", "0")  # beside other tests, 15 is minutes of waiting

import numpy as np
import processes
import pytest
import vision  # noqa: F401
from filelock import FileLock
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that processes end together, with short ones."""
    items.sort(key=lambda item: item.path.name not in ("test_docs.py", "test_hour.py"))


def pytest_sessionfinish() -> None:
    processes.close()


DATA = Path(
    os.environ.get("COMPOUND_NAS_DATA", Path(__file__).parent.parent.parent / "shared" / "data")
)


@pytest.fixture
def shared() -> Path:
    """The folder of recorded tables and images that tests marked `shared_data` read."""
    return DATA


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of all processes of a session."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def cifar(common: Path) -> tuple[Path, Path]:
    """The folder of CIFAR-10's images, unpacked once a session, and a cache that tests share."""
    with FileLock(common / "cifar.lock"):
        if not (common / "cifar10").exists():
            shutil.unpack_archive(DATA / "cifar10_imagefolder.tar.gz", common / "unpacking")
            (common / "unpacking" / "cifar10").rename(common / "cifar10")
    return common / "cifar10", common / "cifar-cache"


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


@contextlib.contextmanager
def _full_disk(room: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """`with full_disk(room)`: no file of this process grows beyond `room` bytes."""
    return _full_disk
