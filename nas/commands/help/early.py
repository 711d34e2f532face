"""What has to be set before anything else is imported: Ctrl-C, and numpy's threads.

Ctrl-C while the command itself is still being imported ends the process in one line. And numpy's
products are small here, so that threads of OpenBLAS would only wait for one another: on a busy
machine a search of 100,000 networks takes two to three times the processor with them. A program
that imports commands keeps its own signals and threads, and a variable that is set already stays.
"""

import os
import signal
import sys
from types import FrameType

CODE = 130  # as `results.interrupts.CODE`
_NAMES = ("nas", "gridsearch")


def _name() -> str:
    """Of the command that this process is; empty where it is another program's."""
    path = sys.argv[0] if sys.argv else ""
    folder, file = os.path.split(path.removesuffix(".exe"))
    name = os.path.basename(folder) if file == "__main__.py" else file  # `python -m nas`
    return name if name in _NAMES and "__mp_main__" not in sys.modules else ""


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, f"{_name()}: interrupted\n".encode())
    os._exit(CODE)


def imported() -> None:
    """All is imported: Ctrl-C is Python's own again, until the command takes it."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


if _name():
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
if _name() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)
