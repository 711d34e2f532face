"""The report of a search: what its folder holds, read for a page that shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.objective import Objective
from nas.report.damage import ended
from nas.scores.registry import SCORES
from results.report.record import Folder, content, stored
from results.runs.addresses import check_best, ids_of
from results.runs.load import BEST, lost, mending, without_network
from search_spaces.architecture import Architecture, from_dict
from search_spaces.errors import UserError
from search_spaces.quantities import Quantity, quantity

if TYPE_CHECKING:
    import pandas as pd


_WANTED = ("id", "accuracy", "macs", "params", "memory", "architecture")


class Measure(NamedTuple):
    """What accuracies are called, and what follows their numbers: `top-1` and ` %`."""

    name: str
    sign: str

    @property
    def heading(self) -> str:
        """Of a column."""
        return self.name + self.sign


@dataclass(frozen=True)
class Findings:
    """A search as its folder tells it.

    Attributes:
        folder: The run.
        best: best.json, None where there is no pick.
        quantity: That has the target.
        target: T in its base unit.
        objective: None where this version has none of that name.
        caution: Standard deviations that are taken off an accuracy before it is compared.
        frame: Every trial, with `amount`, the quantity in its base unit, and `reward` of the
            cautious accuracy; nan where unknown. It has a `network` in place of id and costs, but
            for what is read from trials.csv.
        compared: Of the frame, the trials of the largest budget.
        pick: The network; None where there is none.
        pick_number: Its trial.
        provisional: The run was not concluded, and the pick is the best so far.
        warnings: What the reader has to know.
    """

    folder: Folder
    best: dict[str, Any] | None
    quantity: Quantity
    target: float
    objective: Objective | None
    caution: float
    frame: "pd.DataFrame"
    compared: "pd.DataFrame"
    pick: Architecture | None
    pick_number: int | None
    provisional: bool
    warnings: tuple[str, ...]

    @property
    def measure(self) -> "Measure":
        """What the accuracies are."""
        name = str(self.folder.experiment.get("evaluator")).partition(":")[0]
        return Measure(SCORES[name].title, "") if name in SCORES else Measure("top-1", " %")

    @property
    def cautious(self) -> bool:
        """Whether accuracies have a spread that is taken off them."""
        return bool(self.caution) and self.measure.sign != ""


def findings_of(folder: Folder) -> Findings:
    """Reads a search's folder.

    Raises:
        UserError: It is no search's, or can't be read.
    """
    if folder.kind != "search":
        other = {"gridsearch", "family", "compare"}
        raise UserError(
            f"{folder.path} is a run of kind {folder.kind}: "
            + (f"take gridsearch report {folder.path}; in Python, gridsearch.report"
               if folder.kind in other else "expected a run of nas search")
        )  # fmt: skip
    warnings: list[str] = []
    of, target, objective = _asked(folder, warnings)
    caution = objective.caution if objective else 0.0
    best = _best(folder, warnings)
    frame, networks = _trials(folder, of, objective, warnings)
    done = frame[frame["accuracy"].notna()]
    compared = done[done["budget"] == done["budget"].max()].reset_index(drop=True)
    pick, number, provisional = _pick(best, compared, networks, objective, warnings)
    _state(folder, best, frame, warnings)
    return Findings(
        folder, best, of, target, objective, caution, frame, compared, pick, number, provisional,
        tuple(warnings),
    )  # fmt: skip


def _best(folder: Folder, warnings: list[str]) -> dict[str, Any] | None:
    """What best.json holds; None, with a warning, where this version can't read it."""
    place = folder.path / BEST
    try:
        best = content(place)
        if best is None:
            if ended(folder.record) and folder.sessions[-1].get("picked") is not False:
                warnings.append(f"{without_network(folder.path)}.")
            return None
        if lacks := [key for key in _WANTED if best.get(key) is None]:
            raise UserError(
                f"{place} has no {', '.join(lacks)}: it is damaged or of another version"
            )
        check_best(best, str(place))
    except UserError as error:
        warnings.append(f"{mending(folder.record, error)}. It is left out.")
        return None
    return best


def _asked(folder: Folder, warnings: list[str]) -> tuple[Quantity, float, Objective | None]:
    """The quantity, T and the objective that run.json asks for; what is unknown is warned of."""
    asked = folder.experiment
    key, target = str(asked.get("quantity")), asked.get("target")
    try:
        of = quantity(key)
    except UserError:
        warnings.append(f"This version does not know the quantity {key!r}: its amounts are plain.")
        of = Quantity(key, key, {}, (("", 1.0),), "", column="amount")
    if not isinstance(target, int | float) or not target > 0:
        raise UserError(f"{folder.path} has no target in its run.json: it is no search's run")
    name = str(asked.get("objective"))
    try:
        return of, target, Objective(name, target, of, float(asked.get("caution", 1.0)))
    except UserError:
        warnings.append(f"This version does not know the objective {name!r}: no rewards are shown.")
        return of, target, None


def _trials(
    folder: Folder, of: Quantity, objective: Objective | None, warnings: list[str]
) -> "tuple[pd.DataFrame, dict[int, Architecture]]":
    """The stored trials; where the store can't be read or is empty, those of trials.csv."""
    import pandas as pd

    from results.runs.frames import outcomes_frame

    table = folder.path / "trials.csv"
    try:
        trials, amounts = stored(folder)
        why = lost(folder.path, folder.record, len(trials))
    except UserError as error:
        if not table.is_file():
            raise
        trials, amounts, why = [], [], str(error)
    networks = {trial.number: trial.architecture for trial in trials}
    if not trials and table.is_file():
        frame, base = _of_table(table, of, why)
        why += (
            f"{'. ' * bool(why)}The trials shown are those of trials.csv, without their networks: "
        )
        why += "a click on a point of the front shows none"
    else:
        frame = outcomes_frame(trials)
        base = [float("nan") if amount is None else amount for amount in amounts]
    warnings += [f"{why}."] * bool(why)
    frame = frame.assign(amount=pd.Series(base, frame.index, dtype=float))
    for name in ("accuracy", "spread", "seconds", "budget"):
        frame[name] = frame[name].astype(float)
    return frame.assign(reward=_rewards(frame, objective)), networks


def _of_table(table: Path, of: Quantity, why: str) -> "tuple[pd.DataFrame, list[float]]":
    """The rows of trials.csv and the quantity of each.

    Raises:
        UserError: It is damaged too; `why` it is needed is told besides.
    """
    import pandas as pd

    try:
        ids_of(table)
    except UserError as error:
        raise UserError(f"{why}; and {error}" if why else str(error)) from None
    frame = pd.read_csv(table)
    known = frame[of.column] if of.column in frame else pd.Series(float("nan"), frame.index)
    base = [of.base(float(value)) if value == value and value else float("nan") for value in known]
    return frame, base


def _rewards(frame: "pd.DataFrame", objective: Objective | None) -> Any:
    """The rewards of rows (n,); nan where accuracy or amount is unknown."""
    if objective is None:
        return float("nan")
    cautious = frame["accuracy"] - objective.caution * frame["spread"].fillna(0.0)
    return objective.reward(cautious.clip(lower=0.0).to_numpy(), frame["amount"].to_numpy())


def _pick(
    best: dict[str, Any] | None,
    compared: "pd.DataFrame",
    networks: dict[int, Architecture],
    objective: Objective | None,
    warnings: list[str],
) -> tuple[Architecture | None, int | None, bool]:
    """The pick, its trial, and whether it is provisional: only the best so far."""
    if best is not None:
        try:
            number = best.get("number")
            return from_dict(best["architecture"]), number, False
        except UserError as error:
            warnings.append(f"The architecture in {BEST} can't be read: {error}.")
    able = compared[compared["reward"].notna()]
    if objective is not None and objective.name == "hard":
        able = able[able["amount"] <= objective.target]
    if not len(able):
        return None, None, False
    number = _first(able[able["reward"] == able["reward"].max()], networks, objective)
    return networks.get(number), number, True


def _first(
    equal: "pd.DataFrame", networks: dict[int, Architecture], objective: Objective | None
) -> int:
    """Of rows of equal reward the number that a search picks."""

    def merit(row: tuple[int, float]) -> tuple[float, ...]:
        number, amount = row
        if objective is None or number not in networks:  # of trials.csv
            return -amount, -number
        return *objective.thrift(networks[number]), -number

    rows = zip(equal["number"].tolist(), equal["amount"].tolist(), strict=True)
    return int(max(rows, key=merit)[0])


def _state(
    folder: Folder, best: dict[str, Any] | None, frame: "pd.DataFrame", warnings: list[str]
) -> None:
    """Adds what the reader has to know about how the run stands."""
    last = folder.sessions[-1] if folder.sessions else None
    if last is None:
        warnings.append("No session of this run has ended: it goes on, or it was killed.")
    elif last.get("interrupted"):
        warnings.append("The last session was interrupted: the same command continues the run.")
    elif last.get("stopped"):
        warnings.append(f"The search stopped early: {last['stopped']}.")
    if best is not None and isinstance(best.get("trials"), int) and best["trials"] < len(frame):
        warnings.append(
            f"The pick was made of the first {best['trials']:,} of {len(frame):,} trials: run the "
            "same command again to conclude."
        )
    failed = int(frame["error"].notna().sum())
    if failed and failed == len(frame):
        warnings.append("Every evaluation failed.")
    elif failed:
        warnings.append(f"{failed:,} of {len(frame):,} evaluations failed.")
