"""A PostgreSQL server of our own, one for all tests of stores, where its programs are installed."""

from collections.abc import Iterator

import pytest
from databases import Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    yield from serving()
