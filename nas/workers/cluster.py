"""Ray Tune as an executor: this machine's logical CPUs and GPUs, or a cluster's.

Ray works in a process of its own (`nas/workers/tune.py`), since where one of Ray's processes dies,
Ray ends the process that uses it, without asking; and what it prints of that helps nobody. That
process and all that it starts are one group: it ends, with Ray's files, when the driver closes it
or dies.
"""

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from nas.evaluators import Evaluator, Outcome
from nas.jobs import TRIES, Job, died, say_again
from nas.watch import Running
from search_spaces.errors import RunFailure, UserError

READY, REFUSED, ENDED, AGAIN, STOPPED = "ready", "refused", "ended", "again", "stopped"
LONGEST = 40  # characters of the folder in which Ray makes its sockets, whose paths have a limit
CLOSING = 15.0  # seconds that Ray's process has to end


@dataclass(frozen=True)
class Wanted:
    """What Ray's process is told at its start.

    Attributes:
        evaluator: Its pickle.
        workers: Jobs at once, None for as many as fit.
        gpus: Of each trial.
        address: Of a cluster; None starts Ray there.
        folder: For all of its files; that process removes it.
    """

    evaluator: bytes
    workers: int | None
    gpus: float
    address: str | None
    folder: str


class RayExecutor:
    """Jobs as Tune trials with reused actors.

    Args:
        evaluator: It must pickle.
        workers: Jobs at once; None is as many as the cluster's CPUs (or GPUs) hold.
        gpus_per_trial: May be a fraction; each trial also takes one CPU.
        address: Of a cluster, as `auto` or `ray://HOST:PORT`; None takes the one that this process
            has begun, or starts Ray on this machine.

    Raises:
        UserError: No cluster answers, or it has too few GPUs.
        RunFailure: Ray can't be started.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        workers: int | None = None,
        gpus_per_trial: float = 0.0,
        address: str | None = None,
    ) -> None:
        import ray
        from ray import cloudpickle  # what stands in a notebook or a script goes along

        if address is None and ray.is_initialized():  # whoever calls us has started one
            address = ray.get_runtime_context().gcs_address
        self._given = (cloudpickle.dumps(evaluator), workers, gpus_per_trial, address)
        self._open: dict[int, Job] = {}
        self._begun: dict[int, float] = {}
        self._deaths = 0
        self.width = self._start()

    def _start(self) -> int:
        """Starts Ray's process; gives how many jobs it takes at once."""
        self._folder = tempfile.mkdtemp(prefix="compound-nas-ray-", dir=_short())
        ours, theirs = socket.socketpair()
        program = "import sys; from nas.workers.tune import main; main(int(sys.argv[1]))"
        said = None if os.environ.get("COMPOUND_NAS_DEBUG") else subprocess.DEVNULL
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", program, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C is the driver's
            )
        self._line = Connection(ours.detach())
        try:
            self._line.send(Wanted(*self._given, self._folder))
            kind, width, _ = self._line.recv()
        except BaseException as error:
            self.close()
            if isinstance(error, EOFError | OSError):
                raise RunFailure("Ray did not start: COMPOUND_NAS_DEBUG=1 shows why") from None
            raise
        if kind != READY:
            self.close()
            raise UserError(width) if kind == REFUSED else RunFailure(f"Ray did not start: {width}")
        return int(width)

    def submit(self, job: Job) -> None:
        """Hands a job to Tune."""
        self._open[job.number] = job
        self._begun[job.number] = time.monotonic()
        with contextlib.suppress(OSError):  # it died: `next` finds out, and hands on what is open
            self._line.send((job.number, pickle.dumps(job)))

    def next(self) -> tuple[Job, Outcome]:
        """Waits for a job to finish.

        Raises:
            RunFailure: Tune stopped, or Ray died too often.
        """
        while True:
            try:
                kind, number, outcome = self._line.recv()
            except (EOFError, OSError):
                self._start_again()
                continue
            if kind == STOPPED:
                raise RunFailure(f"Ray Tune stopped: {number}")
            if kind == AGAIN:
                say_again(self._open[number])
                continue
            job = self._open.pop(number)
            del self._begun[number]
            return job, died("worker or node") if outcome is None else pickle.loads(outcome)

    def _start_again(self) -> None:
        """Another process of Ray's for the jobs that are open."""
        self.close()
        self._deaths += 1
        if self._deaths == TRIES:
            raise RunFailure(
                f"Ray's own processes died {TRIES} times (memory?): what was stored is kept, and "
                "the same command goes on from there; --executor pool needs no Ray"
            )
        print("note: one of Ray's own processes died: Ray is started again", file=sys.stderr)
        try:
            self.width = min(self.width, self._start())
        except UserError as error:
            raise RunFailure(str(error)) from None
        for job in list(self._open.values()):
            self.submit(job)

    def running(self) -> Sequence[Running]:
        """The open jobs; how far they are, their workers tell nobody."""
        return [Running(number, begun) for number, begun in list(self._begun.items())]

    def close(self) -> None:
        """Ends Ray's process, and with it what Ray started; leaves a cluster."""
        self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSING)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it left, where it was killed
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _short() -> str | None:
    """Where temporary files are, unless Ray's sockets would have too long a path there."""
    usual = tempfile.gettempdir()
    return None if len(usual) + len("/compound-nas-ray-12345678") <= LONGEST else "/tmp"
