"""Files are written whole or not at all, and read without being believed."""

import os
from pathlib import Path

import pytest

from results.report.page import check_place
from results.runs.files import check_kinds, check_writable, read_json, read_text, write_json
from results.runs.store import Store
from search_spaces import UserError


@pytest.mark.parametrize("read", [read_text, read_json])
def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "pipe", "no regular file"), (tmp_path, "no regular file"),
                       (tmp_path / "none", "can't be read")):  # fmt: skip
        with pytest.raises(UserError, match=said):
            read(path)


def test_nothing_is_written_over_a_pipe_or_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writes = (check_writable, check_place, lambda path: write_json(path, {}))
    for path in (tmp_path / "pipe", Path("/dev/null")):
        for write in writes:
            with pytest.raises(UserError, match="is a pipe or a device"):
                write(path)
        assert not path.is_file()
    with pytest.raises(UserError, match="no regular file"):
        Store(tmp_path / "pipe", {}, {"c": (8,)})  # it waited for ever


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(tmp_path / "bom") == "{}"
    assert read_json(tmp_path / "bom") == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 5000 + "]" * 5000, "nested too deep"),
        (r'{"name": "\ud800"}', "no JSON that can be used"),
        ("{'a': 1}", "no JSON that can be used"),
        ("", "no JSON that can be used"),
    ],
)
def test_what_is_no_json_is_told_in_a_sentence(tmp_path, content, said):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError, match=said) as raised:
        read_json(tmp_path / "x.json")
    assert "\n" not in str(raised.value)


def test_kinds_are_named():
    check_kinds({"a": 1, "b": None}, "f", {"a": int, "b": (str, type(None))})
    for value, said in (
        ([], "f holds a list: expected an object"),
        ({"a": True}, "f has True for a: expected a whole number"),
        ({"a": "x" * 99}, "f has 'xxx.*: expected a whole number"),
        ({}, "f has nothing for a: expected a whole number"),
    ):
        with pytest.raises(UserError, match=said):
            check_kinds(value, "f", {"a": int})
