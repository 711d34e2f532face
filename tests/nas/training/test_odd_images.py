"""Images and trees as people have them: each is decoded right, or named as left out."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_images import folder_of, paint

from nas.training.decoding import decode
from nas.training.folders import Listing, splits_of
from nas.training.headers import own_pixels
from nas.training.images import load_images
from search_spaces import UserError
from search_spaces.rounding import size_of

RAMP = np.linspace(0, 1, 32)[None].repeat(32, 0)  # black on the left, white on the right


def ramp(mode):
    """The ramp in a mode of Pillow's."""
    if mode.startswith("I;16") or mode == "I":
        return Image.fromarray((RAMP * 65535).astype(np.uint16)).convert(mode)
    if mode == "F":
        return Image.fromarray(RAMP.astype(np.float32))
    if mode == "F255":
        return Image.fromarray((255 * RAMP).astype(np.float32))
    grey = Image.fromarray((255 * RAMP).astype(np.uint8))
    return (
        grey.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "P") else grey.convert(mode)
    )


@pytest.mark.parametrize(
    ("mode", "ending", "off"),
    [
        ("L", "png", 1), ("RGB", "png", 1), ("RGB", "jpg", 6), ("RGB", "webp", 8),
        ("RGB", "bmp", 1), ("RGB", "tif", 1), ("RGB", "gif", 3), ("LA", "png", 1),
        ("RGBA", "png", 1), ("CMYK", "jpg", 8), ("CMYK", "tif", 2), ("YCbCr", "tif", 3),
        ("I;16", "png", 1), ("I;16", "tif", 1), ("I", "tif", 1), ("F", "tif", 1),
        ("F255", "tif", 1),
    ],
)  # fmt: skip
def test_a_ramp_stays_one_in_every_mode(tmp_path, mode, ending, off):
    path = tmp_path / f"ramp.{ending}"
    ramp(mode).save(path)
    decoded = decode(str(path), 32)
    assert decoded.shape == (32, 32, 3)
    assert np.abs(decoded - 255 * RAMP[..., None]).max() <= off + 1


def test_one_bit_is_black_and_white(tmp_path):
    Image.fromarray(RAMP > 0.5).save(tmp_path / "bits.png")
    assert set(np.unique(decode(str(tmp_path / "bits.png"), 32))) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path, mode):
    icon = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    icon.paste((0, 0, 0, 255), (4, 4, 12, 12))
    icon.convert(mode).save(tmp_path / "icon.png", **({"transparency": 0} if mode == "P" else {}))
    decoded = decode(str(tmp_path / "icon.png"), 16)
    if mode != "P":  # a palette has one transparent colour: here black, the square too
        assert (decoded[5:11, 5:11] == 0).all()
    assert (decoded[:3] == 255).all()


@pytest.mark.parametrize("low_high", [(-3.0, 4.0), (0.0, 1e9), (float("nan"), 1.0)])
def test_numbers_of_no_known_range_are_left_out_with_the_reason(tmp_path, low_high):
    values = np.full((16, 16), low_high[0], np.float32)
    values[:, 8:] = low_high[1]
    Image.fromarray(values).save(tmp_path / "odd.tif")
    with pytest.raises(ValueError, match="expected 0 to 65535, or 0 to 1"):
        decode(str(tmp_path / "odd.tif"), 16)


def test_a_giant_is_left_out_and_one_at_the_limit_stays_under_600_mb(tmp_path):
    Image.new("1", (13000, 13000)).save(tmp_path / "giant.png")
    with pytest.raises(ValueError, match="13000 x 13000 px, more than 50 megapixels"):
        decode(str(tmp_path / "giant.png"), 32)
    Image.new("RGBA", (7070, 7070), (0, 0, 255, 128)).save(tmp_path / "large.png", compress_level=1)
    code = (
        "import sys; from nas.training.decoding import decode\n"
        "decode(sys.argv[1], 32)\n"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "large.png")], capture_output=True, text=True
    )
    assert int(done.stdout) < 600_000, done.stderr  # kB


def pipe(folder):
    os.mkfifo(folder / "train" / "cat" / "pipe.png")
    return "no regular file"


def loop(folder):
    for name in ("one", "two"):
        (folder / "train" / "cat" / name).symlink_to(".")
    return "a link to a folder that is read already"


def dead(folder):
    (folder / "train" / "cat" / "dead.png").symlink_to("nowhere")
    return "a link to nothing"


def endless(folder):
    for at in (folder / "train", folder / "train" / "cat"):
        for link, to in (("self.png", "self.png"), ("a", "b"), ("b", "a")):
            (at / link).symlink_to(to)
    return "a link to nothing"


def device(folder):
    (folder / "train" / "cat" / "zero.png").symlink_to(os.devnull)
    return "no regular file"


def upward(folder):
    (folder / "train" / "cat" / "up").symlink_to(folder)
    return "a link to a folder that is read already"


@pytest.mark.parametrize("spoil", [pipe, loop, dead, endless, device, upward])
def test_only_regular_files_are_read_and_each_folder_once(tmp_path, spoil):
    folder = folder_of(tmp_path / "data")
    reason = spoil(folder)
    data = load_images(folder, 12, tmp_path / "cache")
    assert data.train == 10
    assert {why for _, why in data.skipped} == {reason}
    lost = len(data.skipped)
    note = f"20 of {20 + lost} images can be used; cat lost {lost} of {10 + lost} ({reason})"
    assert data.notes() == [note]
    assert load_images(folder, 12, tmp_path / "cache").notes() == [note]  # from the cache


@pytest.mark.parametrize(("most", "channels"), [(4095, 1), (4095, 4), (65535, 1)])
def test_twelve_bits_in_sixteen_are_told_as_nearly_black(tmp_path, most, channels):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for n in range(3):
            values = (RAMP * (most - n)).astype(np.uint16)
            Image.fromarray(values).save(tmp_path / "data" / name / f"{n}.png")
    notes = load_images(tmp_path / "data", 32, tmp_path / "cache", channels=channels).notes()
    dark = (
        "no pixel of the images looked at exceeds 16 of 255, so they are nearly black: if 10 or 12 "
        "bits are stored in 16, scale the values to 0 to 65535 first"
    )
    assert notes == [dark] * (most == 4095)


def test_a_set_that_is_a_link_to_itself_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "me").symlink_to("me")
    with pytest.raises(UserError, match="me is no folder: expected"):
        load_images(tmp_path / "me", 12, tmp_path / "cache")


def test_lines_of_a_csv_that_lead_nowhere_are_left_out(tmp_path):
    cat, dog = (folder_of(tmp_path, ("train",)) / "train" / name for name in ("cat", "dog"))
    (tmp_path / "me.png").symlink_to("me.png")
    rows = [f"{path},{path.parent.name}" for place in (cat, dog) for path in place.iterdir()]
    rows += ["me.png,cat", f"{'x' * 300}.png,dog", "me.png/x.png,dog"]
    (tmp_path / "list.csv").write_text("\n".join(["path,label", *rows]))
    listing = splits_of(tmp_path / "list.csv", 0)
    assert [why for _, why, _ in listing.left_out] == ["no such file"] * 3


def test_files_that_are_lost_for_several_reasons_are_not_put_down_to_one(tmp_path):
    folder = folder_of(tmp_path / "data")
    cat = folder / "train" / "cat"
    for n in range(3):
        (cat / f"text{n}.png").write_text("hello")
    for n in range(2):
        (cat / f"dead{n}.png").symlink_to("nowhere")
    Image.new("L", (1, 1)).save(cat / "small.png")
    words = "no known image format: 3, a link to nothing: 2, 1 x 1 px, smaller than 8: 1"
    note = "20 of {} images can be used; cat lost {} of {} ({})"
    assert load_images(folder, 12, tmp_path / "c").notes() == [note.format(26, 6, 16, words)]
    Image.new("L", (2, 2)).save(cat / "tiny.png")
    usual = ", ".join(words.split(", ")[:2])
    listed = load_images(folder, 12, tmp_path / "c").lost[0]
    assert listed[3].startswith(usual)
    assert listed[3].endswith("smaller than 8: 1, other reasons: 1")


@pytest.mark.parametrize("name", ["valid", "validation"])
def test_other_names_of_val_validate(tmp_path, name):
    folder = folder_of(tmp_path / "data", ("train", name))
    assert len(splits_of(folder, 0).splits["val"]) == 10


def test_a_flat_folder_and_a_csv_are_taken(tmp_path):
    folder_of(tmp_path / "data", ("train",))
    flat = splits_of(tmp_path / "data" / "train", 0)
    assert (flat.classes, len(flat.splits["train"]), len(flat.splits["val"])) == (
        ("cat", "dog"),
        8,
        2,
    )
    table = tmp_path / "data" / "mine.csv"
    lines = [f"train/{n}/{i}.png,{n},{'valid' if i > 3 else 'train'}" for n in ("cat", "dog")
             for i in range(5)]  # fmt: skip
    table.write_text("\ufeffpath,label,split\n" + "\n".join([*lines, "nowhere.png,cat,train"]))
    listing = splits_of(table, 0)
    assert listing.classes == ("cat", "dog")
    assert listing.splits["val"] == [("train/cat/4.png", 0), ("train/dog/4.png", 1)]
    assert listing.left_out == (("nowhere.png", "no such file", "cat"),)
    assert load_images(table, 12, tmp_path / "cache").train == 8
    for sign in ";\t":
        table.write_text(f"Label{sign}Path\n" + "".join(
            f"{name}{sign}train/{name}/{i}.png\n" for name in ("cat", "dog") for i in range(5)
        ))  # fmt: skip
        assert splits_of(table, 0).classes == ("cat", "dog")
    rows = [f"train/{name}/{i}.png,{name}" for name in ("cat", "dog") for i in range(5)]
    table.write_text("\n".join(["path,label", *rows, *rows[:5], *rows[:5]]))  # cats count thrice
    splits = splits_of(table, 0).splits
    assert [len(splits[name]) for name in ("train", "val")] == [4 * 3 + 4, 2]
    assert not set(splits["train"]) & set(splits["val"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            b"name,kind\na.png,cat\n",
            r"has the columns 'name', 'kind': expected the columns path and",
        ),
        (b"", "has the columns none: expected the columns path and label in its first line"),
        (b"path,label\na.png,cat\n,cat\n", r"line 3 of .*mine.csv has no path: expected a path, a"),
        (b"path;label\na.png;\n", "line 2 of .*mine.csv has no label"),
        (b"path,label,split\na.png,cat,x\n", "line 2 of .*mine.csv has no set but the split 'x'"),
        (
            b"path,label,split\nmine.csv,cat,val\n./mine.csv,cat,train\n",
            "has mine.csv as 'cat' of train and as 'cat' of val: expected one label and one",
        ),
        (b"path,label\nmine.csv,cat\nmine.csv,dog\n", "as 'cat' of train and as 'dog' of train"),
        (b"path,label\nmine.csv,cat\n", "has images of 1 class: expected two or more, with"),
        (
            b"\xff\xd8\xff",
            "can't be read as a CSV, since it is no text in UTF-8: expected train/CL",
        ),
    ],
)
def test_a_csv_that_cannot_be_used_is_named_with_its_line(tmp_path, text, says):
    (tmp_path / "mine.csv").write_bytes(text)
    with pytest.raises(UserError, match=says):
        splits_of(tmp_path / "mine.csv", 0)


def test_a_class_that_never_validates_and_one_that_rules_are_named(tmp_path):
    folder = folder_of(tmp_path / "data", ("train",), ("cat", "dog", "owl"))
    for i in range(4):
        paint(folder / "val" / "cat" / f"{i}.png", seed=i)
    notes = load_images(folder, 12, tmp_path / "cache").notes()
    assert notes[0].startswith("no image validates the class dog, owl")
    assert notes[1].startswith("100.0 % of the validation images are of the class cat")


def test_an_image_is_cut_or_padded_to_any_shape(tmp_path):
    wide = Image.new("RGB", (80, 40), "red")
    wide.paste("blue", (10, 0, 70, 40))
    wide.save(tmp_path / "wide.png")
    cut = decode(str(tmp_path / "wide.png"), (20, 30))
    assert cut.shape == (20, 30, 3)
    assert (cut == (0, 0, 255)).all()
    padded = decode(str(tmp_path / "wide.png"), (30, 40), fit="letterbox")
    assert (padded[:5] == 128).all()
    assert (padded[25:] == 128).all()
    assert (padded[5:25, :4] == (255, 0, 0)).all()
    assert (padded[5:25, 6:34] == (0, 0, 255)).all()


def test_grey_transparent_and_many_channels(tmp_path):
    grey, icon, bands = (str(tmp_path / name) for name in ("ramp.png", "icon.png", "bands.npy"))
    ramp("I;16").save(grey)
    assert np.abs(decode(grey, 32, 1)[..., 0] - 255 * RAMP).max() <= 2
    Image.new("RGBA", (16, 16), (9, 8, 7, 6)).save(icon)
    assert (decode(icon, 16, 4) == (9, 8, 7, 6)).all()
    assert (decode(icon, 16, 1) > 240).all()
    values = np.random.default_rng(0).integers(0, 256, (24, 40, 6), np.uint8)
    np.save(bands, values)
    assert (decode(bands, (24, 40), 6) == values).all()
    assert decode(bands, (12, 12), 6, "letterbox").shape == (12, 12, 6)
    assert np.abs(decode(bands, (24, 20), 6).astype(float) - values[:, 10:30]).max() == 0
    with pytest.raises(ValueError, match="6 channels: expected 3"):
        decode(bands, 24)
    pages = [Image.fromarray(values[..., n]) for n in range(6)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert (decode(str(tmp_path / "pages.tif"), (24, 40), 6) == values).all()
    np.save(tmp_path / "sixteen.npy", np.full((16, 16), 65535, np.uint16))
    assert (decode(str(tmp_path / "sixteen.npy"), 16) == 255).all()
    np.save(tmp_path / "odd.npy", np.zeros((16, 16, 3), np.int64))
    with pytest.raises(ValueError, match="an array of int64: expected uint8, uint16 or floats"):
        decode(str(tmp_path / "odd.npy"), 16)


def test_a_set_of_another_form_is_another_set_and_grey_is_said(tmp_path):
    for name in "ab":
        for n in range(4):
            (tmp_path / "data" / name).mkdir(parents=True, exist_ok=True)
            values = np.random.default_rng(n).integers(0, 256, (20, 40), np.uint8)
            Image.fromarray(values).save(tmp_path / "data" / name / f"{n}.png")
    plain, wide, grey = (
        load_images(tmp_path / "data", size, tmp_path / "cache", channels=channels, fit=fit)
        for size, channels, fit in (
            (16, 3, "crop"),
            ((16, 32), 3, "letterbox"),
            ("16x32", 1, "crop"),
        )
    )
    assert len({plain.key, wide.key, grey.key}) == 3
    assert (plain.resolution, wide.size, grey.train_x.shape[1:]) == (16, (16, 32), (16, 32, 1))
    assert "--channels 1" in plain.notes()[-1]
    assert not grey.notes()
    assert load_images(tmp_path / "data", (16, 32), tmp_path / "cache", channels=1) == grey


def test_images_are_taken_at_their_own_size_within_reason(tmp_path):
    def own(sizes, ceiling=64):
        files = []
        for n, (width, height) in enumerate(sizes):
            Image.new("L", (width, height)).save(tmp_path / f"{n}.png")
            files.append((f"{n}.png", 0))
        return own_pixels(Listing(tmp_path, ("a",), {"train": files, "val": []}), ceiling)

    assert own([(32, 32)] * 5) == (32, 32)
    assert own([(28, 28), (9, 9), (90, 50)]) == (24, 24)
    assert own([(5, 5)] * 5 + [(32, 32)] * 3) == (32, 32)  # too small to be used
    assert own([(500, 375)] * 5) == (64, 64)
    assert own([(500, 375)] * 5, 224) == (224, 224)
    assert own([(320, 180)] * 9 + [(180, 320)]) == (64, 112)
    assert own([(100, 200)] * 5, 224) == (192, 96)
    assert own([(320, 180)] * 5 + [(180, 180)] * 5) == (64, 64)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("L", (320, 160)).save(tmp_path / "0.png", exif=turned)
    listing = Listing(tmp_path, ("a",), {"train": [("0.png", 0)], "val": []})
    assert own_pixels(listing, 64) == (128, 64)
    assert own_pixels(Listing(tmp_path, ("a",), {"train": [("no.png", 0)], "val": []}), 64) == (
        32,
        32,
    )


@pytest.mark.parametrize(
    ("network", "images", "taken"),
    [
        (12, 12, 12),  # not down to a multiple of 8
        (12, 40, 12),
        (12, 7, 12),  # nearly as large
        (32, 28, 32),
        (32, 24, 24),
        (64, 30, 24),
        ((12, 20), (14, 24), (12, 20)),
    ],
)
def test_a_network_keeps_its_size_for_images_that_are_about_as_large(
    tmp_path, network, images, taken
):
    from nas.final.plan import size_for
    from search_spaces import Architecture, Stage

    height, width = size_of(images)
    Image.new("RGB", (width, height)).save(tmp_path / "a.png")
    listing = Listing(tmp_path, ("a",), {"train": [("a.png", 0)], "val": []})
    stages = (Stage("conv", 8, 1, 3, 1),)
    architecture = Architecture(stages, stem=8, head=8, resolution=size_of(network).plain)
    size, words = size_for(architecture, listing, None)
    assert size == size_of(taken)
    assert bool(words) == (taken != network)
