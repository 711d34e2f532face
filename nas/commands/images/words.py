"""What is said of a training and of images that were classified."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.terminal import epochs_text, plain

if TYPE_CHECKING:
    from nas.final.journey import Asked, Seen
    from nas.final.plan import Plan
    from nas.final.run import Trained
    from nas.final.settings import Settings
    from nas.search.conclude import Result
    from nas.training.images import ImageData
    from search_spaces.space import Space

CLASSES = 5  # of the worst classes, so many are printed


def settings_text(plan: "Plan", settings: "Settings", steps: int, done: int) -> str:
    """What is trained, how, and for how long, in a line or two."""
    from search_spaces.cost import cost
    from search_spaces.quantities import QUANTITIES

    macs = QUANTITIES["flops"].format(cost(plan.architecture).macs)
    begun = "together with the smaller ones, " if plan.shared else ""
    begun += "from nothing" if plan.start is None else "from the given weights"
    if plan.start is not None and plan.start.new:
        begun += ", with a new classifier"
    again = f", going on at step {done:,}" if done else ""
    changes = [f"crop {settings.crop}"]
    changes += ["mirrored"] if settings.flip else []
    changes += [settings.augment] if settings.augment != "none" else []
    changes += [f"mixup {settings.mixup:g}"] if settings.mixup else []
    changes += [f"cutmix {settings.cutmix:g}"] if settings.cutmix else []
    return (
        f"training {plain(plan.spec)} ({macs} at {plan.architecture.size} px) {begun}: "
        f"{plan.images.train:,} images of {len(plan.images.classes)} classes, "
        f"{epochs_text(settings.epochs)} of {settings.batch} images a "
        f"step ({steps:,} step{'s' * (steps != 1)}){again}; "
        f"{settings.optimizer} to {settings.lr:.3g}, {', '.join(changes)}"
    )


def space_text(asked: "Asked", seen: "Seen", classes: int, where: "Space", trained: bool) -> str:
    """The space of a search in `nas fit`, and why it is not the first of the two.

    Args:
        asked: What is asked for.
        seen: Of the images.
        classes: Of them.
        where: What is searched.
        trained: By short trainings, not by the ImageNet model.
    """
    from nas.final.journey import SPACES
    from nas.training.images import for_data
    from search_spaces.space import cost_ranges
    from search_spaces.spaces import space

    first, last = SPACES
    if not trained or where.name != last or asked.parent is not None:
        return where.name
    target = asked.targets[0]
    of, fixed = target.of_quantity, (classes, seen.size.plain, asked.channels)
    reach = cost_ranges(for_data(space(first), *fixed), [of], samples=1)[of.key]
    end, amount = "largest", reach.largest
    if target.at_most < reach.smallest:
        end, amount = "smallest", reach.smallest
    return f"{where.name}, since the {end} network of {first} has {of.format(amount)} {of.title}"


def short_text(epochs: float, searched: float) -> str:
    """A line on a final training that is no longer than those of the search; empty for others."""
    if epochs > searched:
        return ""
    return (
        f"\nnote: each training of the search had {epochs_text(searched)}, this "
        f"last one has {epochs:g}: it can't be expected to end better than those; --epochs or "
        "--minutes makes it longer"
    )


def result_lines(plan: "Plan", trained: "Trained") -> list[str]:
    """The lines that a training ends with."""
    if trained.best is None:
        return [
            f"interrupted: what was trained is kept in {trained.folder}; the same command goes on "
            "from there"
        ]
    folder = trained.folder
    network = shlex.quote(str(folder.name if folder.parent == Path("runs") else folder))
    before = ["this training ended before: nothing is trained anew"] if trained.before else []
    return [
        *before,
        *score_lines(plan, trained),
        f"kept in {folder}: weights.safetensors, scores.json, history.csv",
        f"next: nas classify {network} IMAGE",
        f"      nas export {network} DIR --to onnx",
        f"      nas report {network}",
    ]


def score_lines(plan: "Plan", trained: "Trained") -> list[str]:
    """How good the network of a training that ended is."""
    from nas.final.scores import interval_of

    assert trained.best is not None
    best, scores = trained.best, trained.scores
    low, high = interval_of(scores["confusion"])
    lines = [
        f"top-1 {best['accuracy']:.2f} % of {plan.images.val:,} validation images (95 % interval "
        f"{low:.1f} to {high:.1f} %)"
        + (f", top-5 {best['top5']:.2f} %" if best["top5"] is not None else "")
        + f", mean over classes {best['balanced']:.2f} %"
    ]  # fmt: skip
    if low <= scores["majority"]:
        listed = plan.data.expanduser().is_file()
        named = "the CSV's labels are right" if listed else "the folders' names are the classes"
        lines.append(
            f"that is no better than naming the most frequent class always "
            f"({scores['majority']:.1f} %): train longer, on more images, or see that {named}"
        )
    worst = [row for row in scores["by_class"] if row["right"] is not None and row["right"] < 100]
    if worst:
        lines.append("worst classes: " + "; ".join(map(_class_text, worst[:CLASSES])))
    return lines


def _class_text(row: dict[str, Any]) -> str:
    taken = f", taken for {plain(row['taken_for'])}" if row["taken_for"] else ""
    return f"{plain(row['class'])} {row['right']:.0f} % of {row['images']}{taken}"


def answers_table(rows: Sequence[dict[str, Any]]) -> None:
    """Prints what images were classified as: one line an image."""
    from results.terminal import console, table

    made = table("image", "class", "", "else", left=4)
    for row in rows:
        if row.get("error"):
            made.add_row(plain(row["image"]), "not read", "", plain(row["error"]))
            continue
        first, *others = row["answers"]
        rest = ", ".join(f"{plain(a['class'])} {100 * a['probability']:.1f} %" for a in others)
        made.add_row(
            plain(row["image"]), plain(first["class"]), f"{100 * first['probability']:.1f} %", rest
        )
    console().print(made)


def seen_lines(seen: "Seen", images: "ImageData") -> list[str]:
    """What the images are, in a few lines."""
    import numpy as np

    from nas.final.journey import JUDGES

    counts = np.bincount(images.train_y, minlength=len(images.classes)).tolist()
    order = sorted(range(len(counts)), key=lambda i: counts[i])
    names = [f"{plain(images.classes[i])} {counts[i]:,}" for i in order]
    shown = names if len(names) <= 6 else [*names[:2], "...", *names[-2:]]
    return [
        f"images: {images.train:,} to train and {images.val:,} to validate, {len(counts)} classes "
        f"({', '.join(shown)}), taken at {seen.size} px",
        f"networks are compared by {JUDGES[seen.evaluator]}, {seen.why}",
    ]


def found_lines(result: "Result", said: Sequence[str] = ()) -> list[str]:
    """What the search of a journey found, and what its word is worth; less notes `said` before."""
    from search_spaces.quantities import QUANTITIES

    pick = result.pick
    if pick is None or result.best is None:
        return []
    of = result.plan.objective.of_quantity
    cost = of.format(result.plan.objective.cost(pick.architecture))
    macs = QUANTITIES["flops"].format(pick.cost.macs)
    params = QUANTITIES["params"].format(pick.cost.params)
    found = f"found {pick.architecture.id}: {macs} multiply-adds, {params} parameters"
    lines = [found + (f", {cost}" if cost not in (macs, params) else "")]
    notes = (result.best.get("otherwise") or {}).get("notes") if result.plan.proxy else []
    return lines + [f"note: {note}" for note in notes or [] if note not in said]
