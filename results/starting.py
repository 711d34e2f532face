"""A process that is started for work runs the user's script first: what that must not do.

Where the script's calls don't stand under `if __name__ == "__main__":`, each process would begin
the whole anew, and wait for a folder that the first one holds. It ends at once with a code of its
own, by which the first one knows what to say.
"""

import multiprocessing
import os
import re
import select
import sys
from collections.abc import Iterable

from search_spaces.errors import UserError

UNGUARDED = 78  # exit code of a process that was about to run the whole once more
QUIET = 1.0  # seconds without a byte after which all was read: the pipe isn't closed


class Unguarded(UserError):
    """The script that is run has calls that each process would make again: nothing was done."""


def check_once() -> None:
    """Ends a process that is being started and runs the script that started it."""
    if not getattr(multiprocessing.current_process(), "_inheriting", False):
        return
    given = re.search(r"pipe_handle=(\d+)", " ".join(sys.orig_argv))
    if given:  # who started it writes there, and would wait for ever if nobody read
        pipe = int(given[1])
        while select.select([pipe], [], [], QUIET)[0] and os.read(pipe, 1 << 20):
            pass
    sys.exit(UNGUARDED)


def unguarded(codes: Iterable[int | None]) -> Unguarded | None:
    """What to say where a process ended so, by the exit codes of those that were started."""
    if UNGUARDED not in codes:
        return None
    return Unguarded(
        "the script is run anew by each process that it starts: put its calls under "
        'if __name__ == "__main__": and run it again'
    )
