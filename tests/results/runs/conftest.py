"""Servers of our own, one of a kind for all tests of stores, where their programs are installed."""

from collections.abc import Iterator

import databases
import pytest


@pytest.fixture(scope="session")
def postgresql() -> Iterator[databases.Server]:
    yield from databases.postgresql()


@pytest.fixture(scope="session")
def mysql() -> Iterator[databases.Server]:
    yield from databases.mysql()
