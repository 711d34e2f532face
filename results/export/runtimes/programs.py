"""Files of OpenVINO, LiteRT, ExecuTorch and Core ML, each by its maker's own converter.

What its runtime can run here is compared with torch; Core ML's runs on a Mac only.
"""

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from results.export.request import Made, Request, about, ending, noted
from results.export.to_onnx import IMAGES, Parity, agreeing, images, parity, shape_of
from search_spaces.errors import RunFailure, UserError, check_packages

NEEDS = {  # a format's extra -> what it imports
    "openvino": ("openvino", "onnx", "onnxscript"),
    "litert": ("litert_torch", "ai_edge_litert"),
    "executorch": ("executorch",),
    "coreml": ("coremltools",),
}
ONE = "one image at a time: (1, channels, height, width)"
Run = Callable[[Any], Any]  # images -> logits, tensors


def check_extra(name: str) -> None:
    """Refuses a format whose packages are not installed.

    Raises:
        UserError: They are not; what to install is named.
    """
    check_packages(f"--to {name}", NEEDS[name], name)


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without a converter's words; what it raises becomes a sentence.

    Raises:
        RunFailure: The converter failed.
    """
    logging.disable(logging.WARNING)
    before = {number: os.dup(number) for number in (1, 2)}
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in before:  # libraries in C++ write there by themselves
            os.dup2(null, number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UserError, RunFailure):
        raise
    except Exception as error:  # each converter has errors of its own
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RunFailure(
            f"{name}'s converter failed ({first[:300]}): try another version of it, or --to onnx, "
            "which its tools read too"
        ) from error
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, place in before.items():
            os.dup2(place, number)
            os.close(place)
        os.close(null)
        logging.disable(logging.NOTSET)


def _same(what: str, request: Request, network: Any, run: Run) -> Parity:
    """A runtime's logits, image by image, against torch's."""
    import torch

    given = images(IMAGES, shape_of(request.source.architecture))
    with torch.no_grad():
        ours = network(given)
    theirs = torch.cat([torch.as_tensor(run(image[None])) for image in given])
    return agreeing(what, parity(ours, theirs))


def to_openvino(request: Request) -> Made:
    """OpenVINO's NAME.xml and NAME.bin, in float32, any batch.

    Raises:
        RunFailure: The converter fails, or the file gives other logits.
    """
    name = request.source.name
    network, output = ending(request)
    with _quiet("OpenVINO"), tempfile.TemporaryDirectory() as folder:
        import openvino

        # not by convert_model, which tells Intel that it was used
        model = openvino.Core().read_model(request.onnx)
        for key, text in about(request, output).items():
            model.set_rt_info(text, ["compound_nas", key])
        openvino.save_model(model, f"{folder}/{name}.xml", compress_to_fp16=False)
        exact = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = openvino.Core().compile_model(f"{folder}/{name}.xml", "CPU", exact)
        same = _same(f"{name}.xml", request, network, lambda given: compiled(given.numpy())[0])
        files: dict[str, bytes | str] = _read(Path(folder))
    use = (
        f'import openvino\n\nnet = openvino.Core().compile_model("{name}.xml", "AUTO")\n'
        f"{output} = net(images)[0]"
    )
    return Made(files, same, noted(request, "float32, any batch"), use)


def to_litert(request: Request) -> Made:
    """LiteRT's (TensorFlow Lite's) NAME.tflite.

    Raises:
        RunFailure: The converter fails, or the file gives other logits.
    """
    name = request.source.name
    network, output = ending(request)
    one = images(1, shape_of(request.source.architecture))
    with _quiet("LiteRT"), tempfile.TemporaryDirectory() as folder:
        import litert_torch
        from ai_edge_litert.interpreter import Interpreter

        litert_torch.convert(network, (one,)).export(f"{folder}/{name}.tflite")
        runtime = Interpreter(f"{folder}/{name}.tflite")
        runtime.allocate_tensors()
        given, made = runtime.get_input_details()[0], runtime.get_output_details()[0]

        def run(image: Any) -> Any:
            runtime.set_tensor(given["index"], image.numpy())
            runtime.invoke()
            return runtime.get_tensor(made["index"])

        same = _same(f"{name}.tflite", request, network, run)
        files: dict[str, bytes | str] = _read(Path(folder))
    use = (
        "from ai_edge_litert.interpreter import Interpreter\n\n"
        f'net = Interpreter("{name}.tflite")\nnet.allocate_tensors()\n'
        'net.set_tensor(net.get_input_details()[0]["index"], image)\nnet.invoke()\n'
        f'{output} = net.get_tensor(net.get_output_details()[0]["index"])'
    )
    return Made(files, same, noted(request, f"float32, {ONE}"), use)


def to_executorch(request: Request) -> Made:
    """ExecuTorch's NAME.pte, for the kernels of XNNPACK.

    Raises:
        RunFailure: The converter fails, or the file gives other logits.
    """
    name = request.source.name
    network, output = ending(request)
    one = images(1, shape_of(request.source.architecture))
    with _quiet("ExecuTorch"):
        import torch
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower
        from executorch.runtime import Runtime

        program = torch.export.export(network, (one,))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        data = bytes(lowered.to_executorch().buffer)
        method = Runtime.get().load_program(data).load_method("forward")
        same = _same(f"{name}.pte", request, network, lambda x: method.execute([x])[0].clone())
    use = (
        f'from executorch.runtime import Runtime\n\nnet = Runtime.get().load_program("{name}.pte")'
        f'.load_method("forward")\n({output},) = net.execute([image])'
    )
    return Made({f"{name}.pte": data}, same, noted(request, f"float32, XNNPACK, {ONE}"), use)


def to_coreml(request: Request) -> Made:
    """Core ML's NAME.mlpackage, which a Mac alone can run.

    Raises:
        RunFailure: The converter fails.
    """
    name = request.source.name
    network, output = ending(request)
    one = images(1, shape_of(request.source.architecture))
    with _quiet("Core ML"), tempfile.TemporaryDirectory() as folder:
        import coremltools
        import torch

        program = torch.export.export(network, (one,)).run_decompositions({})
        model = coremltools.convert(
            program, inputs=[coremltools.TensorType("images", one.shape)],
            outputs=[coremltools.TensorType(output)], convert_to="mlprogram",
            compute_precision=coremltools.precision.FLOAT32, skip_model_load=True,
        )  # fmt: skip
        model.user_defined_metadata.update(about(request, output))
        model.save(f"{folder}/{name}.mlpackage")
        files: dict[str, bytes | str] = _read(Path(folder))
    use = f'import coremltools\n\nnet = coremltools.models.MLModel("{name}.mlpackage")'
    note = "float32; not checked: Core ML runs on a Mac only"
    return Made(files, None, noted(request, note, ONE), use)


def _read(folder: Path) -> dict[str, bytes | str]:
    """Every file below a folder, by its path in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
