"""A tiny space and images that all tests of supernets share."""

import pytest

SPACE = """
name = "tiny"
[network]
stem = [4, 8]
head = [16, 24]
stem_stride = 2
resolution = [16, 12]
[[stages]]
channels = [8, 16]
expand = [1, 2]
kernel = [3, 5]
repeats = [1, 2]
se = [0.0, 0.25]
[[stages]]
channels = [16, 24]
expand = [2, 3]
repeats = [1, 2]
stride = 2
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, coloured):
    folder = tmp_path_factory.mktemp("supernet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPOUND_NAS_CACHE", str(folder / "cache"))
        coloured(folder / "images", 20)
        (folder / "tiny.toml").write_text(SPACE)
        yield folder
