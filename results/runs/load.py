"""From what a user types to an architecture: a network's name, a run, a file, block strings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from results.runs.addresses import TRAINED as TRAINED
from results.runs.addresses import network_at
from results.runs.files import EXPECTED, check_kinds, read_json, read_text
from results.runs.folder import RECORD, lacking, read_record
from results.runs.records import MADE
from results.runs.strings import PLAIN, Shape, from_strings, is_strings
from results.streams import aside
from search_spaces.architecture import Architecture, from_dict, from_json
from search_spaces.errors import UserError, meant
from search_spaces.scaling.coefficients import LETTERS, Coefficients
from search_spaces.scaling.published import KNOWN, NAMES, named
from search_spaces.space import Space
from search_spaces.spaces import INSIDE, inside, space, whose

BEST = "best.json"
ENDING_IN_BEST = {  # kinds of runs
    "search": "search", "train": "training", "supernet": "training", "gridsearch": "grid",
}  # fmt: skip
FAMILY = "family.json"


def load_architecture(
    spec: str | Architecture, runs: Path = Path("runs"), shape: Shape = PLAIN
) -> Architecture:
    """Finds the network that a text names.

    Args:
        spec: `efficientnet_b0`, a run's name, its folder, `RUN:ID` or what else
            `results.runs.addresses` knows, `FAMILY:NETWORK` with a run, a folder or
            a family.json of `gridsearch family`, block strings of TensorFlow or timm, or a file: of
            block strings, of an architecture, or of an object with one under `architecture`, as
            best.json is. What such a file holds does too; a network itself stays as it is.
        runs: The folder of runs.
        shape: What block strings leave open; anything else has none.

    Raises:
        UserError: Nothing has that name; the message lists what would do.
    """
    if isinstance(spec, Architecture):
        return spec
    if spec.lstrip().startswith("{"):
        return from_json(spec)
    if is_strings(spec):
        return from_strings(spec, shape)
    if (known := _plain(spec, runs, shape)) is None:
        known_names = [*KNOWN, *_runs(runs)]
        raise UserError(
            f"{spec!r} is no network, run or file{meant(spec, known_names)}: expected "
            f"one of {NAMES}, the name of a run in {runs}/, FAMILY:NETWORK, block "
            "strings of timm or TensorFlow, or a file of an architecture or of block strings"
        )
    if shape.given and not known[1]:
        key = next(iter(shape.given))
        option = {"resolution": "pixels", "in_channels": "channels"}.get(key, key)
        raise UserError(
            f"--{option} is for block strings, and {spec} is a whole network: leave it out"
        )
    return known[0]


def load_space(spec: str, runs: Path = Path("runs")) -> Space:
    """Finds the space that a text names; what a file of it prints goes to stderr.

    Args:
        spec: As `search_spaces.spaces.space` has it; behind `inside:` all that `load_architecture`
            knows.
        runs: The folder of runs.

    Raises:
        UserError: Nothing has that name.
    """
    if spec.startswith(INSIDE):
        return inside(load_architecture(whose(spec), runs))
    with aside():
        return space(spec)


def _runs(runs: Path) -> list[str]:
    """Names of the runs that have a network."""
    return [path.parent.name for path in runs.glob(f"*/{BEST}")]


def _plain(spec: str, runs: Path, shape: Shape) -> tuple[Architecture, bool] | None:
    """(the network, whether a file's block strings made it); None where there is none."""
    if (published := named(spec)) is not None:
        return published, False
    places = _places(spec, runs)
    for path in places:
        if path.is_file() and is_strings(text := read_text(path)):
            return from_strings(text, shape), True
    if (member := family_member(spec, runs)) is not None:
        return architecture_of(member.row, str(member.file)), False
    if (found := _of_run(spec, runs)) is not None:
        return found, False
    for path in places:
        if path.is_dir():
            return _of_folder(path), False
        if path.is_file():
            return architecture_of(read_json(path), str(path)), False
    return None


def _of_run(spec: str, runs: Path) -> Architecture | None:
    """What `RUN:WHICH` names; None where no search is named."""
    name, colon, which = spec.rpartition(":")
    folder = run_folder(name, runs, (BEST,)) if colon and name else None
    if folder is None or not (folder / BEST).is_file() or Path(spec).exists():
        return None
    row = network_at(folder, read_json(folder / BEST), which)
    return architecture_of(row, f"{folder}:{which}")


SIGNS = (BEST, FAMILY, RECORD)  # files of which a run's folder has one


def _places(spec: str, runs: Path, signs: Sequence[str] = SIGNS) -> list[Path]:
    """Where a name may lead; a folder that is no run's, as one of images, hides none that is."""

    def foreign(path: Path) -> bool:
        return path.is_dir() and not any((path / name).exists() for name in signs)

    return sorted([Path(spec), runs / spec] if spec else [], key=foreign)


def run_folder(spec: str, runs: Path, signs: Sequence[str] = SIGNS) -> Path | None:
    """The folder that a name leads to, one with a file of `signs` before others; or None."""
    return next((path for path in _places(spec, runs, signs) if path.is_dir()), None)


def _of_folder(path: Path) -> Architecture:
    if (path / BEST).exists():
        return architecture_of(read_json(path / BEST), str(path / BEST))
    raise without_network(path)


def without_network(path: Path) -> UserError:
    """Why a folder without best.json can't be used as a network, and what makes it one.

    Raises:
        UserError: Its run.json is damaged.
    """
    if not (path / RECORD).exists():
        return UserError(f"the folder {path} is no run: expected one with {BEST} in it")
    record = read_record(path)
    kind, sessions = record["experiment"].get("kind"), record["sessions"]
    what = ENDING_IN_BEST.get(kind)
    if what is None:
        return UserError(f"the run {path} is of the kind {kind}, which leaves no network")
    ended = bool(sessions) and not sessions[-1].get("interrupted")
    if ended and sessions[-1].get("picked") is False:
        return UserError(
            f"the run {path} has no pick, since every trial failed or broke the target: see why in "
            f"{path / 'trials.csv'}, mend the evaluator or allow more, and search anew with "
            "another --name"
        )
    why = "its last session ended" if ended else f"the {what} was cut off or is under way"
    command = (sessions[-1] if sessions else record).get("command")
    return UserError(
        f"the run {path} has no {BEST}{' any more' if ended else ' yet'}: {why}; its command "
        f"{'writes it again' if ended else 'goes on with it'}" + (f": {command}" if command else "")
    )


def made_anew(record: Mapping[str, Any], what: str = "writes it anew") -> str:
    """What a run's command mends, given again: the end of a sentence, with the command."""
    command = (record["sessions"][-1] if record["sessions"] else record).get("command")
    return f"the run's command, given again, {what}" + (f": {command}" if command else "")


def lost(folder: Path, record: Mapping[str, Any], trials: int) -> str:
    """What a store that holds so many trials lacks, and what to do; empty where nothing."""
    lacks = lacking(folder, record, trials)
    how = made_anew(record, MADE)
    return lacks and f"{lacks}: put it back from a copy; or {how}"


def mending(record: Mapping[str, Any], error: Exception) -> str:
    """What is wrong with a file that a run writes at its end, and what to do."""
    return f"{str(error).partition(EXPECTED)[0]}; {made_anew(record)}"


def coefficients_in(content: Any, place: str) -> Coefficients:
    """The coefficients that a coefficients.json holds.

    Args:
        content: Parsed JSON.
        place: Names the file in messages.

    Raises:
        UserError: There are none.
    """
    check_kinds(content, place, dict.fromkeys(LETTERS, (int, float)))
    try:
        return Coefficients(content["alpha"], content["beta"], content["gamma"])
    except UserError as error:
        raise UserError(f"{place} can't be used, since its {error}") from None


class Member(NamedTuple):
    """A network of a family: the family.json, its content, the network's row in it."""

    file: Path
    content: dict[str, Any]
    row: Mapping[str, Any]


def family_member(spec: str, runs: Path) -> Member | None:
    """What `FAMILY:NETWORK` names; None where no family is named.

    Raises:
        UserError: None or an unknown one of a family's networks is named; they are listed.
    """
    place, _, member = spec.rpartition(":")
    places = [path for name in (spec, place) if name for path in (Path(name), runs / name)]
    for path in places:
        file = path / FAMILY if path.is_dir() else path
        if not file.is_file() or (path.is_dir() and (path / BEST).exists()):
            continue
        content = read_json(file)
        if isinstance(content, dict) and isinstance(content.get("networks"), list):
            asked = member if place and str(path).endswith(place) else ""
            return Member(file, content, _row(content, file, asked))
    return None


def _row(content: Mapping[str, Any], file: Path, member: str) -> Mapping[str, Any]:
    """The network of that name in a family.json."""
    rows = {str(row.get("name")): row for row in content["networks"] if isinstance(row, dict)}
    if not rows:
        raise UserError(
            f"{file} holds no network: expected those of `gridsearch family`, which writes it anew"
        )
    if member in rows:
        chosen: Mapping[str, Any] = rows[member]
        return chosen
    named = f"no network {member!r}" if member else "several networks"
    example = next(iter(rows), "NAME")
    raise UserError(
        f"{file} holds {named}: take one of {', '.join(rows)}, as {file.parent}:{example}"
    )


def architecture_of(content: Any, place: str) -> Architecture:
    """The architecture in parsed JSON.

    Args:
        content: It, or an object with it under `architecture`.
        place: Names it in messages.

    Raises:
        UserError: There is none.
    """
    if isinstance(content, dict) and "architecture" in content:
        content = content["architecture"]
    try:
        return from_dict(content)
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
