"""What an evaluator does or gives never ends a run or passes for a number that it is not."""

import sys

import pytest

from nas.evaluators import evaluate
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


def test_what_it_prints_is_no_output_of_the_command(capsys):
    assert evaluate(lambda *_: print("epoch 1") or 70.0, B0, 1.0, 0).measurement.accuracy == 70
    assert capsys.readouterr() == ("", "epoch 1\n")
