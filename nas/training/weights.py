"""The weights that a search's trainings left of its pick."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results.export.inputs import Inputs
from results.export.weights import WEIGHTS, Weights, checked, read_weights
from results.terminal import epochs_text
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError


class NoWeights(UserError):
    """A run keeps no weights by its nature: none are lost, and it can be exported untrained."""


def kept_weights(
    folder: Path, architecture: Architecture, best: Mapping[str, Any], record: Mapping[str, Any]
) -> Weights:
    """The averaged weights that gave a run's network its accuracy.

    A final training keeps them in a file of its own, a search in its checkpoints.

    Args:
        folder: Of the run.
        architecture: The pick.
        best: best.json.
        record: run.json.

    Raises:
        NoWeights: The run keeps none; the message says why.
        UserError: What it kept is damaged or lost.
    """
    experiment = record.get("experiment", {})
    final = experiment.get("kind") == "train" or best.get("evaluator") == "trained"
    if final or (folder / WEIGHTS).is_file():
        return _of_training(folder, architecture)
    training = experiment.get("training")
    if not training:
        raise NoWeights(f"the run {folder} trained nothing, so its pick has no weights")
    from nas.training.augment import MEAN, SPREAD  # imported here, since they load torch
    from nas.training.proxy import CHECKPOINTS

    seed = _seed(folder, best)
    for file in sorted((folder / CHECKPOINTS).glob(f"{architecture.id}-{seed}-*.pt")):
        state = _averaged(file, architecture, training["recipe"])
        if state is not None:
            origin = (
                f"The weights are the average at the end of the training that was measured: "
                f"{best['accuracy']:.2f} % top-1 after {epochs_text(best['budget'])}, seed {seed}."
            )
            size, classes = architecture.size, tuple(map(str, record.get("classes") or ()))
            inputs = Inputs(
                size.height, size.width, (MEAN / 255,), (SPREAD / 255,), classes,
                architecture.in_channels, fit=str(training.get("fit", "crop")),
            )  # fmt: skip
            return Weights(checked(state, architecture, str(file)), origin, inputs)
    raise NoWeights(
        f"the run {folder} keeps no weights of its pick: a search keeps them with --data and "
        "--halving only"
    )


def _of_training(folder: Path, architecture: Architecture) -> Weights:
    """What a final training kept. Raises UserError where it is damaged or lost."""
    file = folder / WEIGHTS
    mend = (
        f"put back the file that the training wrote, or move the folder {folder} away and run its "
        "command again, which trains anew"
    )
    if not file.exists():
        raise UserError(f"{file} is missing: {mend}")
    try:
        return read_weights(file, architecture)
    except UserError as error:
        raise UserError(f"{error}; {mend}") from None


def _seed(folder: Path, best: Mapping[str, Any]) -> str:
    """The seed of the pick's training, from trials.csv."""
    file = folder / "trials.csv"
    try:
        with file.open(newline="") as lines:
            return next(
                row["seed"] for row in csv.DictReader(lines) if row["number"] == str(best["number"])
            )
    except (OSError, KeyError, StopIteration):
        raise UserError(
            f"{file} does not hold the pick's trial: run the search's command again, which writes "
            "it"
        ) from None


def _averaged(file: Path, architecture: Architecture, recipe_name: str) -> dict[str, Any] | None:
    """The state_dict of a finished training's averaged weights; None of one that kept none.

    Raises:
        UserError: The file is damaged.
    """
    from nas.training.checkpoints import Checkpoint
    from nas.training.optimizers import optimizer_for
    from nas.training.recipes import recipe
    from nas.training.state import State
    from search_spaces.builder import build

    kept = Checkpoint(file)
    if kept.damaged:
        raise UserError(
            f"{file}, which holds the pick's weights, is damaged: expected a file as the search "
            "wrote it; put it back, or remove it to export the pick untrained"
        )
    network, how = build(architecture, seed=0), recipe(recipe_name)
    state = State(network, optimizer_for(network, how), averaged=how.ema > 0)
    if kept.step not in kept.measured or not kept.restore(state, kept.step):
        return None
    state.use_average()
    return state.network.state_dict() | kept.counted
