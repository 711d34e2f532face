"""What an evaluator does or gives never ends a run or passes for a number that it is not."""

import asyncio
import json
import sys
from types import SimpleNamespace

import processes
import pytest

from nas.evaluators import Measurement, Outcome, evaluate
from nas.jobs import Job
from nas.learning import Unlearned, unlearned
from nas.measurement import share
from nas.objective import Objective
from nas.search.conclude import Result, _fractions, _learned_notes
from nas.search.plan import Plan
from search_spaces import NETWORKS

B0 = NETWORKS["efficientnet_b0"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda *_: sys.exit(0), "SystemExit: 0"),
        (lambda *_: 150.0, "expected percent, 0 to 100"),
        (lambda *_: 1e9, "expected percent, 0 to 100"),
        (lambda *_: -1, "expected percent, 0 to 100"),
        (lambda *_: float("nan"), "expected percent, 0 to 100"),
        (lambda *_: "good", "ValueError"),
    ],
)
def test_it_is_a_failed_trial(given, said):
    outcome = evaluate(given, B0, 1.0, 0)
    assert outcome.measurement is None
    assert said in outcome.error


@pytest.mark.parametrize(
    "raised", [GeneratorExit, asyncio.CancelledError, SystemExit, StopIteration]
)
def test_whatever_it_raises_is_that_trials_failure(raised):
    def raises(*_):
        raise raised("enough")

    assert evaluate(raises, B0, 1.0, 0).error == f"{raised.__name__}: enough"


def test_ctrl_c_is_no_failure():
    def pressed(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(pressed, B0, 1.0, 0)


def test_what_its_programs_print_is_no_output_of_the_command(tmp_path):
    (tmp_path / "own.py").write_text(
        "import subprocess\n"
        "def says(network, budget, seed):\n"
        "    subprocess.run(['echo', 'evaluating'])\n"
        "    return network.resolution / 10\n"
    )
    asked = ["search", "--target-flops", "400M", "--trials", "2", "--strategy", "random", "--json"]
    for executor in ("local", "pool"):
        given = [*asked, "--evaluator", "own.py:says", "--name", executor, "--executor", executor]
        done = processes.run("nas", *given, cwd=tmp_path)
        assert json.loads(done.stdout)["trials"] == 2, done.stderr
        assert "evaluating" in done.stderr


def test_what_it_prints_is_no_output_of_the_command(capsys):
    assert evaluate(lambda *_: print("epoch 1") or 70.0, B0, 1.0, 0).measurement.accuracy == 70
    assert capsys.readouterr() == ("", "epoch 1\n")


def test_options_of_which_nothing_is_known_are_named():
    choices = {"k": (3, 5), "e": (1, 3, 6), "one": (7,)}

    def trials(e, broken, count=15):
        for n in range(count):
            values = {"k": 5 if n % 4 == 1 else 3, "e": e[n % len(e)], "one": 7}
            measured = None if broken(values) else Measurement(50.0)
            yield Job(n, values, B0, 0).finished(Outcome(measured, None if measured else "x", 1.0))

    def said(e, broken=lambda values: False, count=30):
        return " ".join(unlearned(list(trials(e, broken, count)), choices))

    assert said((1, 3, 6)) == ""
    assert said((1, 3), count=12) == "", "of twelve networks none need have it"
    assert said((1, 3)).endswith("so nothing is known of them: e 6")
    assert "failed, so nothing is known of them: k 5 (8)" in said(
        (1, 3, 6), lambda values: values["k"] == 5
    )


@pytest.mark.parametrize("accuracy", [10.0, 11.5, 13.0])
def test_a_search_with_every_training_at_chance_says_so(accuracy, tmp_path):
    images = SimpleNamespace(majority=10.0)
    trains = SimpleNamespace(images_of=lambda network: images)
    trials = [
        Job(n, {}, B0, 0).finished(Outcome(Measurement(accuracy - n, 1.0), None, 1.0))
        for n in range(3)
    ]
    plan = Plan(Objective("hard", 4e8), space="mbconv")
    result = Result(plan, tmp_path, trials, trains, pick=trials[0])
    said = _learned_notes(result)
    assert [note.partition(" always (10.0 %)")[0] for note in said] == (
        ["no network is surely better than naming the most frequent class"] * (accuracy < 12)
    )


@pytest.mark.parametrize(("best", "known", "says"), [(11, [], 1), (14, [], 0), (11, [0], 0)])
def test_it_is_said_after_the_first_trainings_and_once(best, known, says, capsys):
    shown = []
    trains = SimpleNamespace(images_of=lambda network: SimpleNamespace(majority=10.0))
    show = Unlearned(lambda trial, n: shown.append(n), trains, known)
    for n in range(9):
        accuracy = None if n == 1 else float(best - (n != 4))
        measured = None if accuracy is None else Measurement(accuracy, 1.0)
        show(Job(n, {}, B0, 0).finished(Outcome(measured, "lost" * (n == 1) or None, 1.0)), n + 1)
        said = capsys.readouterr().err
        assert ("none of the first 6 networks" in said) == (says == 1 and n == 6), said
    assert shown == list(range(1, 10))


@pytest.mark.parametrize("of", [1, 2, 36, 10_000])
def test_no_share_of_images_is_certain_and_more_named_rightly_is_never_worse(of):
    """Agresti-Coull at z = 1; with caution 36 of 36 images is still above 35 of 36."""
    found = [share(right, of) for right in range(of + 1)]
    assert [one.accuracy for one in found[:: max(1, of)]] == [0.0, 100.0]
    assert all(one.spread > 0 for one in found)
    assert all(a.spread == pytest.approx(b.spread) for a, b in zip(found, found[::-1], strict=True))
    cautious = [one.accuracy - 2 * one.spread for one in found[of // 2 :]]
    assert cautious == sorted(cautious)
    assert cautious[-1] < 100
    if of == 10_000:
        assert found[7000].spread == pytest.approx(100 * (0.7 * 0.3 / of) ** 0.5, rel=1e-3)
    if of == 36:
        assert (found[36].spread, found[35].spread) == pytest.approx((1.898, 3.242), abs=1e-3)


def test_fractions_in_place_of_percent_are_told():
    trials = [Job(n, {}, B0, 0).finished(Outcome(Measurement(n / 3), None, 1.0)) for n in range(4)]
    assert "have it return percent" in _fractions(trials)[0]
    trials.append(Job(4, {}, B0, 0).finished(Outcome(Measurement(50.0), None, 1.0)))
    assert _fractions(trials) == []
