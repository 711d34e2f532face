"""A search by a score: what it prints and writes calls the number by its name, never a top-1."""

import pytest
from click.testing import CliRunner

import nas
from nas.commands.present.result import print_result
from nas.commands.search import search
from nas.report import notebook
from nas.report.sections import report_of
from results.report.page import html
from results.report.record import open_folder
from search_spaces import UserError


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return nas.find(
        7e6, space="efficientnet-small", evaluator="synflow", trials=4, name="scored",
        runs=tmp_path_factory.mktemp("runs"), strategy="random",
    )  # fmt: skip


def test_what_is_printed_names_the_score_and_says_what_it_is_worth(found, capsys):
    print_result(found)
    said = " ".join(capsys.readouterr().out.split())
    assert "SynFlow" in said
    assert "highest SynFlow" in said
    assert "it is no accuracy and only ranks" in said
    assert "Kendall's tau" in said
    assert "top-1" not in said.replace("published", "")
    assert found.best["unit"] == "SynFlow"
    assert found.other is None


def test_the_report_and_the_picture_name_the_score(found):
    page = html(report_of(open_folder(str(found.folder), found.folder.parent)))
    text = page.partition("</head>")[2]
    assert f"{found.pick.accuracy:.2f} of SynFlow" in text
    assert "% top-1" not in text
    assert "SynFlow" in notebook.html(found)
    assert " %" not in notebook.html(found)


def test_the_same_seed_finds_the_same(found, tmp_path):
    again = nas.find(
        7e6, space="efficientnet-small", evaluator="synflow", trials=4, strategy="random",
        runs=tmp_path,
    )  # fmt: skip
    assert [t.accuracy for t in again.trials] == [t.accuracy for t in found.trials]


def test_a_score_is_weighed_against_no_cost():
    with pytest.raises(UserError, match=r"SynFlow only ranks.*take hard"):
        nas.find(7e6, objective="soft", space="efficientnet-small", evaluator="synflow", trials=4)


def test_with_images_the_command_says_how_a_score_sees_them(tmp_path):
    given = ["--target-flops", "30M", "--data", str(tmp_path), "--evaluator", "naswot"]
    done = CliRunner().invoke(search, given)
    assert f"--evaluator naswot:{tmp_path}" in str(done.exception)
