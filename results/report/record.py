"""A run's folder as a report reads it, and what every report says: costs, and how to run again.

Nothing here writes into the store, so that a report of a run that goes on does no harm.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.report.page import Code, Part, Section, Table, Text
from results.runs.files import read_json
from results.runs.folder import RECORD, STORE, check_store, masked, orphaned, read_record
from results.runs.load import run_folder
from search_spaces.errors import UserError, meant, said

if TYPE_CHECKING:
    from optuna import Study

    from results.runs.lines import Content
    from results.runs.records import Trial


@dataclass(frozen=True)
class Folder:
    """A run as a report sees it.

    Attributes:
        path: Where it is.
        record: What run.json holds.
        storage: URL of the trials' storage, where the user gave it.
    """

    path: Path
    record: Mapping[str, Any]
    storage: str | None = None

    @property
    def experiment(self) -> Mapping[str, Any]:
        """What was asked for, as run.json records it."""
        experiment: Mapping[str, Any] = self.record["experiment"]
        return experiment

    @property
    def sessions(self) -> list[Mapping[str, Any]]:
        """The sessions that ended, as run.json records them."""
        sessions: list[Mapping[str, Any]] = self.record["sessions"]
        return sessions

    @property
    def kind(self) -> str:
        """The command that made the run, as `search`."""
        return str(self.experiment.get("kind"))


def open_folder(spec: str, runs: Path, storage: str | None = None) -> Folder:
    """Opens a run.

    Args:
        spec: A run's folder, or a name under `runs`.
        runs: Where runs lie.
        storage: URL of its trials' storage; None for the one that the record names.

    Raises:
        UserError: There is none, its record can't be read, or its trials are elsewhere.
    """
    if (path := run_folder(spec, runs, (RECORD,))) is not None:
        if not (path / RECORD).is_file():
            raise UserError(orphaned(path) or f"{path} has no {RECORD}, so it is no run's folder")
        record = read_record(path)
        if storage is not None:
            check_store(path, record, masked(storage))
        return Folder(path, record, storage)
    others = sorted(path.parent.name for path in runs.glob(f"*/{RECORD}"))
    names = ", ".join(others[:8]) + (" and others" if len(others) > 8 else "")
    raise UserError(
        f"there is no run {spec!r}{meant(spec, others)}: expected a run's folder, or a name in "
        f"{runs}/" + (f", as {names}" if others else ", which has none")
    )


def content(path: Path) -> dict[str, Any] | None:
    """A JSON file's object.

    Returns:
        None where there is no file.

    Raises:
        UserError: The file holds something else.
    """
    if not path.is_file():
        return None
    value = read_json(path)
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object: it was not written by this program")
    return value


def read_only(location: str | Path) -> Any:
    """An Optuna storage that refuses to write: of a journal file, or of a URL as it is.

    Raises:
        UserError: It can't be opened.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    class Reader(JournalFileBackend):
        def append_logs(self, logs: Any) -> None:
            raise PermissionError("this is a view of the run: nothing is written")

    try:
        if "://" in str(location):
            from results.runs.database import reading

            return optuna.storages.get_storage(reading(str(location)))
        return JournalStorage(Reader(str(location)))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"the store {masked(str(location))} can't be read ({type(error).__name__}): expected "
            "the run's journal, or a database that can be reached"
        ) from None


def location(folder: Folder) -> str | Path:
    """Where the run's trials are stored: its journal, or a storage's URL.

    Raises:
        UserError: The storage has a password, which no record keeps, and was not given.
    """
    recorded = folder.record.get("storage")
    where = folder.storage or (recorded if isinstance(recorded, str) else None)
    if where is None:
        return folder.path / STORE
    if ":***@" in where:
        raise UserError(
            f"the trials of {folder.path.name} are in {where}, whose password no file keeps: give "
            "the whole URL with --storage"
        )
    return where


def stored(folder: Folder) -> "tuple[list[Trial], list[float | None]]":
    """Reads a run's trials.

    Returns:
        Trials, and the objective's quantity of each in its base unit, in the order of writing;
        none where nothing was stored yet.

    Raises:
        UserError: The store can't be read.
    """
    where = location(folder)
    try:
        if isinstance(where, str):
            study = study_of(folder, where)
            content = None if study is None else _content(study)
        else:
            from results.runs.journal import read

            choices = folder.experiment.get("choices")
            content = read(where, choices) if where.is_file() else None
    except UserError:
        raise
    except KeyError as error:
        raise UserError(
            f"{masked(str(where))} holds trials of another program: they lack {error}"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"the store {masked(str(where))} can't be read ({said(error)}): expected the run's "
            "journal"
        ) from None
    return ([], []) if content is None else (content.trials, content.amounts)


def study_of(folder: Folder, url: str) -> "Study | None":
    """A run in a database; None where it has none of that name.

    Raises:
        UserError: The database can't be read, or holds another experiment under that name.
    """
    import optuna

    storage, name = read_only(url), f"compound-nas/{folder.path.name}"
    if name not in optuna.get_all_study_names(storage):
        return None
    study = optuna.load_study(study_name=name, storage=storage)
    if study.user_attrs.get("experiment", folder.experiment) != folder.experiment:
        raise UserError(
            f"{masked(url)} holds another experiment under the name {folder.path.name}: the folder "
            "is of another database"
        )
    return study


def _content(study: "Study") -> "Content":
    from results.runs.database import content_of

    return content_of(study)


def duration(seconds: float) -> str:
    """Seconds for people: `9.3 s`, `4 min 10 s`, `3.4 h`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds / 3600:,.1f} h"


def gpu_hours(folder: Folder, seconds: float) -> str:
    """What sessions say of GPUs; one that was killed says nothing.

    Args:
        folder: The run.
        seconds: Of all evaluations.
    """
    if "training" not in folder.experiment:
        return "0 (nothing was trained)"
    each = {session.get("gpus_per_trial") for session in folder.sessions if session.get("new")}
    if len(each) != 1 or not isinstance(gpus := each.pop(), int | float):
        return "not recorded" if len(each) < 2 else "not recorded: sessions differ in their GPUs"
    return f"{seconds * gpus / 3600:.2f} ({gpus:.3g} of a GPU a trial)" if gpus else "0"


def costs(folder: Folder, evaluations: int, failed: int, seconds: float) -> Section:
    """Evaluations, hours, refusals, and what each session's time went to."""
    new = sum(int(session.get("new") or 0) for session in folder.sessions)
    rows = [
        ("evaluations", f"{evaluations:,}"),
        ("failed", f"{failed:,}"),
        ("time of all evaluations", f"{duration(seconds)} ({seconds / 3600:.4g} h)"),
        ("GPU-hours", gpu_hours(folder, seconds)),
        ("sessions that ended", f"{len(folder.sessions)}, with {new:,} evaluations"),
    ]
    refused: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for session in folder.sessions:
        refused.update({str(k): int(v) for k, v in _numbers(session.get("refused")).items()})
        spent.update(_numbers(session.get("seconds")))
    rows += [(f"refused before evaluation: {name}", f"{n:,}") for name, n in refused.items()]
    parts: list[Part] = [Table("Evaluations and hours", ("", ""), rows, left=2)]
    whole = sum(spent.values())
    if whole:
        shares = [(k, duration(v), f"{100 * v / whole:.1f} %") for k, v in spent.most_common()]
        shares.append(("in all", duration(whole), ""))
        parts.append(
            Table("What the time went to, of all sessions that ended", ("part", "time", "share"),
                  shares)
        )  # fmt: skip
    return Section("costs", "Costs", "What it cost", parts)


def _numbers(value: Any) -> dict[str, float]:
    """The numbers of an object of run.json, by their names."""
    if not isinstance(value, dict):
        return {}
    return {str(k): v for k, v in value.items() if isinstance(v, int | float)}


def again(folder: Folder) -> Section:
    """Commands, versions, seed, commit, machine, and the experiment as it was recorded."""
    commands = list(
        dict.fromkeys(masked(str(session.get("command"))) for session in folder.sessions)
    )
    parts: list[Part] = [Code("command" if len(commands) < 2 else "commands", "\n".join(commands))]
    if not commands:
        parts = [Text("No session of this run has ended, so its command is not recorded yet.")]
    record, experiment = folder.record, folder.experiment
    machine = record.get("machine")
    machine = machine if isinstance(machine, dict) else {}
    versions = _plain(record.get("versions"))
    rows = [
        ("folder", str(folder.path)),
        ("started (UTC)", str(record.get("started", "not recorded"))),
        ("last session ended (UTC)", str(([*folder.sessions] or [{}])[-1].get("ended", "-"))),
        ("commit", str(record.get("commit") or "not recorded")),
        ("seed", str(experiment.get("seed", "not one of this command's"))),
        ("machine", ", ".join(f"{k} {v}" for k, v in machine.items()) or "not recorded"),
        ("versions", versions or "not recorded"),
    ]
    parts.append(Table("Where and with what it ran", ("", ""), rows, left=2))
    asked = [(key, _plain(value)) for key, value in experiment.items()]
    caption = "The experiment as run.json records it"
    parts.append(Table(caption, ("key", "value"), asked, left=2, folded=True))
    return Section("again", "Run it again", "Everything needed to run it again", parts)


def _plain(value: Any) -> str:
    """A value of run.json in words."""
    if isinstance(value, dict):
        return "; ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)
