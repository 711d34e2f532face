"""Waiting for another process, without a guess at its speed."""

import time


def wait_for(what, seconds=20.0):
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.01)
