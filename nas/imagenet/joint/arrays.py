"""Named arrays and a dictionary as the bytes of an .npz file, equal for equal content."""

import io
import json
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.imagenet.joint.blocks import Floats

META = "meta"  # the array that holds the dictionary, as JSON

Arrays = dict[str, NDArray[Any]]


def to_bytes(arrays: Arrays, meta: dict[str, Any]) -> bytes:
    """The file's content."""
    text = json.dumps(meta, sort_keys=True).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted({**arrays, META: np.frombuffer(text, np.uint8)}.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array))
            place = zipfile.ZipInfo(f"{name}.npy")  # its default date keeps the bytes equal
            archive.writestr(place, content.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def from_bytes(content: bytes) -> tuple[Arrays, dict[str, Any]]:
    """The inverse; nothing in the file is executed. Single precision becomes double.

    Raises:
        ValueError, KeyError, zipfile.BadZipFile: As numpy and json raise them.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop(META).tobytes())
    single = (name for name, array in arrays.items() if array.dtype == np.float32)
    return arrays | {name: arrays[name].astype(np.float64) for name in single}, meta


def lower(symmetric: Floats) -> Floats:
    """The lower triangle of a symmetric matrix (n, n) as (n * (n + 1) / 2,)."""
    return np.asarray(symmetric[np.tril_indices(len(symmetric))])


def symmetric(lower: Floats) -> Floats:
    """The inverse of `lower`."""
    size = (round((8 * len(lower) + 1) ** 0.5) - 1) // 2
    matrix = np.zeros((size, size))
    matrix[np.tril_indices(size)] = lower
    return np.asarray(matrix + np.tril(matrix, -1).T)
