"""Ray Tune at work: the process that `nas/workers/cluster.py` starts, and Tune's trials in it.

A Searcher hands Tune the jobs that come in and passes finished ones back. Jobs and outcomes are
pickles that only the driver and the workers open. The store and the search stay with the driver:
what Tune keeps of a run is thrown away.
"""

import contextlib
import logging
import os
import pickle
import queue
import shutil
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

# Ray reads these when it is imported.
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "60")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # without GPUs a task sees none

import ray
from ray import tune
from ray.tune.search import Searcher

from nas.evaluators import Evaluator, evaluate
from nas.jobs import TRIES, Job
from nas.workers.cluster import AGAIN, ENDED, READY, REFUSED, STOPPED, Wanted
from search_spaces.errors import UserError

POLL = 0.02  # seconds between a Searcher's looks for a job
LEAVING = 5.0  # seconds that Ray has to leave a cluster
LOOK, TELLING = 5.0, 20.0  # seconds between looks at Ray, and that it has to tell of a death itself
VITAL = ("raylet", "gcs_server")  # of its processes, those without which nothing goes on
Jobs = queue.Queue[tuple[int, bytes] | None]  # number and pickle


def _connect(wanted: Wanted) -> dict[str, float]:
    """What the cluster, or one started here, holds. Raises UserError."""
    address, gpus = wanted.address, wanted.gpus
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:  # "local": never one that happens to run here
        options |= {"num_cpus": wanted.workers, "include_dashboard": False}
        options |= {"_temp_dir": wanted.folder}
    try:
        _knock(address)
        ray.init(address=address or "local", **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"no Ray cluster answers at {address!r} ({error}): start one with `ray start "
            "--head`, or leave --address out"
        ) from None
    held = ray.cluster_resources()
    if gpus > held.get("GPU", 0):
        raise UserError(
            f"--gpus-per-trial is {gpus:g}, but the cluster has {held.get('GPU', 0):g} GPUs: ask "
            "for that or less"
        )
    return held  # type: ignore[no-any-return]


def _knock(address: str | None) -> None:
    """Raises OSError where nothing listens at HOST:PORT: Ray itself tries for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _width(wanted: Wanted, held: dict[str, float]) -> int:
    """Jobs at once: as many as asked for and as fit."""
    room = int(held.get("CPU", 1))
    if wanted.gpus:
        room = min(room, int(held["GPU"] / wanted.gpus + 1e-9))
    return min(wanted.workers or room, room)


def main(number: int) -> None:
    """Works for the driver at the other end of a connection, until it closes that or dies.

    Args:
        number: Of the connection's file.
    """
    line = Connection(number)
    wanted: Wanted = line.recv()
    jobs: Jobs = queue.Queue()
    threading.Thread(target=_read, args=(line, jobs, wanted.folder), daemon=True).start()
    try:
        width = _width(wanted, _connect(wanted))
        threading.Thread(target=_watch, daemon=True).start()
        line.send((READY, width, None))
        _fit(jobs, line, ray.put(wanted.evaluator), wanted.gpus, width, wanted.folder)
    except UserError as error:
        line.send((REFUSED, str(error), None))
    except BaseException as error:  # the driver is waiting: hand it on
        line.send((STOPPED, f"{type(error).__name__}: {error}", None))
    threading.Event().wait()  # until _read ends this process


def _read(line: Connection, jobs: Jobs, folder: str) -> None:
    """Takes jobs in; when the driver has gone, ends everything that was started here."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            jobs.put(line.recv())
    leave = threading.Thread(target=ray.shutdown, daemon=True)
    leave.start()
    leave.join(LEAVING)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def _watch() -> None:
    """Ends this process where Ray here died and waits for itself: the driver starts it again."""
    while not _dead():
        time.sleep(LOOK)
    time.sleep(TELLING)
    os._exit(1)


def _dead() -> bool:
    """Whether one of the vital processes that were started here died; False where none was."""
    node: Any = getattr(ray._private.worker, "_global_node", None)
    died = node.dead_processes() if hasattr(node, "dead_processes") else []
    return any(kind in VITAL for kind, _ in died)


class _Searcher(Searcher):  # type: ignore[misc]
    """Gives the submitted jobs; a trial that ends in an error is its job's failure."""

    def __init__(self, jobs: Jobs, line: Connection) -> None:
        super().__init__(metric="seconds", mode="min")
        self._jobs, self._line = jobs, line
        self.running: dict[str, int] = {}  # Tune's name of a trial -> number of its job

    def __reduce__(self) -> Any:  # Tune pickles it for a restore that is never asked for
        return Searcher, ()

    def suggest(self, trial_id: str) -> Any:
        try:
            job = self._jobs.get(timeout=POLL)
        except queue.Empty:
            return None  # Tune asks again
        if job is None:
            return Searcher.FINISHED
        self.running[trial_id], pickled = job
        return {"job": pickled}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        number = self.running.pop(trial_id, None)
        if number is not None:  # without an outcome its worker died too often
            outcome = None if error or not result else result.get("outcome")
            self._line.send((ENDED, number, outcome))

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class _Says(tune.Callback):  # type: ignore[misc]
    """Tells the driver of jobs that are tried again."""

    def __init__(self, searcher: _Searcher, line: Connection) -> None:
        self._searcher, self._line = searcher, line

    def __reduce__(self) -> Any:
        return tune.Callback, ()

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **more: Any) -> None:
        number = self._searcher.running.get(trial.trial_id)
        if number is not None:
            self._line.send((AGAIN, number, None))


class OneJob(tune.Trainable):  # type: ignore[misc]
    """One job on a worker, in one step.

    A class, since Tune runs a function in a thread of its own, where glibc gives freed memory back
    at once: trainings took twice as long there.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Reads the evaluator and the first job."""
        sys.path.extend(place for place in config["path"] if place not in sys.path)
        self._job: Job = pickle.loads(config["job"])
        evaluator = ray.get(config["evaluator"][0])
        self._evaluator: Evaluator = pickle.loads(evaluator)  # of a user's module, perhaps

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Reads another job, for the same evaluator."""
        self._job = pickle.loads(new_config["job"])
        return True

    def step(self) -> dict[str, Any]:
        """Evaluates the job."""
        job = self._job
        outcome = evaluate(self._evaluator, job.architecture, job.budget, job.seed)
        return {"outcome": pickle.dumps(outcome), "seconds": outcome.seconds, "done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the evaluator keeps its own."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: a job that is tried again begins with what its evaluator kept."""


def _fit(
    jobs: Jobs, line: Connection, reference: Any, gpus: float, width: int, folder: str
) -> None:
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a dead worker is told in a line
    searcher = _Searcher(jobs, line)
    resources = {"cpu": 1, "gpu": gpus} if gpus else {"cpu": 1}
    tune.Tuner(
        tune.with_resources(OneJob, resources),
        param_space={"evaluator": [reference], "path": list(sys.path)},
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            max_concurrent_trials=width,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=folder,
            name="trials",
            verbose=0,
            callbacks=[_Says(searcher, line)],
            failure_config=tune.FailureConfig(max_failures=TRIES - 1),
        ),
    ).fit()
