"""Image folders as memory-mapped arrays: decoded once, shared by every worker on the node.

What a folder may look like stands in `nas.training.folders`. No other folder than those is ever
opened, `test/` least of all.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import numpy.typing as npt

from nas.training.decoding import Form, checked_form, decode_all
from nas.training.folders import Listing, Lost, splits_of
from nas.training.headers import SMALLEST, lost_of
from results.runs.files import read_json, write_json
from results.starting import check_once
from search_spaces.errors import RunFailure, UserError, disk_error
from search_spaces.rounding import Size, resolution_of, size_of
from search_spaces.space import Space, fixed

FORMAT = 2  # of the cache's files; a new format gets new keys
LOOKED_AT = 64  # images of which all must be grey or dark for a note
DARK = 255 // 8  # images that never exceed it look nearly black, as 12 bits in 16 do
UNEVEN = 1.5  # times its even share: a class so frequent is named to the user
Progress = Callable[[int, int], None]  # told the images done, and the images in all


@dataclass(frozen=True)
class ImageData:
    """A decoded data set. Pickles as a path: the arrays are mapped again where it is unpickled.

    Attributes:
        path: The finished cache folder.
        key: Of files and settings, the cache folder's name.
        digest: 12 hex digits of the SHA-256 of classes, pixels and labels: what was trained on.
        classes: Names in label order.
        resolution: Pixels of a side, or (height, width) where they differ.
        train: Number of training images.
        val: Number of validation images.
        skipped: (path in the image folder, reason) of each file that could not be used.
        lost: How many files of a class that was, of how many, and why.
        channels, fit: As in `nas.training.decoding.Form`.
    """

    path: str
    key: str
    digest: str
    classes: tuple[str, ...]
    resolution: int | tuple[int, int]
    train: int
    val: int
    skipped: tuple[tuple[str, str], ...] = ()
    lost: tuple[Lost, ...] = ()
    channels: int = 3
    fit: str = "crop"

    @property
    def size(self) -> Size:
        """Height and width."""
        return size_of(self.resolution)

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _map(self, name: str) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.load(Path(self.path) / f"{name}.npy", mmap_mode="r")
        return array

    @property
    def majority(self) -> float:
        """Percent of the validation images that are of the most frequent class there."""
        return 100 * float(np.bincount(self.val_y).max()) / self.val

    def notes(self) -> list[str]:
        """What a user should know of the images before anything is trained on them."""
        notes, lost = [], sum(files for _, files, _, _ in self.lost)
        usable = self.train + self.val
        if lost:
            worst = sorted(self.lost, key=lambda entry: -entry[1])[:3]
            which = "; ".join(f"{name} lost {n} of {of} ({why})" for name, n, of, why in worst)
            notes.append(f"{usable:,} of {usable + lost:,} images can be used; {which}")
        seen = np.bincount(self.val_y, minlength=len(self.classes))
        never = [name for name, n in zip(self.classes, seen.tolist(), strict=True) if not n]
        if never:
            more = f" and {len(never) - 3} more" if len(never) > 3 else ""
            notes.append(
                f"no image validates the class {', '.join(never[:3])}{more}: top-1 says nothing of "
                "it"
            )
        if self.majority > UNEVEN * 100 / len(self.classes):
            name = self.classes[int(seen.argmax())]
            notes.append(
                f"{self.majority:.1f} % of the validation images are of the class {name}: naming "
                "it always would reach that top-1"
            )
        some = self.train_x[:: max(1, self.train // LOOKED_AT)]
        if self.channels == 3 and (some[..., :1] == some).all():
            notes.append("the images are grey: --channels 1 trains on one channel in place of RGB")
        if (top := int(some[..., : 3 if self.channels == 4 else None].max())) <= DARK:
            notes.append(
                f"no pixel of the images looked at exceeds {top} of 255, so they are nearly black: "
                "if 10 or 12 bits are stored in 16, scale the values to 0 to 65535 first"
            )
        return notes

    @cached_property
    def train_x(self) -> npt.NDArray[np.uint8]:
        """The training images (train, height, width, channels), memory-mapped."""
        return self._map("train_x")

    @cached_property
    def train_y(self) -> npt.NDArray[np.int64]:
        """Their labels (train,): positions in `classes`."""
        return self._map("train_y")

    @cached_property
    def val_x(self) -> npt.NDArray[np.uint8]:
        """The validation images (val, height, width, channels), memory-mapped."""
        return self._map("val_x")

    @cached_property
    def val_y(self) -> npt.NDArray[np.int64]:
        """Their labels (val,): positions in `classes`."""
        return self._map("val_y")


def for_data(
    space: Space, classes: int, resolution: int | tuple[int, int], channels: int = 3
) -> Space:
    """The space with every network's classes, resolution and input channels fixed to the data's.

    The cost of its networks is then of what is trained. A choice of one of them is dropped.
    """
    return fixed(space, {"classes": classes, "resolution": resolution, "in_channels": channels})


def default_cache() -> Path:
    """$COMPOUND_NAS_CACHE, or ~/.cache/compound-nas."""
    return Path(os.environ.get("COMPOUND_NAS_CACHE") or "~/.cache/compound-nas").expanduser()


def load_images(
    folder: str | Path,
    resolution: int | tuple[int, int],
    cache: str | Path | None = None,
    workers: int = 2,
    seed: int = 0,
    progress: Progress | None = None,
    channels: int = 3,
    fit: str = "crop",
) -> ImageData:
    """The folder's images, from the cache or decoded into it now.

    Images are turned as their EXIF says, cut or padded, and resized (bicubic). The cache's key
    holds each file's path, size and time of change, not its content: to read everything at every
    start would cost as much as decoding it. A killed build leaves nothing that is taken for whole;
    of two builds at once the second waits and takes the first's.

    Args:
        folder: See `nas.training.folders`.
        resolution: Pixels of a side, or (height, width), from SMALLEST to LARGEST.
        cache: The folder of data sets; None takes `default_cache`.
        workers: Decoding processes.
        seed: Of the split where there is no val/.
        progress: Is told how far decoding is.
        channels: As in `nas.training.decoding.Form`.
        fit: As there.

    Raises:
        UserError: The folder can't be used, or the resolution or another number is out of range.
        RunFailure: The cache can't be written.
    """
    form = checked_form(resolution, channels, fit)
    listing = splits_of(Path(folder), seed)
    key = _key(listing, form)
    check_once()
    cache = default_cache() if cache is None else Path(cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / f"{key}.lock"):
            data = _finished(cache / key)
            if data is None:
                for left_over in (*cache.glob(f".{key}.*"), *cache.glob(key)):
                    shutil.rmtree(left_over)
                temporary = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=cache))
                try:
                    _build(temporary, listing, form, workers, progress)
                    temporary.rename(cache / key)
                finally:
                    shutil.rmtree(temporary, ignore_errors=True)
                data = _finished(cache / key)
    except OSError as error:
        raise disk_error(
            error,
            f"the image cache {cache} can't be written ({error.strerror or error}): free some "
            "space, or set COMPOUND_NAS_CACHE to another folder",
        ) from error
    if data is None:
        raise RunFailure(f"the image cache {cache / key} was damaged as it was made: try again")
    return data


def _key(listing: Listing, form: Form) -> str:
    """The name of the data set's cache folder, from files and settings."""
    how = form.size.plain if form == Form(form.size) else tuple(form)
    settings = (FORMAT, str(listing.root), how, listing.classes, listing.left_out)
    digest = hashlib.sha256(repr(settings).encode("utf-8", "surrogateescape"))
    for split, files in listing.splits.items():
        for path, label in files:
            try:
                stat = (listing.root / path).stat()
            except OSError as error:
                raise UserError(f"{listing.root / path} can't be read: {error.strerror}") from None
            line = (split, path, label, stat.st_size, stat.st_mtime_ns)
            digest.update(repr(line).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _finished(path: Path) -> ImageData | None:
    """The data of a finished cache folder, None where it is missing or damaged."""
    with contextlib.suppress(UserError, OSError, TypeError, ValueError, KeyError):
        meta = read_json(path / "meta.json")
        meta["classes"] = tuple(meta["classes"])
        meta["skipped"] = tuple((name, reason) for name, reason in meta["skipped"])
        meta["lost"] = tuple((str(n), int(k), int(of), str(why)) for n, k, of, why in meta["lost"])
        meta["resolution"] = resolution_of(meta["resolution"])
        data = ImageData(path=str(path), key=path.name, **meta)
        size = (*data.size, data.channels)
        shapes = [x.shape for x in (data.train_x, data.train_y, data.val_x, data.val_y)]
        if shapes == [(data.train, *size), (data.train,), (data.val, *size), (data.val,)]:
            return data
    return None


def _build(
    target: Path, listing: Listing, form: Form, workers: int, progress: Progress | None
) -> None:
    """Decodes into `target`. meta.json is written last."""
    classes = listing.classes
    done, total = 0, sum(map(len, listing.splits.values()))
    skipped: list[tuple[str, str]] = []
    digest = hashlib.sha256(repr(classes).encode("utf-8", "surrogateescape"))
    meta: dict[str, Any] = {
        "classes": classes, "resolution": form.size.plain, "channels": form.channels,
        "fit": form.fit,
    }  # fmt: skip

    def show(n: int) -> None:
        if progress is not None:
            progress(done + n, total)

    for split, files in listing.splits.items():
        paths = [str(listing.root / path) for path, _ in files]
        bad = decode_all(paths, target / f"{split}_x.npy", form, workers, show)
        skipped += [(files[i][0], reason) for i, reason in sorted(bad.items())]
        labels = np.array([y for i, (_, y) in enumerate(files) if i not in bad], np.int64)
        _check_classes(listing, split, labels, skipped)
        np.save(target / f"{split}_y.npy", labels)
        meta[split] = len(labels)
        for part in ("x", "y"):
            with open(target / f"{split}_{part}.npy", "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        done += len(files)
    meta |= {"digest": digest.hexdigest()[:12], "lost": lost_of(listing, skipped)}
    skipped += [(path, reason) for path, reason, _ in listing.left_out]
    write_json(target / "meta.json", meta | {"skipped": skipped})


def _check_classes(
    listing: Listing,
    split: str,
    labels: npt.NDArray[np.int64],
    skipped: Sequence[tuple[str, str]],
) -> None:
    """Raises UserError where a class has no image that can be used."""
    classes, folder = listing.classes, listing.root
    missing = sorted(set(range(len(classes))) - set(labels.tolist()))
    if missing and (split == "train" or not len(labels)):
        trains = split == "train"
        lost = {path for path, y in listing.splits[split] if y == missing[0] or not trains}
        path, reason = next(pair for pair in skipped if pair[0] in lost)
        of = f"the class {classes[missing[0]]!r} of {folder}" if trains else folder
        raise UserError(
            f"{of} has no image to {'train' if trains else 'validate'} on that can be used "
            f"({path}: {reason}): expected one or more of {SMALLEST} px or larger"
        )
