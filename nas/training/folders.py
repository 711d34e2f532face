"""What an image folder holds: `train/CLASS/*`, and `val/CLASS/*` or a part of train."""

import random
from pathlib import Path

from search_spaces.errors import UserError

HELD_OUT = 0.2  # part of each training class that validates where there is no val/
Split = list[tuple[str, int]]  # (path in the folder, label)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise UserError(
            f"{folder} can't be read ({error.strerror}): expected a folder of images"
        ) from None


def _files(folder: Path) -> list[Path]:
    """All files below, hidden ones apart."""
    files = []
    for path in _listed(folder):
        files += _files(path) if path.is_dir() else [path]
    return files


def _by_class(folder: Path) -> dict[str, list[Path]]:
    classes = {path.name: _files(path) for path in _listed(folder) if path.is_dir()}
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise UserError(
            f"the class folder {folder / empty[0]} is empty: add images to it or remove it"
        )
    return classes


def splits_of(folder: Path, seed: int) -> tuple[tuple[str, ...], dict[str, Split]]:
    """Lists a folder of images.

    Args:
        folder: Holds train/CLASS/* and perhaps val/CLASS/*.
        seed: Draws the HELD_OUT part of each training class that validates where val/ is missing.

    Returns:
        The names of the classes, and files with labels for `train` and `val`.

    Raises:
        UserError: The folder can't be read, or a class has too few images.
    """
    if not (folder / "train").is_dir():
        what = "has no folder train/" if folder.is_dir() else "is no folder"
        raise UserError(f"{folder} {what}: expected train/CLASS/*.jpg in it, and perhaps val/")
    train = _by_class(folder / "train")
    if len(train) < 2:
        raise UserError(
            f"{folder / 'train'} has {len(train)} class folders: expected a folder of images for "
            "each of two or more classes"
        )
    val: dict[str, list[Path]] = {}
    if (folder / "val").exists():
        val = _by_class(folder / "val")
        unknown = sorted(set(val) - set(train))
        if unknown or not val:
            what = f"the class {unknown[0]!r} that train/ lacks" if unknown else "no class folders"
            raise UserError(f"{folder / 'val'} has {what}: expected the classes of train/")
    else:
        for name, files in train.items():
            if len(files) < 2:
                raise UserError(
                    f"the class {name!r} has one image and there is no val/: expected two or "
                    "more, one of them to validate on"
                )
            files = random.Random(f"{seed} {name}").sample(files, len(files))
            held = max(1, round(HELD_OUT * len(files)))
            val[name], train[name] = sorted(files[:held]), sorted(files[held:])
    labels = {name: label for label, name in enumerate(train)}
    return tuple(train), {
        split: [
            (str(path.relative_to(folder)), labels[name])
            for name, paths in by_class.items()
            for path in paths
        ]
        for split, by_class in (("train", train), ("val", val))
    }
