"""Trials as tables."""

import pandas as pd
import pytest

from results.runs.frames import front_frame, trials_frame, write_frame
from results.runs.records import Trial
from search_spaces import NETWORKS, cost

SMALL, A1, B1, B0 = (
    NETWORKS[name] for name in ("mnasnet_small", "mnasnet_a1", "mnasnet_b1", "efficientnet_b0")
)
TRIALS = [
    Trial(0, {"k": 3}, B0, 77.0, 2.0, seed=5, seconds=1.5, budget=2.0),
    Trial(1, {"k": 5}, SMALL, 65.0, 0.1),
    Trial(2, {"k": 3}, A1, None, error="it diverged"),
    Trial(3, {"k": 7}, B1, 74.0, 0.5),
]


def test_columns():
    frame = trials_frame(TRIALS)
    first = ["number", "id", "accuracy", "spread", "macs", "params", "activations", "memory"]
    assert [*frame.columns] == [
        *first, "activation_memory", "budget", "seed", "seconds", "error", "k",
    ]  # fmt: skip
    row = frame.iloc[0].to_dict()
    b0 = cost(B0)
    assert {key: row[key] for key in frame.columns[3:] if key != "error"} == {
        "spread": 2.0, "macs": b0.macs, "params": b0.params, "activations": b0.activations,
        "memory": b0.memory, "activation_memory": b0.activation_memory, "budget": 2.0,
        "seed": 5, "seconds": 1.5, "k": 3,
    }  # fmt: skip
    assert frame["error"].notna().tolist() == [False, False, True, False]
    assert frame["error"][2] == "it diverged"
    assert [*trials_frame([]).columns] == [*frame.columns[:-1]]


def test_the_front_leaves_failures_out_and_can_be_cautious():
    frame = trials_frame(TRIALS)
    assert [*front_frame(frame)["number"]] == [1, 3, 0]
    assert [*front_frame(frame, caution=2)["number"]] == [1, 3]  # 77 - 4 < 74 - 1
    assert [*front_frame(frame, cost="params")["number"]] == [1, 3, 0]
    assert front_frame(trials_frame([])).empty
    assert front_frame(trials_frame(TRIALS[2:3])).empty


def test_a_trial_without_spread_is_taken_at_its_word():
    known = [Trial(0, {}, SMALL, 65.0), Trial(1, {}, B1, 74.0, 1.0)]
    assert [*front_frame(trials_frame(known), caution=10)["number"]] == [0]


def test_a_choice_never_hides_a_column():
    frame = trials_frame([Trial(0, {"seed": 3, "macs": "many"}, B0, 77.0, seed=1)])
    assert (frame["seed"][0], frame["macs"][0]) == (1, cost(B0).macs)
    assert (frame["choice.seed"][0], frame["choice.macs"][0]) == (3, "many")


def test_files_hold_the_frame(tmp_path):
    frame = trials_frame(TRIALS)
    write_frame(frame, tmp_path / "trials")
    read = pd.read_parquet(tmp_path / "trials.parquet")
    pd.testing.assert_frame_equal(read, frame)
    again = pd.read_csv(tmp_path / "trials.csv")
    assert again["accuracy"].tolist() == pytest.approx(frame["accuracy"].tolist(), nan_ok=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trials.csv", "trials.parquet"]


def test_options_of_mixed_kinds_can_be_written(tmp_path):
    frame = trials_frame([Trial(0, {"size": "auto"}, B0, 1.0), Trial(1, {"size": 3}, A1, 2.0)])
    write_frame(frame, tmp_path / "trials")
    assert [*pd.read_parquet(tmp_path / "trials.parquet")["size"]] == ["auto", "3"]
    assert frame["size"][1] == 3
