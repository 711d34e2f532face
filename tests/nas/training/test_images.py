"""Image folders: what is decoded, cached, skipped and refused; kills and two builders at once."""

import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from waiting import wait_for

from nas.training import decoding
from nas.training.images import for_data, load_images
from nas.training.state import stratified
from search_spaces import Architecture, Space, Stage, UserError, cost, space

ANY_BYTES = pytest.mark.skipif(sys.platform != "linux", reason="names must be text there")


def paint(path: Path, size=(12, 12), colour=None, seed=0) -> Path:
    """A plain image, or one of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if colour is None:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(path)
    else:
        Image.new("RGB", size, colour).save(path)
    return path


def folder_of(root: Path, splits=("train", "val"), classes=("cat", "dog"), each=5) -> Path:
    for split in splits:
        for name in classes:
            for i in range(each):
                paint(
                    root / split / name / f"{i}.png",
                    seed=len(split) * 100 + len(name) + ord(name[0]) * 1000 + i * 7,
                )
    return root


@pytest.fixture
def folder(tmp_path):
    return folder_of(tmp_path / "data")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_pixels_labels_and_a_cheap_pickle(folder, cache):
    seen = []
    data = load_images(folder, 12, cache, progress=lambda n, total: seen.append((n, total)))
    assert (data.classes, data.train, data.val, data.skipped) == (("cat", "dog"), 10, 10, ())
    assert seen[-1] == (20, 20)
    original = np.asarray(Image.open(folder / "train" / "dog" / "3.png"))
    assert np.array_equal(data.train_x[8], original)
    assert data.train_x.dtype == np.uint8
    assert isinstance(data.train_x, np.memmap)
    assert data.val_y.tolist() == [0] * 5 + [1] * 5
    sent = pickle.dumps(data)
    assert len(sent) < 1000
    assert np.array_equal(pickle.loads(sent).val_x, data.val_x)


def test_the_central_square_is_resized_and_exif_obeyed(folder, cache):
    wide = Image.new("RGB", (80, 40), "red")
    wide.paste("blue", (20, 0, 60, 40))
    wide.save(folder / "train" / "cat" / "wide.png")
    turned = Image.new("RGB", (40, 40), "red")
    turned.paste("blue", (0, 0, 40, 20))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(folder / "train" / "cat" / "x.jpg", exif=exif, quality=95)
    Image.new("LA", (30, 90), (200, 0)).save(folder / "train" / "cat" / "y.png")
    data = load_images(folder, 20, cache)
    assert data.train_x.shape == (13, 20, 20, 3)
    assert (data.train_x[5] == (0, 0, 255)).all()
    assert data.train_x[6, 2, 10, 0] > 200 > 50 > data.train_x[6, 17, 10, 0]
    assert (data.train_x[7] == 255).all()  # transparent: on white


def test_the_key_is_of_files_and_settings_and_the_digest_of_pixels(folder, cache):
    first = load_images(folder, 12, cache)
    again = load_images(folder, 12, cache)
    assert again == first
    assert load_images(folder, 10, cache).key != first.key
    image = folder / "val" / "dog" / "1.png"
    os.utime(image, ns=(1, 1))
    touched = load_images(folder, 12, cache)
    assert touched.key != first.key
    assert touched.digest == first.digest
    paint(image, colour="red")
    assert load_images(folder, 12, cache).digest != first.digest


def test_what_cannot_be_used_is_named_and_skipped(folder, cache):
    cat = folder / "train" / "cat"
    (cat / "0.png").write_bytes((cat / "0.png").read_bytes()[:60])
    (cat / "notes.txt").write_text("no image")
    paint(cat / "thin.png", (40, 7))
    (cat / ".hidden").write_text("")
    data = load_images(folder, 12, cache)
    assert data.train == 9
    reasons = dict(data.skipped)
    assert sorted(reasons) == ["train/cat/0.png", "train/cat/notes.txt", "train/cat/thin.png"]
    assert reasons["train/cat/thin.png"] == "40 x 7 px, smaller than 8"
    assert reasons["train/cat/notes.txt"] == "no known image format"
    each = ", ".join(f"{reason}: 1" for _, reason in data.skipped)
    assert data.notes()[0] == f"19 of 22 images can be used; cat lost 3 of 12 ({each})"
    original = np.asarray(Image.open(cat / "1.png"))
    assert np.array_equal(data.train_x[0], original)
    assert load_images(folder, 12, cache).skipped == data.skipped


def test_without_val_a_fifth_of_each_class_is_set_aside_by_the_seed(tmp_path, cache):
    folder = folder_of(tmp_path / "data", ("train", "test"), each=10)
    data = load_images(folder, 12, cache)
    assert (data.train, data.val) == (16, 4)
    assert data.val_y.tolist() == [0, 0, 1, 1]
    known = {np.asarray(Image.open(p)).tobytes() for p in (folder / "train").rglob("*.png")}
    rows = [*data.train_x, *data.val_x]
    assert {row.tobytes() for row in rows} == known  # all of train, nothing of test
    other = load_images(folder, 12, cache, seed=1)
    assert not np.array_equal(other.val_x, data.val_x)


def break_it(folder: Path, how: str) -> None:
    train, val = folder / "train", folder / "val"
    if how == "no train":
        train.rename(folder / "training")
    elif how == "no folder":
        shutil.rmtree(folder)
    elif how == "one class":
        shutil.rmtree(train / "cat")
    elif how == "empty class":
        (train / "bird").mkdir()
    elif how == "class of val":
        paint(val / "bird" / "0.png")
    elif how == "empty val":
        shutil.rmtree(val)
        val.mkdir()
    elif how == "single":
        shutil.rmtree(val)
        paint(train / "bird" / "0.png")
    elif how == "all broken":
        for path in (train / "dog").iterdir():
            path.write_text("broken")
    elif how == "no text":
        os.rename(train / "dog", os.fsencode(train) + b"/d\xffg")
    elif how == "two that validate":
        shutil.copytree(val, folder / "valid")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("no train", "has no folder train/: expected train/CLASS/*.jpg"),
        ("no folder", "is no folder: expected train/CLASS/*.jpg"),
        ("one class", "has 1 class folder: expected"),
        pytest.param("no text", "the name b'd\\xffg', which is no text in UTF-8", marks=ANY_BYTES),
        ("empty class", "train/bird is empty: add images to it or remove it"),
        ("class of val", "validates on the class 'bird' that train/ lacks"),
        ("empty val", "has no class folders: expected the classes of train/"),
        ("single", "the class 'bird' has one image and there is no val/"),
        ("all broken", "has no image to train on that can be used (train/dog/"),
        ("two that validate", "has val/ and valid/: expected one"),
    ],
)
def test_a_folder_that_cannot_be_used_is_answered_in_a_sentence(folder, cache, how, says):
    break_it(folder, how)
    with pytest.raises(UserError) as raised:
        load_images(folder, 12, cache)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not [p for p in cache.glob("*") if not p.name.endswith(".lock")]


def test_a_class_without_a_usable_image_is_named_with_a_file_of_its_own(tmp_path, cache):
    for n in range(5):
        for name, side in (("cat", 12), ("dog", 5), ("owl", 12)):
            (tmp_path / "flat" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (side, side)).save(tmp_path / "flat" / name / f"{n}.png")
    (tmp_path / "flat" / "owl" / "9.png").write_text("broken")
    said = (
        r"^the class 'dog' of \S+/flat has no image to train on that can be used \(dog/\d.png: 5 x"
    )
    with pytest.raises(UserError, match=said):
        load_images(tmp_path / "flat", 12, cache)


@pytest.mark.parametrize("resolution", [7, 1025, 32.0, True])
def test_the_resolution_has_a_range(folder, cache, resolution):
    with pytest.raises(UserError, match="expected whole pixels from"):
        load_images(folder, resolution, cache)


def test_a_cache_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="COMPOUND_NAS_CACHE"):
        load_images(folder, 12, tmp_path / "file")


def test_processes_decode_what_one_does(folder, tmp_path, monkeypatch):
    (folder / "train" / "cat" / "3.png").write_text("broken")
    alone = load_images(folder, 12, tmp_path / "one", workers=1)
    monkeypatch.setattr(decoding, "FEW", 0)
    several = load_images(folder, 12, tmp_path / "two", workers=2)
    assert (several.digest, several.skipped) == (alone.digest, alone.skipped)


def test_a_damaged_cache_is_made_again(folder, cache):
    data = load_images(folder, 12, cache)
    for name in ("train_x.npy", "meta.json", "val_y.npy"):
        (Path(data.path) / name).write_bytes(b"\x93NUMPY")
        assert load_images(folder, 12, cache) == data


BUILD = """
import sys, time
from nas.training.images import load_images
data = load_images({folder!r}, 12, {cache!r}, workers=1, progress={progress})
print(data.digest)
"""


def building(folder, cache, progress="None"):
    program = BUILD.format(folder=str(folder), cache=str(cache), progress=progress)
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)


SLOW = "lambda *n: time.sleep(60)"


def test_a_killed_build_leaves_nothing_and_is_made_again(folder, cache):
    process = building(folder, cache, SLOW)
    wait_for(lambda: list(cache.glob(".*/train_x.npy")))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert [p for p in cache.glob(".*") if p.is_dir()]
    data = load_images(folder, 12, cache)
    assert data.train == 10
    assert [p.name for p in cache.iterdir() if p.is_dir()] == [data.key]


def test_of_two_builders_the_second_waits_and_takes_the_firsts(folder, cache):
    first = building(folder, cache, "lambda *n: time.sleep(0.7)")
    wait_for(lambda: list(cache.glob(".*/train_x.npy")))
    seen = []
    data = load_images(folder, 12, cache, progress=lambda *n: seen.append(n))
    assert not seen  # nothing was decoded here
    out, _ = first.communicate()
    assert out.strip() == data.digest


def test_a_subset_is_stratified_and_nested_by_seed():
    labels = np.repeat(np.arange(3), [100, 50, 2])
    chosen = stratified(labels, 0.1)
    assert np.bincount(labels[chosen]).tolist() == [10, 5, 1]
    assert np.array_equal(chosen, stratified(labels, 0.1))
    assert not np.array_equal(chosen, stratified(labels, 0.1, seed=1))
    assert set(chosen) < set(stratified(labels, 0.2))
    assert len(stratified(labels, 1.0)) == 152


def test_a_space_fitted_to_data_costs_what_is_trained():
    fitted = for_data(space("efficientnet-small"), 100, 48)
    net = fitted.build(fitted.sample(random.Random(0)))
    assert (net.classes, net.resolution) == (100, 48)
    wide = for_data(space("efficientnet-wide"), 10, 64)
    assert "resolution" not in wide.choices
    assert wide.build(wide.sample(random.Random(0))).resolution == 64
    stage = Stage("conv", 8)
    own = Space("own", {"classes": (2, 3), "stem": (8, 16)}, lambda v: Architecture((stage,), **v))
    small = for_data(own, 5, 32)
    assert list(small.choices) == ["stem"]
    assert cost(small.build({"stem": 8})) == cost(
        Architecture((stage,), stem=8, classes=5, resolution=32)
    )


def test_the_small_space_spans_the_issues_target():
    from search_spaces.space import cost_ranges

    flops = cost_ranges(space("efficientnet-small"))["flops"]
    assert flops.smallest < 10e6
    assert 30e6 < flops.median < 60e6


@pytest.mark.shared_data
def test_cifar(cifar):
    data = load_images(cifar[0], 32, cifar[1])
    assert (data.train, data.val, len(data.classes), data.skipped) == (20_000, 5_000, 10, ())
    assert (np.bincount(data.val_y) == 500).all()
    assert 115 < data.train_x[::50].mean() < 127
