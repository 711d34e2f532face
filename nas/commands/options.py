"""Options that commands share, in groups.

A group is a frozen dataclass; a field's annotation has its type and the click option that fills it,
whose parameter has the field's name:

    @dataclass(frozen=True, kw_only=True)
    class Kept(Group):
        name: Annotated[str | None, NAME]

    @click.command()
    @options(kept=Kept, workers=Workers)
    def command(kept: Kept, workers: Workers) -> None: ...

gives the command one value a group, built here from what click parsed.
"""

import functools
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin, get_type_hints

import click

from nas.commands.sizes import FIT, pixels
from search_spaces.errors import UserError
from search_spaces.rounding import Size

if TYPE_CHECKING:
    from nas.search.execution import Execution
    from nas.training.proxy import Proxy
    from nas.workers.executor import Resources

Option = Callable[[Any], Any]  # what click.option and click.argument give


def once(*names: str, **how: Any) -> Option:
    """An option that is refused where it is given twice, instead of the last one counting."""

    def single(_: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | None:
        if len(value) > 1:
            raise UserError(
                f"{parameter.opts[0]} is given {len(value)} times, as {' and '.join(value)}: "
                "expected once; leave out all but one"
            )
        return value[0] if value else None

    return click.option(*names, multiple=True, callback=single, **how)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options that go together.

    Attributes:
        typed: The group's options that the user gave, as `--epochs`, in their order.
    """

    typed: tuple[str, ...] = ()


Made = TypeVar("Made", bound=Group)


def options(*plain: tuple[Option, ...], **groups: type[Group]) -> Callable[[Any], Any]:
    """A decorator: the command takes each group as one value, and `plain` options as they are."""
    own = [option for group in groups.values() for option in _options(group).values()]
    every = [*own, *(option for some in plain for option in some)]

    def add(command: Callable[..., Any]) -> Any:
        @click.pass_context
        def called(context: click.Context, /, **given: Any) -> Any:
            made = {name: _made(group, context, given) for name, group in groups.items()}
            return command(**given, **made)

        with_options: Any = functools.update_wrapper(called, command)
        for option in reversed(every):
            with_options = option(with_options)
        return with_options

    return add


def _options(group: type[Group]) -> dict[str, Option]:
    """By field, base classes' first."""
    hints = get_type_hints(group, include_extras=True).items()
    return {name: hint.__metadata__[0] for name, hint in hints if get_origin(hint) is Annotated}


def _made(group: type[Made], context: click.Context, given: dict[str, Any]) -> Made:
    """The group's value, whose parameters are taken out of `given`."""
    default = click.core.ParameterSource.DEFAULT
    names = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    own = _options(group)
    typed = [
        parameter
        for parameter in given
        if parameter in own and context.get_parameter_source(parameter) != default
    ]
    return group(
        **{parameter: given.pop(parameter) for parameter in own},
        typed=tuple(names[parameter] for parameter in typed),
    )


NAME = click.option("--name", help="Of the run. Default: made from what differs from the defaults.")
RUNS = click.option(
    "--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True,
    help="The folder of runs.",
)  # fmt: skip
STORAGE = click.option(
    "--storage", metavar="URL", help="Any Optuna storage instead of the run's own journal file.",
)  # fmt: skip
SEED = click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
TRAIN_ON = click.option(
    "--train-on", "device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N.",
)  # fmt: skip
DRY_RUN = click.option(
    "--dry-run", is_flag=True,
    help="Measure a few training steps and forecast the hours; train nothing.",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kept(Group):
    """Where a run is kept, and how its result is printed."""

    name: Annotated[str | None, NAME]
    runs: Annotated[Path, RUNS]
    as_json: Annotated[bool, JSON]


@dataclass(frozen=True, kw_only=True)
class Stored(Kept):
    """A run with trials."""

    storage: Annotated[str | None, STORAGE]


@dataclass(frozen=True, kw_only=True)
class Images(Group):
    """What is trained on, and how; nothing is trained where `data` is None."""

    data: Annotated[Path | None, click.option(
        "--data", type=click.Path(path_type=Path), metavar="DIR",
        help="Train on images: DIR/train/CLASS/* and perhaps DIR/val/CLASS/*, or DIR/CLASS/*, or "
        "a CSV with the columns path and label.",
    )]  # fmt: skip
    subset: Annotated[float, click.option(
        "--subset", type=float, default=1.0, show_default=True,
        help="Part of the training images, above 0 to 1.",
    )]  # fmt: skip
    recipe: Annotated[str, click.option(
        "--recipe", default="fast", show_default=True,
        help="fast, or paper (EfficientNet's, for long trainings).",
    )]  # fmt: skip
    batch: Annotated[int, click.option(
        "--batch", type=int, default=64, show_default=True, help="Images a step.",
    )]  # fmt: skip
    device: Annotated[str, TRAIN_ON]
    channels: Annotated[int | None, click.option(
        "--channels", type=click.IntRange(1), help="Of images: 1 grey, 3 RGB, ... Default: 3.",
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

    pixels: Annotated[int | Size | None, pixels("of the images, at most 64.")]


@dataclass(frozen=True, kw_only=True)
class Lengths(Group):
    """How long each training is."""

    epochs: Annotated[float, click.option(
        "--epochs", type=float, default=2.0, show_default=True,
        help="Of each training, the longest rung's with --halving.",
    )]  # fmt: skip
    eta: Annotated[int, click.option(
        "--halving", "eta", type=int, default=0, metavar="ETA",
        help="Successive halving: the best 1/ETA go on with ETA times the epochs.",
    )]  # fmt: skip
    smallest: Annotated[float, click.option(
        "--min-epochs", "smallest", type=float, default=1.0, show_default=True,
        help="At least so many in the first rung of --halving.",
    )]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Workers(Group):
    """Who evaluates."""

    executor: Annotated[str | None, click.option(
        "--executor", metavar="local|pool|ray",
        help="In this process, in processes of one torch thread each, or Ray Tune. "
        "Default: pool with --data, else local.",
    )]  # fmt: skip
    workers: Annotated[int | None, click.option(
        "--workers", type=click.IntRange(1), help="Jobs at once. Default: as fit.",
    )]  # fmt: skip
    gpus_per_trial: Annotated[float, click.option(
        "--gpus-per-trial", type=click.FloatRange(0), default=0.0, metavar="N",
        help="With ray: GPUs of a trial, as 1 or 0.25.",
    )]  # fmt: skip
    address: Annotated[str | None, click.option(
        "--address", help="With ray: of a cluster, as auto or HOST:PORT.",
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
            raise UserError(
                "--data trains each network and --evaluator measures it: give one of them"
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
        UserError: They don't go together.
    """
    from nas.search.execution import Execution

    return Execution(
        budget=1.0 if proxy is None else lengths.epochs,
        proxy=proxy,
        eta=lengths.eta,
        smallest=lengths.smallest,
        executor=workers.executor or ("local" if proxy is None else "pool"),
        resources=workers.resources,
        name=kept.name,
        runs=kept.runs,
        storage=kept.storage,
        command=command_line(program),
    )
