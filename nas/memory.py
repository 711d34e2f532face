"""The memory of networks that run: what is asked of the C library, and what is said without any."""

import contextlib
import ctypes
import re
import sys
from collections.abc import Iterator

from search_spaces.errors import RunFailure, UserError

# What runtimes say where memory does not suffice, or none ever would.
NO_MEMORY = re.compile(r"out of memory|allocat|bad_alloc|storage size calculation", re.IGNORECASE)
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


@contextlib.contextmanager
def enough_for(batch: int) -> Iterator[None]:
    """Networks are run inside, on batches of so many images.

    Raises:
        UserError: Memory does not suffice.
    """
    try:
        yield
    except (UserError, RunFailure):
        raise
    except Exception as error:  # each runtime has errors of its own
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(str(error)):
            raise
        raise UserError(
            f"there is too little memory for batches of {batch:,} images: give a smaller --batch, "
            "or a smaller network"
        ) from None
