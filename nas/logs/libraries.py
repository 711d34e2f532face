"""Logs of TensorBoard, MLflow and Weights & Biases, by their own libraries and environment.

MLflow listens to MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME, Weights & Biases to WANDB_PROJECT
and WANDB_MODE, as everywhere.
"""

import json
import os
import time
from typing import Any

from nas.logs.log import About, Numbers

OFTEN = 1.0  # seconds between two messages to a server


class TensorBoard:
    """Scalars in FOLDER/tensorboard."""

    def __init__(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._make = SummaryWriter

    def started(self, about: About) -> None:
        """As `Log.started`."""
        self._writer = self._make(str(about.folder / "tensorboard"))
        text = json.dumps(about.settings, indent=2, default=str)
        self._writer.add_text("settings", f"```\n{text}\n```")

    def finished(self, step: int, numbers: Numbers) -> None:
        """As `Log.finished`."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def ended(self, numbers: Numbers) -> None:
        """As `Log.ended`."""
        for name, value in numbers.items():
            self._writer.add_scalar(f"end/{name}", value)
        self._writer.close()


class MLflow:
    """A run of MLflow, with metrics by step."""

    def __init__(self) -> None:
        import mlflow  # noqa: F401

    def started(self, about: About) -> None:
        """As `Log.started`."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient()
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "compound-nas")
        experiment = self._client.get_experiment_by_name(name)
        known = experiment.experiment_id if experiment else self._client.create_experiment(name)
        self._run = self._client.create_run(known, run_name=about.name).info.run_id
        flat = {key: str(value)[:500] for key, value in about.settings.items()}
        flat["folder"] = str(about.folder)
        self._client.log_batch(self._run, params=[Param(*pair) for pair in flat.items()])
        self._waiting: list[Any] = []
        self._last = time.monotonic()

    def finished(self, step: int, numbers: Numbers) -> None:
        """As `Log.finished`."""
        self._add(step, numbers)
        if time.monotonic() - self._last > OFTEN or len(self._waiting) > 900:
            self._send()

    def ended(self, numbers: Numbers) -> None:
        """As `Log.ended`."""
        self._add(0, {f"end.{name}": value for name, value in numbers.items()})
        self._send()
        self._client.set_terminated(self._run)

    def _add(self, step: int, numbers: Numbers) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._waiting += [Metric(name, value, now, step) for name, value in numbers.items()]

    def _send(self) -> None:
        self._client.log_batch(self._run, metrics=self._waiting)
        self._waiting, self._last = [], time.monotonic()


class WandB:
    """A run of Weights & Biases."""

    def __init__(self) -> None:
        import wandb

        self._library = wandb

    def started(self, about: About) -> None:
        """As `Log.started`."""
        project = os.environ.get("WANDB_PROJECT", "compound-nas")
        self._run = self._library.init(
            project=project, name=about.name, dir=str(about.folder), reinit="create_new",
            config=json.loads(json.dumps(dict(about.settings), default=str)),
            settings=self._library.Settings(silent=True, console="off"),
        )  # fmt: skip

    def finished(self, step: int, numbers: Numbers) -> None:
        """As `Log.finished`."""
        self._run.log({**numbers, "step": step})

    def ended(self, numbers: Numbers) -> None:
        """As `Log.ended`."""
        self._run.summary.update(dict(numbers))
        self._run.finish()
