"""A model's word may hang by a hair on the batch: what is continued hears what it would have."""

import json
import shutil

import numpy as np
import pytest
from test_generations import Model, finish, search

import nas
from search_spaces import UserError


class Hanging(Model):
    """Says something else of a network in another batch."""

    def predict(self, networks):
        means, spreads = super().predict(networks)
        return means + 1e-3 * np.arange(len(networks)) / len(networks), spreads


def heard(asked):
    return finish(asked, Hanging(), lambda: asked.networks)


def test_the_rest_of_a_generation_is_predicted_with_all_of_it():
    whole = heard(search(300))
    for stored in (0, 40, 100, 237):
        again = heard(search(300, whole[:stored]))
        pairs = [(t.values, t.accuracy) for t in whole[:stored] + again]
        assert pairs == [(t.values, t.accuracy) for t in whole]
    shorter = heard(search(220))
    longer = heard(search(300, shorter))
    assert [t.accuracy for t in shorter + longer] == [t.accuracy for t in whole]


def lines(folder):
    return (folder / "trials.journal").read_text().splitlines(keepends=True)


def networks(folder):
    told = [json.loads(line) for line in lines(folder)[3:]]
    return [(line["user_attrs"]["number"], line["values"], line["user_attrs"]["stages"])
            for line in told]  # fmt: skip


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A search of 60 networks that ended; tests take copies of it."""
    runs = tmp_path_factory.mktemp("runs")
    nas.find(4e8, evaluator=Hundredth(), trials=60, runs=runs, name="s")
    return runs / "s"


class Hundredth:
    """A model that learns nothing."""

    def predict(self, architectures):
        means = [40 + network.blocks / 100 for network in architectures]
        return np.array(means), np.full(len(means), 0.1)

    def __call__(self, architecture, budget, seed):
        return 40 + architecture.blocks / 100


def again(folder, evaluator=None, trials=60):
    return nas.find(4e8, evaluator=evaluator or Hundredth(), trials=trials, runs=folder.parent,
                    name="s")  # fmt: skip


@pytest.mark.parametrize("left", [62, 40, 3, 1, 0])
def test_a_run_that_ended_and_lost_its_last_trials_makes_them_again(left, ended, tmp_path, capsys):
    folder = shutil.copytree(ended, tmp_path / "s")
    whole = networks(folder)
    (folder / "trials.journal").write_text("".join(lines(folder)[:left]))
    found = again(folder)
    trials = max(0, left - 3)
    assert (found.new, networks(folder)) == (60 - trials, whole)
    said = capsys.readouterr().err
    assert f"s/trials.journal holds {trials} of the 60 trials that a session left: what is" in said
    assert "Ctrl-C" not in said
    assert "the answer is the same as before" in said
    assert not (folder / "before").exists()
    record = json.loads((folder / "run.json").read_text())
    assert record["sessions"][-1]["again"] == 60 - trials
    assert again(folder).new == 0
    assert "note:" not in capsys.readouterr().err


def test_an_answer_that_becomes_another_is_kept_as_it_was(ended, tmp_path, capsys):
    folder = shutil.copytree(ended, tmp_path / "s")
    best, table = ((folder / name).read_bytes() for name in ("best.json", "trials.csv"))
    for n, name in enumerate(("before", "before-2")):
        (folder / "trials.journal").write_text("".join(lines(folder)[:20]))
        again(folder, trials=40 - n)  # fewer are asked for than there were
        said = capsys.readouterr().err
        assert f"what is missing is made again, as far as --trials {40 - n} goes" in said
        assert f"stood there is kept in {folder / name}" in said
    assert (folder / "before/best.json").read_bytes() == best
    assert (folder / "before/trials.csv").read_bytes() == table
    again(folder, trials=60)  # goes on, as any run
    assert "made again" not in capsys.readouterr().err


def test_what_is_missing_within_is_refused_with_the_lines_to_take_out(ended, tmp_path):
    folder = shutil.copytree(ended, tmp_path / "s")
    whole = lines(folder)
    (folder / "trials.journal").write_text("".join(whole[:20] + whole[22:]))
    with pytest.raises(
        UserError, match=r"trial 17 is missing in .*, and later ones are there.*take line 21 and"
    ):
        again(folder)
    assert lines(folder) == whole[:20] + whole[22:]
    (folder / "trials.journal").write_text("".join(lines(folder)[:20]))
    assert again(folder).new == 43


def test_trials_that_were_measured_are_made_again_too_and_a_copy_is_asked_for(tmp_path, capsys):
    def find():
        return nas.find(4e8, evaluator=measured, trials=5, runs=tmp_path, name="m")

    find()
    journal = tmp_path / "m/trials.journal"
    held = [(trial.number, trial.architecture) for trial in find().trials]
    journal.write_text("".join(lines(tmp_path / "m")[:-1]))
    found = find()
    said = capsys.readouterr().err
    assert "journal holds 4 of the 5 trials that a session left: what is missing is made" in said
    assert "If you have a copy of what was lost, press Ctrl-C now and put it back" in said
    assert found.new == 1
    assert [(trial.number, trial.architecture) for trial in found.trials] == held


def test_with_a_broken_journal_moved_away_all_is_made_again(ended, tmp_path):
    folder = shutil.copytree(ended, tmp_path / "s")
    whole, journal = networks(folder), folder / "trials.journal"
    for broken, why in ((["rub\n"], "line 21 of .*move the whole file away: the run's command"),
                        ([], "nothing says of what run it is; .*move it away")):  # fmt: skip
        kept = lines(folder)
        journal.write_text("".join(kept[:20] + broken + kept[21:] if broken else kept[::2]))
        with pytest.raises(UserError, match=why):
            again(folder)
        journal.unlink()
        assert again(folder).new == 60
        assert networks(folder) == whole


def measured(architecture, budget, seed):
    return 40 + architecture.blocks / 100
