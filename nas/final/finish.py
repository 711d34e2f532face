"""The files that a training ends in."""

from pathlib import Path
from typing import Any

import numpy as np

from nas.final.files import SCORES
from nas.final.loop import Progress
from nas.final.plan import Plan
from nas.final.scores import Scores, by_class, scores_of, worst_images
from nas.final.task import Task, outputs
from nas.training.folders import splits_of
from nas.training.state import State
from results.export.weights import WEIGHTS, safetensors_bytes
from results.runs.files import write_atomically, write_json
from results.runs.load import BEST
from search_spaces.architecture import to_dict
from search_spaces.cost import cost


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
    logits, labels = outputs(state.network, task), np.asarray(task.data.val_y)
    found = scores_of(logits, labels)
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in state.network.state_dict().items()
    }
    origin = _origin(plan, task, found)
    data = safetensors_bytes(tensors, plan.architecture, origin, plan.inputs)
    write_atomically(folder / WEIGHTS, data)
    names, classes = _names(plan), plan.inputs.classes
    scores = {
        **found.as_json(),
        "majority": plan.images.majority,
        "classes": list(classes),
        "by_class": by_class(found, classes),
        "worst_images": worst_images(logits, labels, names, classes),
        "notes": plan.images.notes(),
    }
    write_json(folder / SCORES, scores)
    best = _best(plan, task, progress, found, origin)
    write_json(folder / BEST, best)
    return best, scores


def _origin(plan: Plan, task: Task, found: Scores) -> str:
    begun = "from nothing" if plan.start is None else f"from the weights {plan.start.digest}"
    return (
        f"The weights are the average at the end of a training {begun}: "
        f"{found.top1:.2f} % top-1 on {task.data.val:,} validation images after "
        f"{task.settings.epochs:g} epochs of {task.data.train:,} images, seed {plan.seed}."
    )


def _best(plan: Plan, task: Task, progress: Progress, found: Scores, origin: str) -> dict[str, Any]:
    figures = cost(plan.architecture)
    return {
        "number": 0,
        "id": plan.architecture.id,
        "accuracy": found.top1,
        "spread": found.top1_error,
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
        "hours": progress.seconds / 3600,
        "seed": plan.seed,
        "label": origin,
        "command": plan.command,
    }


def _names(plan: Plan) -> list[str]:
    """What the validation images are called, in the order of their array."""
    listing = splits_of(plan.data.expanduser().resolve(), 0)
    skipped = {path for path, _ in plan.images.skipped}
    names = [path for path, _ in listing.splits["val"] if path not in skipped]
    if len(names) != plan.images.val:  # the folder was changed since it was decoded
        return [f"image {i}" for i in range(plan.images.val)]
    return names
