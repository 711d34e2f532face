"""Image files: how large they are by their headers, what is lost, and those that Pillow can't read.

The last are arrays in .npy files, and the bands of TIFFs, of any number of channels.
"""

import collections
import contextlib
import random
import statistics
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nas.training.folders import Listing, Lost
from search_spaces.rounding import Size

if TYPE_CHECKING:
    import PIL.Image

SMALLEST = 8  # pixels of an image's shorter side, and of a resolution, at least
LARGEST_IMAGE = 50_000_000  # pixels to decode of one image at most: 200 MB with transparency
COLOURS = {1: "L", 3: "RGB", 4: "RGBA"}  # channels -> what Pillow calls images of them
SAMPLE = 200  # files that are looked at
REASONS = 3  # why files are lost: so many are named of each class
STEP = 8  # pixels that sides are a multiple of
SQUARE = 4 / 3  # of sides: what is longer at the median is taken as it is, not cut to a square
ALIKE = 1.1  # factor within which four of five images have the median's shape then
USUAL = 32  # pixels where no header can be read; what the images lack is said as they are decoded
_EXIF_TURN, _ON_THEIR_SIDE = 0x0112, (5, 6, 7, 8)


def own_pixels(listing: Listing, ceiling: int) -> Size:
    """The size at which a set of images is taken where none is asked for.

    The median of the shorter sides, at most `ceiling`, at least SMALLEST, rounded down to a
    multiple of 8. It is a square unless most images have one shape that is longer than 4:3.

    Args:
        listing: The files; the same ones give the same size.
        ceiling: Pixels of the shorter side at most.
    """
    sizes = sizes_of(listing)
    if not sizes:
        return Size(min(USUAL, ceiling), min(USUAL, ceiling))
    shorter = min(ceiling, statistics.median_low(min(size) for size in sizes))
    side = max(SMALLEST, shorter // STEP * STEP)
    shapes = [size.width / size.height for size in sizes]
    longer = max(side, round(side * _long(shapes) / STEP) * STEP)
    return Size(side, longer) if statistics.median(shapes) > 1 else Size(longer, side)


def about(listing: Listing, wanted: Size) -> bool:
    """Whether images are as large as that or larger, or smaller by less than STEP pixels."""
    sizes = sizes_of(listing)
    sides = [(min(size), max(size)) for size in sizes]
    middle = [statistics.median_low(side) for side in zip(*sides, strict=True)]
    return all(a + STEP > b for a, b in zip(middle, sorted(wanted), strict=False))


def words_of(listing: Listing, wanted: Size, fit: str) -> list[str]:
    """What is done to images of another shape than they are decoded to, where there are any."""
    shapes = [size.width / size.height for size in sizes_of(listing)]
    if not any(abs(shape * wanted.height / wanted.width - 1) > 1 / min(wanted) for shape in shapes):
        return []
    if fit == "crop":
        return ["of images of another shape the middle is taken; --fit letterbox takes the whole"]
    return ["images of another shape are padded with grey; --fit crop takes their middle"]


def _long(shapes: Sequence[float]) -> float:
    """How many times longer than the shorter the longer side is to be; 1 for a square."""
    middle = statistics.median(shapes)
    alike = sum(1 / ALIKE <= shape / middle <= ALIKE for shape in shapes)
    long = max(middle, 1 / middle)
    return long if long > SQUARE * 1.01 and alike >= 0.8 * len(shapes) else 1.0


def sizes_of(listing: Listing) -> list[Size]:
    """Heights and widths of some training images, upright; of those that can be used."""
    files = [path for path, _ in listing.splits["train"]]
    some = random.Random(0).sample(files, min(SAMPLE, len(files)))
    sizes = []
    for path in some:
        with contextlib.suppress(Exception):  # Pillow raises nearly anything on a broken file
            sizes.append(_size(str(listing.root / path)))
    return [size for size in sizes if min(size) >= SMALLEST and size.area <= LARGEST_IMAGE]


def _size(path: str) -> Size:
    from PIL import Image

    if path.lower().endswith(".npy"):
        return Size(*array_of(path).shape[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as image:
            on_side = image.getexif().get(_EXIF_TURN) in _ON_THEIR_SIDE
            return Size(*(image.size if on_side else image.size[::-1]))


def lost_of(listing: Listing, unread: Sequence[tuple[str, str]]) -> list[Lost]:
    """What each class lost: files that are none, and `unread` (path, reason), not decoded."""
    files = [pair for split in listing.splits.values() for pair in split]
    labels, reasons = dict(files), collections.defaultdict[str, list[str]](list)
    whole = collections.Counter(listing.classes[label] for _, label in files)
    for _, reason, name in listing.left_out:
        reasons[name].append(reason)
        whole[name] += 1
    for path, reason in unread:
        reasons[listing.classes[labels[path]]].append(reason)
    return [(name, len(why), whole[name], _why(why)) for name, why in sorted(reasons.items())]


def _why(reasons: Sequence[str]) -> str:
    """The only reason of some files, or the usual ones with how many files each."""
    usual = collections.Counter(reasons).most_common(REASONS)
    if len(set(reasons)) == 1:
        return usual[0][0]
    rest = len(reasons) - sum(n for _, n in usual)
    named = [*usual, ("other reasons", rest)] if rest else usual
    return ", ".join(f"{reason}: {n}" for reason, n in named)


def check_sides(width: int, height: int) -> None:
    """Raises ValueError for an image with a side below SMALLEST."""
    if min(width, height) < SMALLEST:
        raise ValueError(f"{width} x {height} px, smaller than {SMALLEST}")


def eight_bits(values: npt.NDArray[Any], point: bool) -> npt.NDArray[np.uint8]:
    """Numbers of 16 bits, or with a point, as 0 to 255.

    Args:
        values: Of any shape.
        point: Whether they are numbers with a point, of 0 to 1 or of 0 to 255.

    Raises:
        ValueError: They are outside of every known range.
    """
    low, high = float(values.min()), float(values.max())
    if point and 0 <= low <= high <= 1:
        scale = 255.0
    elif point and 0 <= low <= high <= 255:
        scale = 1.0
    elif not point and 0 <= low <= high <= 65535:
        scale = 255 / 65535
    else:
        raise ValueError(
            f"values from {low:g} to {high:g}: expected 0 to 65535, or 0 to 1 or 0 to 255 with a "
            "point"
        )
    return np.asarray(np.rint(values.astype(np.float64) * scale), np.uint8)


def array_of(path: str) -> npt.NDArray[Any]:
    """The array of a .npy file, mapped: (height, width, channels).

    Raises:
        ValueError: It is no array of an image.
    """
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3:
        raise ValueError(f"an array of shape {values.shape}: expected (height, width, channels)")
    return np.asarray(values)


def parts_of(path: str, channels: int) -> "list[PIL.Image.Image]":
    """The image of a .npy file: one of colours, else its channels one by one.

    Raises:
        ValueError: It is no array of an image, or has other channels.
    """
    from PIL import Image

    values = array_of(path)
    height, width, own = values.shape
    check_sides(width, height)
    if height * width * own > 4 * LARGEST_IMAGE:
        raise ValueError(f"{width} x {height} px, more than {LARGEST_IMAGE / 1e6:g} megapixels")
    if own != channels and not {own, channels} <= COLOURS.keys():
        raise ValueError(f"{own} channel{'s' * (own > 1)}: expected {channels}")
    if values.dtype == np.uint16 or values.dtype.kind == "f":
        values = eight_bits(values, values.dtype.kind == "f")
    elif values.dtype != np.uint8:
        raise ValueError(f"an array of {values.dtype}: expected uint8, uint16 or floats")
    if own in COLOURS and channels in COLOURS:
        return [Image.fromarray(np.ascontiguousarray(values.squeeze(2) if own == 1 else values))]
    return _one_by_one(values)


def bands_of(path: str, channels: int) -> "list[PIL.Image.Image]":
    """The bands of an image of many, as a TIFF with a page for each.

    Raises:
        ValueError: It can't be read so, or has other channels.
    """
    from PIL import Image, UnidentifiedImageError

    hint = "save it as .npy of (height, width, channels)"
    try:
        with Image.open(path) as image:
            pages, each = getattr(image, "n_frames", 1), len(image.getbands())
            if pages * each != channels:
                own = pages * each
                raise ValueError(f"{own} channel{'s' * (own > 1)}: expected {channels}")
            check_sides(*image.size)
            if image.width * image.height * channels > 4 * LARGEST_IMAGE:
                raise ValueError(f"more than {LARGEST_IMAGE / 1e6:g} megapixels")
            bands = []
            for page in range(pages):
                image.seek(page)
                values = np.asarray(image)
                if image.mode[0] in "IF":
                    values = eight_bits(values, image.mode == "F")
                bands += _one_by_one(np.atleast_3d(values))
    except UnidentifiedImageError:
        raise ValueError(
            f"no image format with {channels} channels that can be read: {hint}"
        ) from None
    if len({band.size for band in bands}) > 1:
        raise ValueError("bands of several sizes")
    return bands


def _one_by_one(values: npt.NDArray[np.uint8]) -> "list[PIL.Image.Image]":
    from PIL import Image

    return [Image.fromarray(np.ascontiguousarray(values[:, :, n])) for n in range(values.shape[2])]
