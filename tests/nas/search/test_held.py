"""A search by weights that are held, as a supernet's: its order, and what it stands beside."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import nas
from nas.commands.main import cli
from nas.commands.present.result import print_next, print_result
from nas.evaluators import Measurement
from nas.report.findings import findings_of
from nas.workers.executor import EXECUTORS, LocalExecutor
from results.report.record import open_folder
from results.runs.load import load_architecture
from search_spaces import cost, space


class Held:
    """Its space is of small images of ten classes."""

    space = space("efficientnet-small")
    label = "made up."
    data, fit = Path("my images"), "letterbox"

    def images_of(self, architecture):
        return SimpleNamespace(majority=40.0)

    def fitted(self, given):
        return given

    def keep(self, architecture, folder):
        return f"nas train {folder} --data IMAGES"

    def __call__(self, architecture, budget, seed):
        return Measurement(50.0 + cost(architecture).params % 97 / 10)


class Backwards(LocalExecutor):
    """The job that was handed in last is ready first."""

    width = 3

    def next(self):
        self._jobs.rotate(1)
        return super().next()


def searched(tmp_path, name, evaluator, **more):
    return nas.find(30e6, space=Held.space, evaluator=evaluator, trials=60, runs=tmp_path,
                    name=name, **more)  # fmt: skip


def numbers(found):
    return [(trial.number, trial.architecture.id) for trial in found.trials]


def test_who_is_faster_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(EXECUTORS, "backwards", lambda evaluator, of: Backwards(evaluator))
    alone = searched(tmp_path, "alone", Held())
    assert [number for number, _ in numbers(alone)] == [*range(60)]
    assert numbers(searched(tmp_path, "many", Held(), executor="backwards")) == numbers(alone)
    assert json.loads((tmp_path / "many/run.json").read_text())["sessions"][0]["workers"] == 3
    plain = Held().__call__  # what holds nothing is told as it comes
    assert numbers(searched(tmp_path, "plain", plain, executor="backwards")) != numbers(alone)


def test_cut_off_among_workers_it_goes_on_to_the_same_networks(tmp_path, monkeypatch):
    class Cut(Backwards):
        left = 20

        def next(self):
            Cut.left -= 1
            if not Cut.left:
                raise KeyboardInterrupt
            return super().next()

    monkeypatch.setitem(EXECUTORS, "backwards", lambda evaluator, of: Cut(evaluator))
    first = searched(tmp_path, "cut", Held(), executor="backwards")
    assert first.interrupted
    assert 10 < len(first.trials) < 20
    ended = searched(tmp_path, "cut", Held(), executor="backwards")
    assert numbers(ended) == numbers(searched(tmp_path, "whole", Held()))


def test_it_stands_beside_b0_of_its_own_pixels_and_no_published_number(tmp_path, capsys):
    found = searched(tmp_path, "small", Held())
    best, base = found.best, load_architecture("small:beside", tmp_path)
    assert (base.resolution, base.classes) == (32, found.architecture.classes)
    assert 0.95 * 30e6 < cost(base).macs <= 30e6
    scaled = best["otherwise"]["scaled_b0"]
    assert (scaled["at"], scaled["accuracy"], scaled["gain"]) == ("32", None, None)
    assert (best["otherwise"]["published"], best["baseline"]) == ([], None)
    print_result(found)
    print_next(found)
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "EfficientNet-B0 scaled to the same T at the images' 32 px was not trained here: only its "
        "costs can be compared."
    ) in said
    assert "ImageNet" not in said
    assert f"EfficientNet-B0 scaled is {found.folder}:beside, for nas train" in said


@pytest.mark.parametrize(
    ("gain", "wanted"),
    [(-3.0, ["a:beside", "a"]), (0.5, ["a", "a:beside"]), (2.0, ["a"])],
)
def test_the_next_command_builds_on_the_better_choice(tmp_path, capsys, gain, wanted):
    found = searched(tmp_path, "a", Held())
    found.best["otherwise"]["scaled_b0"] |= {"gain": gain, "gain_spread": 1.0}
    print_next(found)
    said = capsys.readouterr().out
    assert re.findall(r"gridsearch run --phi 1 --baseline \S+/(\S+)", said) == wanted
    assert said.split()[0] == "next:"


def test_the_next_command_has_the_images_of_the_weights(tmp_path, capsys):
    found = searched(tmp_path, "a", Held())
    print_next(found)
    following = f"--baseline {found.folder} --data 'my images' --fit letterbox"
    assert following in capsys.readouterr().out
    page = pytest.importorskip("nas.report.answer")
    findings = findings_of(open_folder("a", tmp_path))
    findings.folder.experiment["evaluator"] = "supernet:s"
    assert any(str(part).count(" --data DIR") for part in page.answer(findings).parts)


@pytest.mark.parametrize(("accuracy", "said"), [(41.9, 1), (42.1, 0)])
def test_weights_that_learned_nothing_are_told(tmp_path, accuracy, said):
    class Flat(Held):
        def __call__(self, architecture, budget, seed):
            return Measurement(accuracy, 1.0)

    notes = searched(tmp_path, "flat", Flat()).best["otherwise"]["notes"]
    assert sum("not even the pick is surely better" in note for note in notes) == said
    assert sum("(40.0 %): these weights rank nothing; " in note for note in notes) == said


def test_stopped_it_says_first_how_to_go_on(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(
        "def stop(architecture, budget, seed, left=[5]):\n"
        "    left[0] -= 1\n"
        "    if not left[0]:\n"
        "        raise KeyboardInterrupt\n"
        "    return 50.0\n"
    )
    monkeypatch.chdir(tmp_path)
    given = ("search", "--target-flops", "30M", "--evaluator", "toy.py:stop", "--name", "cut")
    stopped = CliRunner().invoke(cli, given)
    assert stopped.exit_code == 130, stopped.output
    said = stopped.output  # both streams, as a terminal shows them
    assert said.index("the same command continues") < said.index("next: gridsearch run")
