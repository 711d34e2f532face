"""What `--dry-run` says of the trainings that a search would do, and `nas audit` of those done."""

import math
from pathlib import Path

import pytest

from nas.commands.present.trust import print_audit, print_forecast
from nas.search.audit import BudgetQuality, Report
from nas.search.forecast import Forecast


@pytest.mark.parametrize(
    ("trainings", "epochs", "budget", "said"),
    [
        (30, 60.0, 2.0, "30 trainings of 2 epochs each (60 in all), 2 at the same time, will take"),
        (
            10,
            11.0,
            1.0,
            "10 trainings, the first of 1 epoch each (11 in all), 2 at the same time, will",
        ),
        (1, 2.5, 2.5, "1 training of 2.5 epochs, 2 at the same time, will take about 36 s ("),
    ],
)
def test_epochs_of_each_training_and_of_all_are_told_apart(trainings, epochs, budget, said, capsys):
    print_forecast(
        Forecast(0.01, 0.005, 0.02, 0.0, trainings, epochs, budget, 2, (1.5, 3.25), (10**6, 10**7))
    )
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith(said)
    assert "about 36 s (18 s to 72 s)" in printed
    assert "1M 1.5 s, 10M 3.2 s" in printed
    assert "The seconds in which their processes start are not counted." in printed


@pytest.mark.parametrize("seeds", [1, 2])
def test_an_audit_says_what_its_tau_is_of(seeds, capsys):
    noise = math.nan if seeds == 1 else 0.5
    rows = [BudgetQuality(b, 50.0, noise, tau, 0.5, 1.0, 2.0) for b, tau in ((1, 0.8), (3, 1.0))]
    for least, said in ((0.7, "1 epoch is enough"), (0.9, "3 epochs are enough")):
        print_audit(Report(Path("runs/a"), rows), least)
        printed = " ".join(capsys.readouterr().out.split())
        assert f"{said}: no shorter length has a tau of {least}." in printed
        assert ("that of the mean of the other seeds at the longest" in printed) == (seeds > 1)
        alone = "With one seed the longest length is compared with itself."
        assert (alone in printed) == (seeds == 1)
