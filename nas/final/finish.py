"""The files that a training ends in."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.final.files import SCORES, read_best, read_scores
from nas.final.loop import Progress
from nas.final.plan import Plan
from nas.final.scores import Scores, by_class, scores_of, worst_images
from nas.final.task import Task, outputs
from nas.training.folders import splits_of
from nas.training.state import State
from results.export.weights import WEIGHTS, safetensors_bytes
from results.runs.files import write_atomically, write_json
from results.runs.load import BEST
from results.terminal import epochs_text
from search_spaces.architecture import to_dict
from search_spaces.cost import cost
from search_spaces.errors import UserError


def finish(
    plan: Plan, state: State, progress: Progress, task: Task, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Writes weights, scores and, last, best.json.

    Args:
        plan: What was asked for.
        state: At the training's end; its network holds the averaged weights afterwards.
        progress: Of the whole training.
        task: What was trained on.
        folder: Of the run.

    Returns:
        What best.json and scores.json hold.
    """
    if progress.best:
        state.network.load_state_dict(progress.best["network"])
    else:
        state.use_average()
    logits = outputs(state.network, task)
    found = scores_of(logits, np.asarray(task.data.val_y))
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in state.network.state_dict().items()
    }
    origin = _origin(plan, task, found)
    data = safetensors_bytes(tensors, plan.architecture, origin, plan.inputs, plan.shared)
    write_atomically(folder / WEIGHTS, data)
    scores, best = _scores(plan, task, logits, found), _best(plan, task, progress.hours, found)
    write_json(folder / SCORES, scores)
    write_json(folder / BEST, best)
    return best, scores


def made_anew(
    plan: Plan, network: Any, task: Task, hours: float | None, folder: Path
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Reads best.json and scores.json; makes what is damaged or missing of them from the weights.

    What is damaged is kept beside, under its name and `.damaged`.

    Args:
        plan: What was asked for.
        network: With the training's weights.
        task: What was trained on.
        hours: That the training took, where it is known.
        folder: Of the run.

    Returns:
        What best.json and scores.json hold, and what is to be said of it.
    """
    held: dict[str, dict[str, Any]] = {}
    faults: dict[str, str] = {}
    for name, read in ((SCORES, read_scores), (BEST, read_best)):
        try:
            held[name] = read(folder)
        except UserError as error:
            faults[name] = str(error)
    if faults:
        logits = outputs(network, task)
        found = scores_of(logits, np.asarray(task.data.val_y))
        made = {SCORES: _scores(plan, task, logits, found), BEST: _best(plan, task, hours, found)}
        for name in faults:
            with contextlib.suppress(FileNotFoundError):
                (folder / name).replace(folder / f"{name}.damaged")
            held[name] = made[name]
            write_json(folder / name, held[name])
    notes = [f"{why}; it was made anew from the weights" for why in faults.values()]
    return held[BEST], held[SCORES], notes


def _scores(
    plan: Plan, task: Task, logits: npt.NDArray[np.float32], found: Scores
) -> dict[str, Any]:
    """What scores.json holds."""
    classes = plan.inputs.classes
    return {
        **found.as_json(),
        "majority": plan.images.majority,
        "classes": list(classes),
        "by_class": by_class(found, classes),
        "worst_images": worst_images(logits, np.asarray(task.data.val_y), _names(plan), classes),
        "notes": plan.images.notes(),
    }


def _origin(plan: Plan, task: Task, found: Scores) -> str:
    begun = "from nothing" if plan.start is None else f"from the weights {plan.start.digest}"
    return (
        f"The weights are the average at the end of a training {begun}"
        + " together with all smaller networks of its space" * plan.shared
        + ": "
        f"{found.top1:.2f} % top-1 on {task.data.val:,} validation images after "
        f"{epochs_text(task.settings.epochs)} of {task.data.train:,} images, seed {plan.seed}."
    )


def _best(plan: Plan, task: Task, hours: float | None, found: Scores) -> dict[str, Any]:
    """What best.json holds."""
    figures = cost(plan.architecture)
    return {
        "number": 0,
        "id": plan.architecture.id,
        "accuracy": found.top1,
        "spread": found.top1_error,
        "interval": list(found.interval),
        "reward": found.top1,
        **figures.columns,
        "activation_memory": figures.activation_memory,
        "architecture": to_dict(plan.architecture),
        "evaluator": "trained",
        "budget": task.settings.epochs,
        "top5": found.top5,
        "balanced": found.balanced,
        "classes": list(plan.inputs.classes),
        "network": plan.spec,
        "hours": hours,
        "seed": plan.seed,
        "label": _origin(plan, task, found),
        "command": plan.command,
    }


def _names(plan: Plan) -> list[str]:
    """What the validation images are called, in the order of their array."""
    listing = splits_of(plan.data, 0)
    skipped = {path for path, _ in plan.images.skipped}
    names = [path for path, _ in listing.splits["val"] if path not in skipped]
    if len(names) != plan.images.val:  # the folder was changed since it was decoded
        return [f"image {i}" for i in range(plan.images.val)]
    return names
