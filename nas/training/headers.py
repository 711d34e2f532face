"""How large the images of a set are, by the headers of some of its files: nothing is decoded."""

import contextlib
import random
import statistics
import warnings
from collections.abc import Sequence

from nas.training.arrays import SMALLEST, array_of
from nas.training.decoding import Form
from nas.training.folders import Listing
from search_spaces.rounding import Size

SAMPLE = 200  # files that are looked at
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


def words_of(listing: Listing, form: Form) -> list[str]:
    """What is done to images of another shape than they are decoded to, where there are any."""
    wanted = form.size.width / form.size.height
    shapes = [size.width / size.height for size in sizes_of(listing)]
    if not any(abs(shape / wanted - 1) > 1 / min(form.size) for shape in shapes):
        return []
    if form.fit == "crop":
        return ["of images of another shape the middle is taken; --fit letterbox takes the whole"]
    return ["images of another shape are padded with grey; --fit crop takes their middle"]


def _long(shapes: Sequence[float]) -> float:
    """How many times longer than the shorter the longer side is to be; 1 for a square."""
    middle = statistics.median(shapes)
    alike = sum(1 / ALIKE <= shape / middle <= ALIKE for shape in shapes)
    long = max(middle, 1 / middle)
    return long if long > SQUARE * 1.01 and alike >= 0.8 * len(shapes) else 1.0


def sizes_of(listing: Listing) -> list[Size]:
    """Heights and widths of some training images, upright; of those whose header can be read."""
    files = [path for path, _ in listing.splits["train"]]
    some = random.Random(0).sample(files, min(SAMPLE, len(files)))
    sizes = []
    for path in some:
        with contextlib.suppress(Exception):  # Pillow raises nearly anything on a broken file
            sizes.append(_size(str(listing.root / path)))
    return sizes


def _size(path: str) -> Size:
    from PIL import Image

    if path.lower().endswith(".npy"):
        return Size(*array_of(path).shape[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as image:
            on_side = image.getexif().get(_EXIF_TURN) in _ON_THEIR_SIDE
            return Size(*(image.size if on_side else image.size[::-1]))
