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
    from search_spaces.architecture import Architecture


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
        given = weights_of(self.weights, self.parent, runs)
        if given is None:
            return None
        from nas.parent.parent import parent_of

        place, network = given
        if network is None:
            raise UserError(
                f"--weights is {self.weights}, which does not say its network: give --parent "
                "NETWORK besides, as --parent efficientnet_b0"
            )
        return parent_of(place, network)


def weights_of(
    weights: Path | None, parent: str | None, runs: Path
) -> "tuple[Path, Architecture | None] | None":
    """Where the weights are that --weights and --parent name, and of which network.

    Args:
        weights: A file, a folder, or a run's name; None where none are asked for.
        parent: Of which network; None takes a run's own.
        runs: The folder of runs.

    Returns:
        None where none are asked for; no network where nobody says it.

    Raises:
        UserError: There is a network and no weights, the weights aren't there, or the network can't
            be read.
    """
    if weights is None:
        if parent is not None:
            raise UserError("--parent says what --weights are of: give --weights FILE besides")
        return None
    from results.export.weights import WEIGHTS
    from results.runs.load import BEST, load_architecture, run_folder

    place = weights if weights.is_file() else run_folder(str(weights), runs, (WEIGHTS,)) or weights
    if not place.exists():
        raise UserError(
            f"--weights is {weights}, and there is no such file, folder or run: expected a .pt or "
            ".safetensors file, or a run of nas train"
        )
    if parent is None and not (place / BEST).is_file():
        return place, None
    return place, load_architecture(str(place) if parent is None else parent, runs)


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
