"""Options that commands share, in groups (`nas.commands.help.groups`)."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.help.groups import Group as Group
from nas.commands.help.groups import once as once
from nas.commands.help.groups import options as options
from nas.commands.help.table import names_in
from nas.commands.sizes import FIT, pixels
from nas.scores.registry import SCORES
from search_spaces.errors import UserError
from search_spaces.rounding import Size

if TYPE_CHECKING:
    from nas.search.execution import Execution
    from nas.training.proxy import Proxy
    from nas.workers.executor import Resources

NAME = click.option(
    "--name", help="Name of the run's folder. Default: made from the options that you give.",
)  # fmt: skip
RUNS = click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True,
    help="The folder that runs are kept in.",
)  # fmt: skip
STORAGE = click.option(
    "--storage", metavar="URL",
    help="Keep the trials in a database, as sqlite:///trials.db, and not in a file of the run's "
    "folder.",
)  # fmt: skip
SEED = click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), metavar="N",
    help="The same seed draws the same again, another one otherwise.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
TRAIN_ON = click.option(
    "--train-on", "device", default="auto", show_default=True, metavar="DEVICE",
    help="Train on cpu, cuda or cuda:N; auto takes a GPU if there is one.",
)  # fmt: skip
DRY_RUN = click.option(
    "--dry-run", is_flag=True,
    help="Measure a few training steps, say how long the whole would take, and train nothing.",
)  # fmt: skip


LOG = click.option(
    "--log", "logs", multiple=True, metavar="NAME,..",
    shell_complete=names_in("nas.logs.registry", "LOGS"),
    callback=lambda context, option, given: [n for text in given for n in text.split(",")],
    help="Tell tensorboard, mlflow or wandb of every step besides, or module:name of your own; or "
    "several, as tensorboard,wandb. They listen to their environment variables.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kept(Group):
    """Where a run is kept, and how its result is printed."""

    title = "The run"
    name: Annotated[str | None, NAME]
    runs: Annotated[Path, RUNS]
    as_json: Annotated[bool, JSON]


@dataclass(frozen=True, kw_only=True)
class Stored(Kept):
    """A run with trials."""

    title = "The run"
    storage: Annotated[str | None, STORAGE]


@dataclass(frozen=True, kw_only=True)
class Tried(Stored):
    """A run that may be forecast before it is begun."""

    title = Kept.title
    dry_run: Annotated[bool, DRY_RUN]


@dataclass(frozen=True, kw_only=True)
class Images(Group):
    """What is trained on, and how; nothing is trained where `data` is None."""

    title = "Training, with --data"
    data: Annotated[Path | None, click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR",
        help="Train every network for a short while on your images, and don't predict: "
        "DIR/train/CLASS/* and perhaps DIR/val/CLASS/*, or DIR/CLASS/*, or a CSV with the columns "
        "path and label.",
    )]  # fmt: skip
    subset: Annotated[float, click.option(
        "--subset", type=float, default=1.0, show_default=True, metavar="PART",
        help="Train on this part of the images, above 0 to 1, to save time.",
    )]  # fmt: skip
    recipe: Annotated[str, click.option(
        "--recipe", default="fast", show_default=True, metavar="fast|paper",
        shell_complete=names_in("nas.training.recipes", "RECIPES"),
        help="How networks are trained; paper is EfficientNet's recipe, for long trainings.",
    )]  # fmt: skip
    batch: Annotated[int, click.option(
        "--batch", type=int, default=64, show_default=True, metavar="N",
        help="Images in each training step.",
    )]  # fmt: skip
    device: Annotated[str, TRAIN_ON]
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1), metavar="N",
        help="Channels of the images: 1 for grey, 3 for colour. Default: 3.",
    )]  # fmt: skip
    fit: Annotated[str, FIT]

    def proxy(self, pixels: int | tuple[int, int] | None, channels: int = 3) -> "Proxy | None":
        """What trains networks on images of a size; None where nothing is trained."""
        from nas.training.proxy import Proxy

        if self.data is None:
            return None
        return Proxy(self.data, pixels, self.subset, self.recipe, self.batch, self.device,
                     self.channels or channels, self.fit)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SizedImages(Images):
    """Images of one size, whatever network is trained."""

    title = Images.title
    pixels: Annotated[int | Size | None, pixels("their own, at most 64.")]


@dataclass(frozen=True, kw_only=True)
class Lengths(Group):
    """How long each training is."""

    title = Images.title
    epochs: Annotated[float, click.option(
        "--epochs", type=float, default=2.0, show_default=True, metavar="N",
        help="Epochs of each training; with --halving of the longest ones.",
    )]  # fmt: skip
    eta: Annotated[int, click.option(
        "--halving", "eta", type=int, default=0, metavar="ETA",
        help="Train all networks briefly and only the best 1/ETA of them for ETA times as long, "
        "and so on (successive halving). Default: all alike.",
    )]  # fmt: skip
    smallest: Annotated[float | None, click.option(
        "--min-epochs", "smallest", type=float, metavar="N",
        help="With --halving: the shortest trainings have at least so many epochs. Default: 1.",
    )]  # fmt: skip

    @property
    def shortest(self) -> float:
        """Epochs of the shortest trainings of halving, at least."""
        return 1.0 if self.smallest is None else self.smallest

    def check(self) -> None:
        """Refuses lengths that no training can have, by the names of the options.

        Raises:
            UserError: One can't be.
        """
        from nas.training.recipes import LONGEST

        if not 0 < self.epochs <= LONGEST:
            raise UserError(
                f"--epochs is {self.epochs:g}: expected a number above 0, to {LONGEST:g}"
            )
        if self.eta and self.eta < 2:
            raise UserError(f"--halving is {self.eta}: expected 2 or more, as 3, or 0 for none")
        if self.smallest is not None and not self.eta:
            raise UserError(
                f"--min-epochs {self.smallest:g} is for --halving: give --halving ETA too, as 3, "
                "or leave it out"
            )
        if self.eta and not 0 < self.shortest <= self.epochs:
            raise UserError(
                f"--min-epochs is {self.shortest:g}: expected a number above 0, up to the "
                f"{self.epochs:g} of --epochs"
            )


@dataclass(frozen=True, kw_only=True)
class Workers(Group):
    """Who evaluates."""

    title = "Workers"
    executor: Annotated[str | None, click.option(
        "--executor", metavar="local|pool|ray",
        help="Who evaluates networks: local is this process, pool has a process for each core, ray "
        "is for GPUs and clusters. Default: pool with --data, else local.",
    )]  # fmt: skip
    workers: Annotated[int | None, click.option(
        "--workers", type=click.IntRange(1), metavar="N", help="How many networks to evaluate at "
        "once. Default: as many as there are cores; with ray and GPUs, as fit on the GPUs.",
    )]  # fmt: skip
    gpus_per_trial: Annotated[float, click.option(
        "--gpus-per-trial", type=click.FloatRange(0), default=0.0, metavar="N",
        help="With ray: GPUs for each network, as 1, or 0.25 where four are to share one.",
    )]  # fmt: skip
    address: Annotated[str | None, click.option(
        "--address", metavar="HOST:PORT|auto", help="With ray: the cluster to use. Default: Ray is "
        "started on this machine.",
    )]  # fmt: skip

    @property
    def resources(self) -> "Resources":
        """What the executor is given."""
        from nas.workers.executor import Resources

        return Resources(self.workers, self.gpus_per_trial, self.address)


def command_line(program: str) -> str:
    """What the user typed, for files: without passwords of URLs."""
    from results.runs.folder import masked

    return masked(shlex.join([program, *sys.argv[1:]]))


def check_training(images: Images, *others: Group, evaluator: str | None) -> None:
    """Refuses options of training without --data, and --data with --evaluator.

    Args:
        images: The data.
        others: Groups that are of training too.
        evaluator: What --evaluator names.

    Raises:
        UserError: One is given.
    """
    if images.data is not None:
        if evaluator is not None:
            scores = evaluator in SCORES and SCORES[evaluator].looks
            raise UserError(
                "--data trains each network and --evaluator measures it: give one of them"
                + f", as --evaluator {evaluator}:{images.data} alone" * scores
            )
        return
    for option in (name for group in (images, *others) for name in group.typed):
        raise UserError(f"{option} is for training: give --data DIR, the images to train on")


def execution(
    program: str, proxy: "Proxy | None", lengths: Lengths, workers: Workers, kept: Stored
) -> "Execution":
    """A plan's half that search, audit and grid share.

    Args:
        program: `nas` or `gridsearch`.
        proxy: None where nothing is trained, whatever the lengths.
        lengths: Of trainings.
        workers: Who works.
        kept: Where the run is kept.

    Raises:
        UserError: They don't go together, or no training can be so long.
    """
    from nas.search.execution import Execution

    lengths.check()
    return Execution(
        budget=1.0 if proxy is None else lengths.epochs,
        proxy=proxy,
        eta=lengths.eta,
        smallest=lengths.shortest,
        executor=workers.executor or ("local" if proxy is None else "pool"),
        resources=workers.resources,
        name=kept.name,
        runs=kept.runs,
        storage=kept.storage,
        command=command_line(program),
    )
