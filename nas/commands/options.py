"""Options of training and of executors, shared by the commands that evaluate."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from search_spaces.errors import UserError

FOLDER = (
    click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
                 help="Train on images: DIR/train/CLASS/*, and DIR/val/CLASS/* if there."),
)  # fmt: skip
HOW = (
    click.option("--subset", type=float, default=1.0, show_default=True,
                 help="Part of the training images, above 0 to 1."),
    click.option("--recipe", default="fast", show_default=True,
                 help="fast, or paper (EfficientNet's, for long trainings)."),
    click.option("--batch", type=int, default=64, show_default=True, help="Images a step."),
    click.option("--train-on", "device", default="auto", show_default=True,
                 help="auto, cpu, cuda, cuda:N."),
)  # fmt: skip
DATA = (
    *FOLDER,
    click.option("--pixels", type=int, default=32, show_default=True,
                 help="Resolution that images are decoded to."),
    *HOW,
)  # fmt: skip
LENGTH = (
    click.option("--epochs", type=float, default=2.0, show_default=True,
                 help="Of each training, the longest rung's with --halving."),
    click.option("--halving", "eta", type=int, default=0, metavar="ETA",
                 help="Successive halving: the best 1/ETA go on with ETA times the epochs."),
    click.option("--min-epochs", "smallest", type=float, default=1.0, show_default=True,
                 help="At least so many in the first rung of --halving."),
    click.option("--dry-run", is_flag=True,
                 help="Measure a few training steps and forecast the hours; train nothing."),
)  # fmt: skip
TRAINING = (
    *DATA,
    *LENGTH,
    click.option("--ranking", default="reward", show_default=True,
                 help="Of --halving: reward, or front (non-dominated sorting)."),
)  # fmt: skip

EXECUTOR = (
    click.option("--executor", metavar="local|pool|ray",
                 help="In this process, in processes of one torch thread each, or Ray Tune. "
                 "Default: pool with --data, else local."),
    click.option("--workers", type=click.IntRange(1), help="Jobs at once. Default: as fit."),
    click.option("--gpus-per-trial", type=click.FloatRange(0), default=0.0, metavar="N",
                 help="With ray: GPUs of a trial, as 1 or 0.25."),
    click.option("--address", help="With ray: of a cluster, as auto or HOST:PORT."),
)  # fmt: skip


def options(*groups: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """A decorator that adds the groups' options, in order."""

    def add(command: Any) -> Any:
        for option in reversed([one for group in groups for one in group]):
            command = option(command)
        return command

    return add


OF_TRAINING = {
    **{key: f"--{key}" for key in ("epochs", "pixels", "subset", "recipe", "batch", "ranking")},
    **{"eta": "--halving", "smallest": "--min-epochs", "device": "--train-on"},
    **{"retrain": "--retrain", "retrain_budget": "--retrain-epochs"},
}


def typed(context: click.Context) -> list[str]:
    """The parameters that the user gave on the command line."""
    default = click.core.ParameterSource.DEFAULT
    return [name for name in context.params if context.get_parameter_source(name) != default]


def check_training(given: dict[str, Any], typed: Iterable[str], *more: str) -> None:
    """Raises UserError for options of training without --data, and for --data with --evaluator.

    more: parameters, as `dry_run`, that are of training in this command only.
    """
    if given["data"] is not None:
        if given["evaluator"] is not None:
            raise UserError(
                "--data trains each network and --evaluator measures it: give one of them"
            )
        return
    for key in typed:
        if key in OF_TRAINING or key in more:
            option = OF_TRAINING.get(key, f"--{key.replace('_', '-')}")
            raise UserError(f"{option} is for training: give --data DIR, the images to train on")


def take_training(given: dict[str, Any]) -> dict[str, Any]:
    """Plan's fields from the options of training and executors, which are taken out of `given`."""
    from nas.training.proxy import Proxy
    from nas.workers.executor import Resources

    keys = ("pixels", "subset", "recipe", "batch", "device")
    how = {key: given.pop(key) for key in keys}
    data = given.pop("data")
    kind, epochs, eta = given.pop("executor"), given.pop("epochs"), given.pop("eta")
    resources = Resources(*(given.pop(k) for k in ("workers", "gpus_per_trial", "address")))
    made = {
        "smallest": given.pop("smallest"),
        "ranking": given.pop("ranking"),
        "resources": resources,
        "eta": eta,
        "executor": kind or ("pool" if data else "local"),
    }
    if data is None:
        return made
    return {**made, "budget": epochs, "proxy": Proxy(data, **how)}
