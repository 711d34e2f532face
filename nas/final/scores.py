"""What a trained network does with images that it was not trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WORST = 20  # images that are named


@dataclass(frozen=True)
class Scores:
    """A network's answers on the validation images.

    Attributes:
        top1: Percent of the images whose class got the highest score.
        top1_error: Its standard error, of a share of so many images, in points.
        top5: Percent whose class is among the highest five; None of five classes or fewer.
        balanced: Mean over the classes of the percent named rightly, of those that have images.
        loss: Mean cross-entropy.
        confusion: [class][named as] -> images.
    """

    top1: float
    top1_error: float
    top5: float | None
    balanced: float
    loss: float
    confusion: list[list[int]]

    @property
    def interval(self) -> tuple[float, float]:
        """As `interval_of`."""
        return interval_of(self.confusion)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "interval": list(self.interval)}


def interval_of(confusion: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Wilson's interval (1927) of 95 % for top-1, in percent: what so few images leave open.

    Unlike the standard error it is no point where all images are named rightly.
    """
    from scipy.stats import binomtest

    right = sum(row[i] for i, row in enumerate(confusion))
    low, high = binomtest(right, sum(map(sum, confusion))).proportion_ci(method="wilson")
    return 100 * float(low), 100 * float(high)


def scores_of(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Scores:
    """The scores of a network's outputs.

    Args:
        logits: (n, classes), finite.
        labels: (n,).
    """
    n, classes = logits.shape
    named = logits.argmax(1)
    confusion = np.bincount(labels * classes + named, minlength=classes**2)
    confusion = confusion.reshape(classes, classes)
    of_class = confusion.sum(1)
    share = float((named == labels).mean())
    recall = confusion.diagonal()[of_class > 0] / of_class[of_class > 0]
    top5 = None
    if classes > 5:
        own = logits[np.arange(n), labels]
        top5 = 100 * float(((logits > own[:, None]).sum(1) < 5).mean())
    return Scores(
        100 * share,
        100 * (share * (1 - share) / n) ** 0.5,
        top5,
        100 * float(recall.mean()),
        float(losses_of(logits, labels).mean()),
        confusion.tolist(),
    )


def losses_of(
    logits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Each image's cross-entropy (n,)."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    own: npt.NDArray[np.float64] = shifted[np.arange(len(labels)), labels]
    return np.log(np.exp(shifted).sum(1)) - own  # type: ignore[no-any-return]


def by_class(scores: Scores, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Of each class its images, the percent named rightly, and what it is most often taken for.

    The worst class is first; one without images has None.
    """
    rows = []
    for name, row, place in zip(classes, scores.confusion, range(len(classes)), strict=True):
        images = sum(row)
        others = [(n, classes[k]) for k, n in enumerate(row) if k != place and n]
        rows.append(
            {
                "class": name,
                "images": images,
                "right": 100 * row[place] / images if images else None,
                "taken_for": max(others, key=lambda other: other[0])[1] if others else None,
            }
        )
    return sorted(rows, key=lambda row: (row["right"] is None, row["right"]))


def worst_images(
    logits: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    classes: Sequence[str],
) -> list[dict[str, Any]]:
    """The images that the network is most wrong about, of those that it names wrongly.

    Args:
        logits: (n, classes).
        labels: (n,).
        names: (n,) what each image is called.
        classes: Names in label order.
    """
    losses, named = losses_of(logits, labels), logits.argmax(1)
    wrong = np.flatnonzero(named != labels)
    order = wrong[np.argsort(-losses[wrong], kind="stable")][:WORST]
    return [
        {
            "image": names[i],
            "class": classes[labels[i]],
            "named": classes[named[i]],
            "loss": float(losses[i]),
        }
        for i in order.tolist()
    ]
