"""An ONNX file in 8-bit integers, with what that costs in accuracy on the user's own images."""

import contextlib
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from results.export.request import Made, Request, Samples, about, ending_of
from results.export.to_onnx import described
from search_spaces.errors import UserError

MUCH = 2.0  # points of top-1 lost, from which on something should be done


def check_samples(request: Request) -> None:
    """Refuses where nothing is to be quantized by.

    Raises:
        UserError: There are no trained weights, or no images.
    """
    if request.weights is None:
        raise UserError(
            f"--to int8 needs trained weights, and {request.untrained or 'there are none'}: nas "
            f"train {request.source.spec} --data IMAGES trains the network"
        )
    if request.samples is None:
        raise UserError(
            "--to int8 needs images, by which the range of each number is found and the accuracy "
            "that is lost is measured: add --data IMAGES"
        )


class _Reader:
    """Images one after the other, as ONNX Runtime's calibration takes them."""

    def __init__(self, images: Any) -> None:
        self._images, self._next = images, 0

    def get_next(self) -> dict[str, Any] | None:
        if self._next == len(self._images):
            return None
        self._next += 1
        return {"images": self._images[self._next - 1 : self._next]}

    def rewind(self) -> None:
        self._next = 0


def to_int8(request: Request) -> Made:
    """NAME.int8.onnx: weights and activations in 8 bits (QDQ, weights by channel).

    Static quantization by ONNX Runtime, ranges by the least and the largest value over the
    calibration images (Jacob et al. 2018, "Quantization and training of neural networks for
    efficient integer-arithmetic-only inference", sec. 2).
    """
    check_samples(request)
    samples = request.samples
    assert samples is not None
    name, whole, output = request.source.name, request.onnx, ending_of(request)
    data = described(_quantized(whole, samples), about(request, output))
    before, after = (_top1(each, samples) for each in (whole, data))
    lost = before - after
    note = (
        f"top-1 {after:.2f} % of {len(samples.labels):,} validation images, {before:.2f} % in "
        f"float32: {abs(lost):.2f} points {'lost' if lost >= 0 else 'gained'}; "
        f"{len(data) / 1e6:.2f} MB, {len(whole) / 1e6:.2f} MB in float32"
    )
    if lost > MUCH:
        note += (
            "; that is much: networks of relu6 and without squeeze-and-excitation lose less, or "
            "keep float32"
        )
    use = (
        f'import onnxruntime\n\nsession = onnxruntime.InferenceSession("{name}.int8.onnx")\n'
        f'({output},) = session.run(None, {{"images": images}})'
    )
    return Made({f"{name}.int8.onnx": data}, None, note, use)


def _quantized(whole: bytes, samples: Samples) -> bytes:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    root = logging.getLogger()
    level = root.level
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, made = (Path(folder) / f"{step}.onnx" for step in ("plain", "ready", "made"))
        plain.write_bytes(whole)
        root.setLevel(logging.ERROR)
        try:
            with contextlib.redirect_stdout(None):
                quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
                quantize_static(
                    str(ready), str(made), _Reader(samples.calibration), per_channel=True,
                    quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                )  # fmt: skip
        finally:
            root.setLevel(level)
        return made.read_bytes()


def _top1(data: bytes, samples: Samples) -> float:
    """Percent of the validation images that are named rightly."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    right = 0
    for at in range(0, len(samples.labels), 32):
        (out,) = session.run(None, {"images": samples.images[at : at + 32]})
        right += int((out.argmax(1) == np.asarray(samples.labels[at : at + 32])).sum())
    return 100 * right / len(samples.labels)
