"""What `--dry-run` says of the trainings that a search would do."""

import pytest

from nas.commands.present.trust import print_forecast
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
