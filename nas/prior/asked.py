"""Which prior a search takes: what was asked for, what fits, and what the run began with."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from nas.prior.known import PRIORS, Prior
from results.runs.folder import RECORD, read_record
from search_spaces.errors import UserError, meant

AUTO, NONE = "auto", "none"
CHOSEN = NONE  # what `auto` is in a new run, by what was measured: docs/strategies.md
NAMES = (AUTO, *PRIORS, NONE)


def check_name(name: str) -> None:
    """Refuses what is no prior. Raises UserError."""
    if name not in NAMES:
        raise UserError(
            f"the prior is {name!r}{meant(name, NAMES)}: expected one of {', '.join(NAMES)}"
        )


def chosen(asked: str, takes: bool, strategy: str, dear: Callable[[], bool], folder: Path) -> str:
    """The prior of a search, a name of PRIORS or `none`.

    Args:
        asked: One of NAMES.
        takes: Whether the strategy can take one.
        strategy: Its name.
        dear: Whether networks are measured, and not predicted or scored; asked where it matters.
        folder: Of the run; `auto` is what a run there began with.

    Raises:
        UserError: It means nothing for this strategy or evaluator, or the run can't be read.
    """
    wanted = asked
    if asked == AUTO:
        begun = (folder / RECORD).is_file()
        wanted = read_record(folder)["experiment"].get("prior", NONE) if begun else CHOSEN
    if wanted not in PRIORS:
        return NONE
    trains = dear()
    if takes and trains:
        return str(wanted)
    if asked == AUTO:
        return NONE
    if not trains:
        raise UserError(
            f"the prior is {asked!r} (--prior), and here networks are predicted or scored, so that "
            "nothing is saved by knowing them beforehand: give --data DIR, or leave --prior out"
        )
    raise UserError(
        f"the prior is {asked!r} (--prior), and the strategy {strategy!r} takes none: give "
        "--strategy predictor or predictor-front, or leave --prior out"
    )


def said(prior: Prior, name: str, learned: tuple[float, Iterable[float]]) -> dict[str, Any]:
    """What a search learned of its prior, as plain JSON values.

    Args:
        prior: The prior.
        name: Of PRIORS.
        learned: The probability that it says anything, and points for one standard deviation more
            of each number.
    """
    belief, points = learned
    each = {title: float(gain) for title, gain in zip(prior.names, points, strict=True)}
    return {"name": name, "belief": belief, "points": each}


def sentence(what: dict[str, Any]) -> str:
    """The same in words."""
    names, chance = " and ".join(what["points"]), f"{what['belief']:.2f}"
    if not any(what["points"].values()):
        return (
            f"The prior was {what['name']} ({names}), and the trainings don't bear it out (the "
            f"probability that it says anything is {chance}): in the end it had no say."
        )
    gains = ", ".join(f"{title} {gain:+.2f}" for title, gain in what["points"].items())
    return (
        f"The prior was {what['name']}. By the trainings the probability that it says anything is "
        f"{chance}; points for one standard deviation more: {gains}."
    )
