"""The first hour of somebody with a folder of images, as one script of README's commands."""

import csv
import json

import numpy as np
import processes
import pytest
from PIL import Image
from shims import profiled

pytestmark = pytest.mark.slow


def commands(here, text):
    """Runs a line, gives what it printed."""
    program, *words = text.split()
    done = processes.run(program, *words, cwd=here)
    assert done.returncode == 0, f"{text}\n{done.stdout[-500:]}\n{done.stderr[-1500:]}"
    return done.stdout


def test_from_a_flat_folder_to_the_second_of_the_front_elsewhere(tmp_path, monkeypatch):
    openvino = pytest.importorskip("openvino")
    monkeypatch.setenv("COMPOUND_NAS_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for shade, kind in enumerate(("cat", "dog", "owl")):
        place = tmp_path / "IMAGES" / kind
        place.mkdir(parents=True)
        for n in range(24):
            pixels = rng.integers(0, 120, (96, 96, 3))
            pixels[..., shade] += 100
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{n}.png")
    run = lambda text: commands(tmp_path, text)  # noqa: E731
    given = [
        "profile",
        "--space",
        "efficientnet-small",
        "--pixels",
        "96",
        "--classes",
        "3",
        "--out",
        "here.json",
    ]
    measured = profiled("nas", *given, cwd=tmp_path)
    assert measured.returncode == 0, measured.stderr
    said = run(
        "nas search --device here.json --target-latency 1s --target-flops 60M --data IMAGES "
        "--pixels 96 --trials 2 --epochs 2 --batch 12 --executor local --name mine"
    )
    assert "images" in said or "front" in said
    front = list(csv.DictReader((tmp_path / "runs/mine/front.csv").open()))
    chosen = front[min(1, len(front) - 1)]["id"]
    assert chosen in run(f"nas show mine:{chosen} --json")
    run(f"nas train mine:{chosen} --data IMAGES --epochs 8 --name second")
    run("nas export second elsewhere --to onnx,openvino,int8 --data IMAGES")
    model = openvino.Core().compile_model(str(tmp_path / "elsewhere/second.xml"), "CPU")
    assert model.inputs[0].partial_shape[2].get_length() == 96
    for file in ("second", "elsewhere/second.onnx", "elsewhere/second.int8.onnx"):
        rows = json.loads(run(f"nas classify {file} IMAGES/cat IMAGES/dog IMAGES/owl --json"))
        right = sum(row["answers"][0]["class"] == row["image"].split("/")[1] for row in rows)
        assert len(rows) == 72
        assert right > 60, (file, right)
    run("nas report second")
