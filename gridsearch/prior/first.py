"""Where a baseline's own number is from, from which the law's gains count."""

import contextlib
import dataclasses
from typing import NamedTuple

from gridsearch.prior.printed import Printed, first_error, published
from nas.imagenet.evaluator import ImagenetEvaluator
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain
from search_spaces.scaling.rules import rule_name

# Whose printed accuracy stands in for a baseline that no evidence speaks of, by scaling rule.
_KIN = {
    "efficientnet": "efficientnet_b0",
    "lcnet": "lcnet",
    "lite": "efficientnet_lite0",
    "mnasnet": "mnasnet_a1",
    "mobilenet_v1": "mobilenet_v1",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3": "mobilenet_v3_large",
    "resnet": "resnet_50",
    "tinynet": "efficientnet_b0",
}


class First(NamedTuple):
    """What a baseline starts from.

    Attributes:
        error: 100 - its top-1.
        text: A sentence on where that is from, without its subject.
        subject: Of the sentence, where the baseline isn't named.
        recipe: The published table, if it is in one.
    """

    error: float
    text: str
    subject: str
    recipe: str | None = None

    def said(self, name: str = "") -> str:
        """The sentence, with the baseline's name or without."""
        return f"{name or self.subject} {self.text}"


def _own_row(baseline: Architecture) -> Printed | None:
    """What is printed of a baseline that is a published network scaled; None of any other."""
    regularized = {"dropout": 0.0, "drop_connect": 0.0, "padding": "half"}
    plain = dataclasses.replace(baseline, **regularized)  # type: ignore[arg-type]
    return next(
        (
            row
            for row in published()
            if dataclasses.replace(row.architecture, **regularized) == plain  # type: ignore[arg-type]
        ),
        None,
    )


def first(baseline: Architecture, known: str | None, rule: str | None = None) -> First:
    """What a baseline starts from.

    Args:
        baseline: The network.
        known: Its name where it is in the published table.
        rule: Its scaling rule; None takes the network's own.
    """
    if known is None:
        if (row := _own_row(baseline)) is not None:
            return First(100 - row.top1, f"starts from its {row.top1:g} % in: {row.source}.",
                         "This baseline")  # fmt: skip
        with contextlib.suppress(OutOfDomain):
            top1 = round(ImagenetEvaluator()(baseline, 1.0, 0).accuracy, 2)
            text = (
                "is in none of the tables that the law was fitted to: it is given the "
                f"{top1:.2f} % that `nas predict` says of it."
            )
            return First(100 - top1, text, "This baseline")
    kin = known or _KIN[rule_name(baseline, rule)]
    row = next(row for row in published() if row.network == kin)
    error = first_error(published(), row.recipe)
    if known:
        text = f"starts from its {100 - error:g} % in: {row.source}."
        return First(error, text, known, row.recipe)
    text = (
        f"is like no network that is known: it is given {kin}'s {100 - error:g} %, so only the "
        "gains mean something."
    )
    return First(error, text, "This baseline")
