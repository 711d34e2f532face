"""What a process asks of the C library's allocator while networks run in it."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> None:
    """Has glibc keep what is freed, for the rest of this process; elsewhere it does nothing.

    By default it gives large blocks back to the system and takes them anew, and every layer of
    every step or run pays for fresh zeroed pages: a fifth of the training time on a CPU (see
    docs/training.md), and some networks run up to 1.5 times slower than others of the same blocks.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(MMAP_MAX, 0)
