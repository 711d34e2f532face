"""The pick counted again by another program, in a process that is ready when the search ends.

To import torch takes longer than to write the tables, and as long as a short search of networks
that a model predicts. So that process begins with the search, and waits for the network.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from search_spaces.architecture import Architecture, to_json
from search_spaces.cost import cost

_PROGRAM = """
import sys
from search_spaces.architecture import from_json
from search_spaces.builder import fvcore_macs
import fvcore.nn
line = sys.stdin.readline()
print(fvcore_macs(from_json(line)) if line.strip() else "")
"""


class Recount:
    """Counts a network's multiply-adds with fvcore, in another process where there is one."""

    def __init__(self, process: "subprocess.Popen[str] | None" = None) -> None:
        self._process = process

    def begin(self, architecture: Architecture) -> None:
        """Hands the network over; `counted` has the answer."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # it died: then this process counts
            self._process.stdin.write(to_json(architecture) + "\n")
            self._process.stdin.close()

    def counted(self, architecture: Architecture) -> int:
        """The count of the network that was handed over.

        Raises:
            AssertionError: It is not ours.
        """
        told = "" if self._process is None or self._process.stdout is None else (
            self._process.stdout.read()
        )  # fmt: skip
        try:
            macs = int(told)
        except ValueError:
            from search_spaces.builder import fvcore_macs

            macs = fvcore_macs(architecture)
        if macs != cost(architecture).macs:
            raise AssertionError(
                f"fvcore counts {macs} MACs in the pick, the cost model {cost(architecture).macs}"
            )
        return macs


@contextlib.contextmanager
def recounting(beside: bool) -> Iterator[Recount]:
    """Makes ready to count a network.

    Args:
        beside: In a process of its own that begins now; else here, when it is asked for.
    """
    process = _started() if beside and "torch" not in sys.modules else None
    try:
        yield Recount(process)
    finally:
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()


def _started() -> "subprocess.Popen[str] | None":
    """The process; None where none can be started."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment,
            start_new_session=True,  # Ctrl-C is for the search
        )  # fmt: skip
    return None
