"""Image files -> rows of one uint8 array on disk, decoded by several processes."""

import contextlib
import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from search_spaces.errors import RunFailure

if TYPE_CHECKING:
    import PIL.Image

SMALLEST = 8  # pixels of an image's shorter side, and of a resolution, at least
LARGEST_IMAGE = 50_000_000  # pixels to decode of one image at most: 200 MB with transparency
FEW = 2000  # fewer images are decoded sooner without starting processes
REPORT = 64  # images between two reports of a process
Bad = dict[int, str]  # position of a file -> why it can't be used


def decode(path: str, resolution: int) -> npt.NDArray[np.uint8]:
    """Reads an image: upright, the central square, bicubic, transparent parts white.

    Sixteen bits become eight by their whole range; numbers with a point are taken as 0 to 1, or
    as 0 to 255.

    Args:
        path: Of an image file.
        resolution: Pixels of a side.

    Returns:
        (resolution, resolution, 3) RGB.

    Raises:
        ValueError: The image is smaller than SMALLEST, larger than LARGEST_IMAGE, or holds
            numbers of no known range; Pillow raises its own errors besides.
    """
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        if min(image.size) < SMALLEST:
            raise ValueError(f"{image.width} x {image.height} px, smaller than {SMALLEST}")
        image.draft("RGB", (2 * resolution, 2 * resolution))  # JPEG: decodes no more than needed
        if image.width * image.height > LARGEST_IMAGE:
            raise ValueError(
                f"{image.width} x {image.height} px, more than {LARGEST_IMAGE / 1e6:g} megapixels"
            )
        ImageOps.exif_transpose(image, in_place=True)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        square = _eight_bits(image if image.size == (side, side) else image.crop(box))
        image.load()  # an image that was not copied is read before its file is closed
    if side != resolution:
        square = square.resize((resolution,) * 2, Image.Resampling.BICUBIC, reducing_gap=3.0)
    if square.mode == "RGBA":
        white = Image.new("RGBA", square.size, "white")
        square = Image.alpha_composite(white, square).convert("RGB")
    return np.asarray(square)


def _eight_bits(image: "PIL.Image.Image") -> "PIL.Image.Image":
    """RGB, or RGBA where something is transparent. Raises ValueError for an unknown range."""
    from PIL import Image

    if image.mode[0] in "IF":  # 16 or 32 bits of one channel
        values = np.asarray(image).astype(np.float64)
        low, high = float(values.min()), float(values.max())
        if image.mode == "F" and 0 <= low <= high <= 1:
            scale = 255.0
        elif image.mode == "F" and 0 <= low <= high <= 255:
            scale = 1.0
        elif image.mode != "F" and 0 <= low <= high <= 65535:
            scale = 255 / 65535
        else:
            raise ValueError(
                f"values from {low:g} to {high:g}: expected 0 to 65535, or 0 to 1 or 0 to 255 "
                "with a point"
            )
        image = Image.fromarray(np.rint(values * scale).astype(np.uint8))
    clear = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if image.mode in ("RGBa", "La"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}[image.mode])
    mode = "RGBA" if clear else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _decode_some(
    paths: Sequence[str], rows: Sequence[int], target: str, show: Callable[[int], None]
) -> Bad:
    """Decodes into the given rows; `show` gets the number of images done."""
    array = np.load(target, mmap_mode="r+")
    bad: Bad = {}
    for n, (path, row) in enumerate(zip(paths, rows, strict=True), 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                array[row] = decode(path, array.shape[1])
        except Exception as error:  # Pillow raises nearly anything on a broken file
            bad[row] = _reason(error).replace(path, Path(path).name)
        if n % REPORT == 0:
            show(n)
    array.flush()
    return bad


def _reason(error: Exception) -> str:
    """Why a file can't be used, in a few words."""
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "no known image format"
    if name == "DecompressionBombError":
        return f"more than {LARGEST_IMAGE / 1e6:g} megapixels"
    return str(error) if name == "ValueError" else f"{name}: {error}"


def _work(
    paths: Sequence[str], rows: Sequence[int], target: str, pipe: "Connection[Any, Any]"
) -> None:
    """A process's share. It ends when the parent does: the pipe breaks."""
    with contextlib.suppress(BrokenPipeError):
        pipe.send(_decode_some(paths, rows, target, pipe.send))


def decode_all(
    paths: Sequence[str],
    target: Path,
    resolution: int,
    workers: int,
    show: Callable[[int], None] = lambda done: None,
) -> Bad:
    """Decodes files into an array on disk; those that can't be used are left out.

    Args:
        paths: Of the images.
        target: The .npy file: (images, resolution, resolution, 3) uint8.
        resolution: Pixels of a side.
        workers: Processes; few images are decoded in this one.
        show: Is told the number of images done.

    Returns:
        The reasons of the files left out, by position.

    Raises:
        RunFailure: A process died.
        OSError: The disk is full.
    """
    _reserve(target, len(paths), resolution)
    if workers < 2 or len(paths) < FEW:
        bad = _decode_some(paths, range(len(paths)), str(target), show)
    else:
        bad = _in_processes(paths, str(target), workers, show)
    if bad:
        _leave_out(target, bad)
    show(len(paths))
    return bad


def _reserve(target: Path, images: int, resolution: int) -> None:
    """An array on disk; a full disk is an error here, not a SIGBUS of the process that writes."""
    shape = (images, resolution, resolution, 3)
    np.lib.format.open_memmap(target, "w+", np.uint8, shape).flush()
    with open(target, "r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, target.stat().st_size)


def _in_processes(
    paths: Sequence[str], target: str, workers: int, show: Callable[[int], None]
) -> Bad:
    """Decodes in several processes; the reasons of the files that can't be used."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    done: dict[Any, int] = {}
    processes: dict[Connection[Any, Any], Any] = {}
    bad: Bad = {}
    try:
        for i in range(workers):
            mine, theirs = context.Pipe(duplex=False)
            rows = range(i, len(paths), workers)
            process = context.Process(
                target=_work, args=(paths[i::workers], rows, target, theirs), daemon=True
            )
            process.start()
            theirs.close()
            processes[mine], done[mine] = process, 0
        while processes:
            for ready in wait(list(processes)):
                pipe = cast("Connection[Any, Any]", ready)
                try:
                    message = pipe.recv()
                except EOFError:
                    processes[pipe].join()
                    raise RunFailure(
                        f"a process that decodes images died (exit code "
                        f"{processes[pipe].exitcode}): see that memory and disk suffice, and try "
                        "again"
                    ) from None
                if isinstance(message, int):
                    done[pipe] = message
                else:
                    bad |= message
                    processes.pop(pipe).join()
            show(sum(done.values()))
    finally:
        for process in processes.values():
            process.kill()
    return bad


def _leave_out(target: Path, bad: Bad) -> None:
    """Rewrites the array without the rows of `bad`."""
    old = np.load(target, mmap_mode="r")
    keep = np.array([i for i in range(len(old)) if i not in bad], np.int64)
    fresh = target.with_suffix(".part")
    if not len(keep):
        return np.save(target, old[:0])  # an empty file can't be mapped
    new = np.lib.format.open_memmap(fresh, "w+", np.uint8, (len(keep), *old.shape[1:]))
    for start in range(0, len(keep), 4096):
        new[start : start + 4096] = old[keep[start : start + 4096]]
    new.flush()
    fresh.replace(target)
