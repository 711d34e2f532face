"""Ray Tune as an executor: this machine's logical CPUs and GPUs, or a cluster's.

Tune runs in a thread; a Searcher hands it the submitted jobs and passes finished ones back. The
store and the search stay with the driver: what Tune keeps of a run is thrown away.
"""

import contextlib
import logging
import os
import pickle
import queue
import shutil
import socket
import sys
import tempfile
import threading
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

from nas.evaluators import Evaluator, Outcome, evaluate
from nas.jobs import Job
from search_spaces.errors import RunFailure, UserError

TRIES = 3  # of a job whose worker or node died
POLL = 0.02  # seconds between a Searcher's looks for a job
Jobs = queue.Queue[Job | None]
Done = queue.Queue[tuple[Job, Outcome] | BaseException]


def _connect(address: str | None, workers: int | None, gpus: float) -> dict[str, float]:
    """What the cluster at `address`, or one started here, holds. Raises UserError."""
    if not ray.is_initialized():
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
        if address is None:  # "local": never one that happens to run here
            options |= {"num_cpus": workers, "include_dashboard": False}
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
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


class RayExecutor:
    """Jobs as Tune trials with reused actors.

    Args:
        evaluator: It must pickle.
        workers: Jobs at once; None is as many as the cluster's CPUs (or GPUs) hold.
        gpus_per_trial: May be a fraction; each trial also takes one CPU.
        address: Of a cluster, as `auto` or `ray://HOST:PORT`; None starts Ray on this machine.

    Raises:
        UserError: No cluster answers, or it has too few GPUs.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        workers: int | None = None,
        gpus_per_trial: float = 0.0,
        address: str | None = None,
    ) -> None:
        held = _connect(address, workers, gpus_per_trial)
        room = int(held.get("CPU", 1))
        if gpus_per_trial:
            room = min(room, int(held["GPU"] / gpus_per_trial + 1e-9))
        self.width = min(workers or room, room)
        self._jobs: Jobs = queue.Queue()
        self._done: Done = queue.Queue()
        self._folder = tempfile.mkdtemp(prefix="compound-nas-ray-")
        reference = ray.put(evaluator)
        arguments = (reference, gpus_per_trial)
        self._thread = threading.Thread(target=self._tune, args=arguments, daemon=True)
        self._thread.start()

    def _tune(self, reference: Any, gpus: float) -> None:
        try:
            _fit(self._jobs, self._done, reference, gpus, self.width, self._folder)
        except BaseException as error:  # the driver is waiting: hand it on
            self._done.put(error)

    def submit(self, job: Job) -> None:
        """Hands a job to Tune."""
        self._jobs.put(job)

    def next(self) -> tuple[Job, Outcome]:
        """Waits for a job to finish.

        Raises:
            RunFailure: Tune stopped.
        """
        done = self._done.get()
        if isinstance(done, BaseException):
            raise RunFailure(f"Ray Tune stopped: {done}") from done
        return done

    def close(self) -> None:
        """Ends Tune and leaves the cluster."""
        self._jobs.put(None)
        self._thread.join(timeout=5)
        with contextlib.suppress(Exception):
            ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Searcher(Searcher):  # type: ignore[misc]
    """Gives the submitted jobs; a trial that ends in an error is its job's failure."""

    def __init__(self, jobs: Jobs, done: Done) -> None:
        super().__init__(metric="seconds", mode="min")
        self._jobs, self._done = jobs, done
        self._running: dict[str, Job] = {}

    def __reduce__(self) -> Any:  # Tune pickles it for a restore that is never asked for
        return Searcher, ()

    def suggest(self, trial_id: str) -> Any:
        try:
            job = self._jobs.get(timeout=POLL)
        except queue.Empty:
            return None  # Tune asks again
        if job is None:
            return Searcher.FINISHED
        self._running[trial_id] = job
        return {"job": pickle.dumps(job)}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        job = self._running.pop(trial_id, None)
        if job is None:
            return
        if error or not result or "outcome" not in result:
            text = f"its worker or node died {TRIES} times (memory?)"
            self._done.put((job, Outcome(None, text, 0.0)))
        else:
            self._done.put((job, pickle.loads(result["outcome"])))

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class OneJob(tune.Trainable):  # type: ignore[misc]
    """One job on a worker, in one step.

    A class, since Tune runs a function in a thread of its own, where glibc gives freed memory back
    at once: trainings took twice as long there.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Reads the evaluator and the first job."""
        sys.path.extend(place for place in config["path"] if place not in sys.path)
        self._job: Job = pickle.loads(config["job"])
        self._evaluator: Evaluator = ray.get(config["evaluator"][0])  # of a user's module, perhaps

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


def _fit(jobs: Jobs, done: Done, reference: Any, gpus: float, width: int, folder: str) -> None:
    resources = {"cpu": 1, "gpu": gpus} if gpus else {"cpu": 1}
    tune.Tuner(
        tune.with_resources(OneJob, resources),
        param_space={"evaluator": [reference], "path": list(sys.path)},
        tune_config=tune.TuneConfig(
            search_alg=_Searcher(jobs, done),
            num_samples=-1,
            max_concurrent_trials=width,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=folder,
            name="trials",
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=TRIES - 1),
        ),
    ).fit()
