"""Images of any number of channels: arrays in .npy files, and the bands of TIFFs."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import PIL.Image

SMALLEST = 8  # pixels of an image's shorter side, and of a resolution, at least
LARGEST_IMAGE = 50_000_000  # pixels to decode of one image at most: 200 MB with transparency
COLOURS = {1: "L", 3: "RGB", 4: "RGBA"}  # channels -> what Pillow calls images of them


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
