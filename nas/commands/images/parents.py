"""Options of weights that searched networks start from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.options import Group
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.parent.parent import Parent
    from nas.training.proxy import Proxy


@dataclass(frozen=True, kw_only=True)
class Parents(Group):
    """A trained network, whose weights smaller ones take over."""

    title = "Starting from trained weights"
    weights: Annotated[Path | None, click.option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE|RUN",
        help="Search inside a trained network: each candidate starts from what it can use of these "
        "weights. Give --parent too, unless they are of a run of `nas train`.",
    )]  # fmt: skip
    parent: Annotated[str | None, click.option(
        "--parent", metavar="NETWORK",
        help="The network that --weights are of: a name, a run, or a JSON file. Candidates are "
        "this network with fewer blocks, channels or smaller kernels.",
    )]  # fmt: skip

    def read(self, runs: Path) -> "Parent | None":
        """The parent; None where none is asked for.

        Raises:
            UserError: The options don't go together, or the weights can't be used.
        """
        if self.weights is None:
            if self.parent is not None:
                raise UserError("--parent says what --weights are of: give --weights FILE besides")
            return None
        from nas.parent.parent import parent_of
        from results.runs.load import BEST, load_architecture

        place = weights_at(self.weights, runs)
        if self.parent is None and not (place / BEST).is_file():
            raise UserError(
                f"--weights is {self.weights}, which does not say its network: give --parent "
                "NETWORK besides, as --parent efficientnet_b0"
            )
        return parent_of(place, load_architecture(self.parent or str(place), runs))


def weights_at(weights: Path, runs: Path) -> Path:
    """The file or folder that --weights names: a path, or a run's name."""
    from results.export.weights import WEIGHTS
    from results.runs.load import run_folder

    return weights if weights.is_file() else run_folder(str(weights), runs, (WEIGHTS,)) or weights


def starting(proxy: "Proxy", parent: "Parent | None", chosen: bool) -> "Proxy":
    """The same trainings from a parent's weights, with the rate for weights that are trained.

    Args:
        proxy: Trainings from nothing.
        parent: Whose weights they start from; None for nothing.
        chosen: The user chose a recipe.
    """
    if parent is None:
        return proxy
    return replace(proxy, parent=parent, recipe=proxy.recipe if chosen else "tune")
