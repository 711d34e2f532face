"""Image files -> rows of one uint8 array on disk, decoded by several processes."""

import contextlib
import multiprocessing
import os
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from nas.training import headers
from nas.training.headers import COLOURS, LARGEST_IMAGE, SMALLEST, check_sides
from results.interrupts import undisturbed
from results.starting import unguarded
from search_spaces.errors import RunFailure, UserError, one_of, said, whole
from search_spaces.rounding import Size, resolution_of, size_of

if TYPE_CHECKING:
    import PIL.Image

LARGEST = 1024  # pixels of a resolution at most
FITS = ("crop", "letterbox")
GREY = 128  # of what pads an image: the middle of the range
FEW = 2000  # fewer images are decoded sooner without starting processes
REPORT = 64  # images between two reports of a process
Bad = dict[int, str]  # position of a file -> why it can't be used


class Form(NamedTuple):
    """What images are decoded to.

    Attributes:
        size: Height and width.
        channels: 1 grey, 3 RGB, 4 RGB and how opaque; any other number for files that have it.
        fit: `crop` cuts the middle to the size's shape, `letterbox` pads the whole with grey.
    """

    size: Size
    channels: int = 3
    fit: str = "crop"


def checked_form(resolution: int | tuple[int, int], channels: int, fit: str) -> Form:
    """What images are decoded to.

    Raises:
        UserError: It can't be.
    """
    size = size_of(resolution_of(resolution, "the resolution"))
    if not SMALLEST <= min(size) <= max(size) <= LARGEST:
        raise UserError(
            f"the resolution is {size}: expected whole pixels from {SMALLEST} to {LARGEST}"
        )
    whole("images", "in_channels", channels, 1)
    one_of("images", "fit", fit, FITS)
    return Form(size, channels, fit)


def decode(
    path: str, resolution: int | tuple[int, int], channels: int = 3, fit: str = "crop"
) -> npt.NDArray[np.uint8]:
    """Reads an image: upright, cut or padded, bicubic, transparent parts white unless kept.

    Sixteen bits become eight by their whole range; numbers with a point are taken as 0 to 1, or
    as 0 to 255. A file .npy holds (height, width) or (height, width, channels) of uint8, uint16 or
    such numbers.

    Args:
        path: Of an image file.
        resolution: Pixels of a side, or (height, width).
        channels: As in `Form`.
        fit: As in `Form`.

    Returns:
        (height, width, channels).

    Raises:
        ValueError: It is below SMALLEST or above LARGEST_IMAGE, has other channels, or numbers
            of no known range; Pillow raises its own errors besides.
    """
    form = Form(size_of(resolution), channels, fit)
    if path.lower().endswith(".npy"):
        parts = headers.parts_of(path, channels)
    elif channels in COLOURS:
        return np.atleast_3d(np.asarray(_placed(_image(path, form), form)))
    else:
        parts = headers.bands_of(path, channels)
    placed = [np.atleast_3d(np.asarray(_placed(_cut(part, form), form))) for part in parts]
    return placed[0] if len(placed) == 1 else np.concatenate(placed, 2)


def _image(path: str, form: Form) -> "PIL.Image.Image":
    """An image upright, cut where it is to be, of eight bits."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        check_sides(*image.size)
        room = 2 * max(form.size)  # JPEG: decodes no more than needed, before it is turned
        image.draft("L" if form.channels == 1 else "RGB", (room, room))
        if image.width * image.height > LARGEST_IMAGE:
            raise ValueError(
                f"{image.width} x {image.height} px, more than {LARGEST_IMAGE / 1e6:g} megapixels"
            )
        ImageOps.exif_transpose(image, in_place=True)
        eight = _eight_bits(_cut(image, form), "L" if form.channels == 1 else "RGB")
        image.load()  # an image that was not copied is read before its file is closed
    return eight


def _cut(image: "PIL.Image.Image", form: Form) -> "PIL.Image.Image":
    """The largest part in the middle that has the size's shape; all of it where it is padded."""
    (width, height), size = image.size, form.size
    if form.fit != "crop":
        return image
    wide = max(1, min(width, round(height * size.width / size.height)))
    tall = max(1, min(height, round(width * size.height / size.width)))
    if (wide, tall) == (width, height):
        return image
    left, top = (width - wide) // 2, (height - tall) // 2
    return image.crop((left, top, left + wide, top + tall))


def _placed(part: "PIL.Image.Image", form: Form) -> "PIL.Image.Image":
    """The image at the size, with the channels that are wanted."""
    from PIL import Image

    height, width = form.size
    scale = min(width / part.width, height / part.height)
    inside = max(1, round(scale * part.width)), max(1, round(scale * part.height))
    inside = (width, height) if form.fit == "crop" else inside
    if part.size != inside:
        part = part.resize(inside, Image.Resampling.BICUBIC, reducing_gap=3.0)
    mode = COLOURS.get(form.channels, part.mode)
    if part.mode == "RGBA" and mode != "RGBA":
        white = Image.new("RGBA", part.size, "white")
        part = Image.alpha_composite(white, part).convert("RGB")
    part = part if part.mode == mode else part.convert(mode)
    if inside == (width, height):
        return part
    whole = Image.new(mode, (width, height), (GREY,) * len(mode) if len(mode) > 1 else GREY)
    whole.paste(part, ((width - inside[0]) // 2, (height - inside[1]) // 2))
    return whole


def _eight_bits(image: "PIL.Image.Image", plain: str) -> "PIL.Image.Image":
    """The mode `plain`, or RGBA where something is transparent."""
    from PIL import Image

    if image.mode[0] in "IF":  # 16 or 32 bits of one channel
        values = np.asarray(image)
        image = Image.fromarray(headers.eight_bits(values, image.mode == "F"))
    clear = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if image.mode in ("RGBa", "La"):
        image = image.convert({"RGBa": "RGBA", "La": "LA"}[image.mode])
    mode = "RGBA" if clear else plain
    return image if image.mode == mode else image.convert(mode)


def _decode_some(
    paths: Sequence[str], rows: Sequence[int], target: str, fit: str, show: Callable[[int], None]
) -> Bad:
    """Decodes into the given rows; `show` gets the number of images done."""
    array = np.load(target, mmap_mode="r+")
    form, bad = Form(Size(*array.shape[1:3]), array.shape[3], fit), Bad()
    for n, (path, row) in enumerate(zip(paths, rows, strict=True), 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                array[row] = decode(path, *form)
        except Exception as error:  # Pillow raises nearly anything on a broken file
            bad[row] = reason(error).replace(path, Path(path).name)
        if n % REPORT == 0:
            show(n)
    array.flush()
    return bad


def reason(error: Exception) -> str:
    """Why a file can't be used, in a few words."""
    name = type(error).__name__
    if name == "UnidentifiedImageError":
        return "no known image format"
    if name == "DecompressionBombError":
        return f"more than {LARGEST_IMAGE / 1e6:g} megapixels"
    if name == "ValueError":
        return str(error)
    if name == "MemoryError":
        return "memory does not suffice for it"
    if getattr(error, "strerror", None):
        return f"it can't be read ({said(error)})"
    return "it is damaged" + (f" ({error})" if str(error) else "")


def _work(
    paths: Sequence[str], rows: Sequence[int], target: str, fit: str, pipe: "Connection[Any, Any]"
) -> None:
    """A process's share. It ends when the parent does: the pipe breaks."""
    with contextlib.suppress(BrokenPipeError):
        pipe.send(_decode_some(paths, rows, target, fit, pipe.send))


def decode_all(
    paths: Sequence[str],
    target: Path,
    form: Form,
    workers: int,
    show: Callable[[int], None] = lambda done: None,
) -> Bad:
    """Decodes files into an array on disk; those that can't be used are left out.

    Args:
        paths: Of the images.
        target: The .npy file: (images, height, width, channels) uint8.
        form: What they are decoded to.
        workers: Processes; few images are decoded in this one.
        show: Is told the number of images done.

    Returns:
        The reasons of the files left out, by position.

    Raises:
        RunFailure: A process died.
        OSError: The disk is full.
    """
    _reserve(target, len(paths), form)
    if workers < 2 or len(paths) < FEW:
        bad = _decode_some(paths, range(len(paths)), str(target), form.fit, show)
    else:
        bad = _in_processes(paths, str(target), form.fit, workers, show)
    if bad:
        _leave_out(target, bad)
    show(len(paths))
    return bad


def _reserve(target: Path, images: int, form: Form) -> None:
    """An array on disk; a full disk is an error here, not a SIGBUS of the process that writes."""
    shape = (images, *form.size, form.channels)
    np.lib.format.open_memmap(target, "w+", np.uint8, shape).flush()
    with open(target, "r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, target.stat().st_size)


def _in_processes(
    paths: Sequence[str], target: str, fit: str, workers: int, show: Callable[[int], None]
) -> Bad:
    """Decodes in several processes; the reasons of the files that can't be used."""
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    processes, done, bad = dict[Any, Any](), dict[Any, int](), Bad()
    try:
        for i in range(workers):
            (mine, theirs), rows = context.Pipe(duplex=False), range(i, len(paths), workers)
            process = context.Process(
                target=_work, args=(paths[i::workers], rows, target, fit, theirs), daemon=True
            )
            with undisturbed():
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
                    code = processes[pipe].exitcode
                    raise unguarded([code]) or RunFailure(
                        f"a process that decodes images died (exit code {code}): see that memory "
                        "and disk suffice, and try again"
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
