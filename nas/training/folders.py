"""What a set of images holds: class folders, with or without `train/` and `val/`, or a CSV.

Only regular files are ever opened, and each real folder is entered once: a named pipe would wait
for ever, and two links to `.` make more paths than there are atoms.
"""

import csv
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import UserError

HELD_OUT = 0.2  # part of each training class that validates where there is no val/
VAL = ("val", "valid", "validation")  # names of the folder that validates
PATH, LABEL = ("path", "file", "filename", "image"), ("label", "class")  # columns of a CSV
KNOWN = ("path", "label", "split")  # what they are
SIGNS = ",;\t"  # that may stand between them
Split = list[tuple[str, int]]  # (path below the root, label)
LeftOut = tuple[str, str, str]  # (path below the root, why it is not used, its class)
Lost = tuple[str, int, int, str]  # class, files that can't be used, of how many, why
_Classes = dict[str, list[Path]]

EXPECTED = (
    "expected train/CLASS/*.jpg in it and perhaps val/, or CLASS/*.jpg, or a CSV with the columns "
    "path and label"
)
COLUMNS = "expected the columns path and label in its first line, and perhaps split"


@dataclass(frozen=True)
class Listing:
    """The files of a set of images; nothing is decoded yet.

    Attributes:
        root: What paths are below.
        classes: Names in label order.
        splits: Files with labels for `train` and `val`.
        left_out: What is no regular file.
    """

    root: Path
    classes: tuple[str, ...]
    splits: dict[str, Split]
    left_out: tuple[LeftOut, ...] = ()


def real_place(place: Path) -> Path:
    """Where a set of images really is; `Path.resolve` raises where links lead to each other."""
    return Path(os.path.realpath(os.path.expanduser(place)))


def splits_of(place: Path, seed: int) -> Listing:
    """Lists a set of images.

    Args:
        place: A folder with train/CLASS/* and perhaps val/CLASS/* (or valid/, validation/), a
            folder of CLASS/*, or a CSV with the columns path and label and perhaps split.
        seed: Draws the HELD_OUT part of each training class that validates where nothing else
            does.

    Raises:
        UserError: It can't be read, or a class has too few images.
    """
    left_out: list[LeftOut] = []
    place = real_place(place)
    if place.is_file():
        root, (train, val) = place.parent, _from_csv(place, left_out)
    else:
        root, (train, val) = place, _from_folder(place, left_out)
    _check_classes(place, train, val, left_out)
    if not val:
        train, val = _set_aside(train, seed)
    labels = {name: label for label, name in enumerate(train)}
    splits = {
        split: [
            (os.path.relpath(path, root), labels[name])
            for name, paths in by_class.items()
            for path in paths
        ]
        for split, by_class in (("train", train), ("val", val))
    }
    why = tuple((os.path.relpath(path, root), reason, name) for path, reason, name in left_out)
    return Listing(root, tuple(train), splits, why)


def _check_classes(place: Path, train: _Classes, val: _Classes, left_out: list[LeftOut]) -> None:
    """Raises UserError for fewer than two classes, and for those that validate only."""
    unknown = sorted(set(val) - set(train))
    if len(train) < 2 and place.is_file():
        lost = [
            f"; {len(left_out)} of its lines lead to no file, as {path}" for path, *_ in left_out
        ]
        raise UserError(
            f"{place} has images of {len(train)} class{'es' * (len(train) != 1)}: expected two or "
            f"more, with paths below the CSV's folder{''.join(lost[:1])}"
        )
    if len(train) < 2:
        raise UserError(
            f"{place} has {len(train)} class folder{'s' * (len(train) != 1)}: expected a folder of "
            "images for each of two or more classes"
        )
    if strange := [name for name in train if not _is_text(name)]:
        raise UserError(
            f"{place} has a folder with the name {os.fsencode(strange[0])!r}, which is no text in "
            "UTF-8: rename it, since it names a class"
        )
    if unknown:
        where = "its training images lack" if place.is_file() else "train/ lacks"
        raise UserError(
            f"{place} validates on the class {unknown[0]!r} that {where}: expected the classes "
            "that are trained"
        )


def _is_text(name: str) -> bool:
    """Whether a folder's name can be written into files; any bytes may be a name."""
    return name.encode(errors="ignore").decode() == name


def _from_folder(folder: Path, left_out: list[LeftOut]) -> tuple[_Classes, _Classes]:
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: {EXPECTED}")
    named = [folder / name for name in VAL if (folder / name).is_dir()]
    if not (folder / "train").is_dir():
        if named or (folder / "test").is_dir() or not _by_class(folder, []):
            raise UserError(f"{folder} has no folder train/: {EXPECTED}")
        return _by_class(folder, left_out), {}
    if len(named) > 1:
        raise UserError(
            f"{folder} has {named[0].name}/ and {named[1].name}/: expected one folder to "
            "validate on, so rename the other"
        )
    train = _by_class(folder / "train", left_out)
    if not named:
        return train, {}
    if not (val := _by_class(named[0], left_out)):
        raise UserError(f"{named[0]} has no class folders: expected the classes of train/")
    return train, val


def _by_class(folder: Path, left_out: list[LeftOut]) -> _Classes:
    classes = {}
    for entry in _listed(folder):
        if _is(entry.is_dir):
            bad: list[tuple[str, str]] = []
            place = Path(entry.path)
            seen = {_identity(path) for path in (place, *place.parents)}
            classes[entry.name] = sorted(_files(place, bad, seen))
            left_out += [(path, reason, entry.name) for path, reason in bad]
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise UserError(
            f"the class folder {folder / empty[0]} is empty: add images to it or remove it"
        )
    return classes


def _files(folder: Path, bad: list[tuple[str, str]], seen: set[tuple[int, int]]) -> Iterator[Path]:
    """All regular files below, hidden ones apart."""
    for entry in _listed(folder):
        path = Path(entry.path)
        if _is(entry.is_file):
            yield path
        elif not _is(entry.is_dir):
            dead = entry.is_symlink() and not os.path.exists(path)
            bad.append((entry.path, "a link to nothing" if dead else "no regular file"))
        else:
            real = _identity(path)
            if real in seen:
                bad.append((entry.path, "a link to a folder that is read already"))
            else:
                seen.add(real)
                yield from _files(path, bad, seen)


def _is(kind: Callable[[], bool]) -> bool:
    """What an entry says of its kind; a link to itself, which has none, raises."""
    try:
        return kind()
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int]:
    """What a real folder is known by, however it is reached."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _listed(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise UserError(
            f"{folder} can't be read ({error.strerror}): expected a folder of images"
        ) from None
    return sorted(visible, key=lambda entry: entry.name)


def _set_aside(train: _Classes, seed: int) -> tuple[_Classes, _Classes]:
    """A part of each class validates; an image that is listed twice stays on one side."""
    rest, val = {}, {}
    for name, listed in train.items():
        files = sorted(set(listed))
        if len(files) < 2:
            raise UserError(
                f"the class {name!r} has one image and there is no val/: expected two or more, "
                "one of them to validate on"
            )
        drawn = random.Random(f"{seed} {name}").sample(files, len(files))
        held = max(1, round(HELD_OUT * len(files)))
        val[name], others = sorted(drawn[:held]), set(drawn[held:])
        rest[name] = sorted(path for path in listed if path in others)
    return rest, val


def _from_csv(file: Path, left_out: list[LeftOut]) -> tuple[_Classes, _Classes]:
    """`path,label` or `path,label,split`; paths are below the CSV's folder."""
    sets: dict[str, _Classes] = {"train": {}, "val": {}}
    try:
        with open(file, newline="", encoding="utf-8-sig") as lines:
            sign = _sign_in(lines.readline())
            lines.seek(0)
            reader = csv.DictReader(lines, delimiter=sign)
            names = reader.fieldnames or ()
            found = _columns(names)
            if "path" not in found or "label" not in found:
                listed = ", ".join(repr(name) for name in names) or "none"
                raise UserError(f"{file} has the columns {listed}: {COLUMNS}")
            for row in reader:
                given = [(row.get(found.get(name, "")) or "").strip() for name in KNOWN]
                _row(file, reader.line_num, given, sets, left_out)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        why = error.strerror or why if isinstance(error, OSError) else why
        raise UserError(f"{file} can't be read as a CSV, since {why}: {EXPECTED}") from None
    _check_once(file, sets)
    train, val = (
        {name: sorted(paths) for name, paths in sorted(sets[split].items())}
        for split in ("train", "val")
    )
    return train, val


def _check_once(file: Path, sets: dict[str, _Classes]) -> None:
    """Refuses an image of two classes or splits. Raises UserError."""
    rows = [(p, f"{c!r} of {s}") for s, by in sets.items() for c, ps in by.items() for p in ps]
    first: dict[str, str] = {}
    for path, what in rows:
        if (other := first.setdefault(os.path.normpath(path), what)) != what:
            raise UserError(f"{file} has {path.name} as {other} and as {what}: expected one "
                            "label and one split for each image")  # fmt: skip


def _columns(names: Sequence[str]) -> dict[str, str]:
    """Which columns hold the path, the label and the split, of those that there are."""
    own = {(name or "").strip().lower(): name for name in names}
    return {
        known: own[name]
        for known, called in zip(KNOWN, (PATH, LABEL, ("split",)), strict=True)
        for name in reversed(called)
        if name in own
    }


def _sign_in(first: str) -> str:
    """What stands between the columns, by the first line."""
    for sign in SIGNS:
        if {"path", "label"} <= _columns(next(csv.reader([first], delimiter=sign), [])).keys():
            return sign
    return SIGNS[0]


def _row(
    file: Path, line: int, given: Sequence[str], sets: dict[str, _Classes], left_out: list[LeftOut]
) -> None:
    """Sorts one line of a CSV into its split and class."""
    name, label, split = given
    split = "val" if split in VAL else split or "train"
    if split == "test":
        return
    if not name or not label or split not in sets:
        fault = "path" if not name else "label" if not label else f"set but the split {split!r}"
        raise UserError(
            f"line {line} of {file} has no {fault}: expected a path, a label, and train, val or "
            "test where there is a column split"
        )
    path = file.parent / name
    if os.path.isfile(path):  # a name that is too long raises in Path.is_file
        sets[split].setdefault(label, []).append(path)
    else:
        why = "no regular file" if os.path.exists(path) else "no such file"
        left_out.append((str(path), why, label))
