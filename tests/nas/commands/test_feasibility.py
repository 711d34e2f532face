"""What a search prints of its space before it begins."""

import pytest

from nas.commands.images.fit import Steps
from nas.commands.present.space import print_feasibility
from nas.devices.registry import device
from nas.objective import Limit, Objective
from nas.search.feasibility import feasibility
from search_spaces.spaces import space


@pytest.mark.parametrize(
    ("target", "limit", "said"),
    [
        (9e11, None, ["MACs <= 900G limits nothing: the most that a network of this space has is"]),
        (8e8, None, []),
        (3e8, 8.6e6, ["params <= 8.6M limits nothing: the most that a network of this space has"]),
        (3e8, 5e6, []),
    ],
)
def test_a_target_beyond_the_whole_space_is_told_of(target, limit, said, capsys):
    limits = () if limit is None else (Limit("params", limit),)
    print_feasibility(feasibility(space("efficientnet"), Objective("hard", target), limits))
    printed = capsys.readouterr().out.splitlines()
    told = [line for line in printed if "limits nothing" in line]
    assert [line[: len(text)] for line, text in zip(told, said, strict=True)] == said


def test_a_throughput_that_all_have_is_told_of(capsys):
    quantity = device("zcu102").quantity("throughput")
    slow = quantity.parse("1/s", "--target-throughput")
    print_feasibility(feasibility(space("efficientnet"), Objective("hard", slow, quantity)))
    told = "throughput on zcu102 >= 1/s limits nothing: the least that a network of this space has"
    assert f"{told} is " in " ".join(capsys.readouterr().out.split())


def test_a_fit_is_told_so_too_and_of_nothing_else(capsys):
    for target in (9e11, 8e8):
        Steps(None, False)._feasible(feasibility(space("efficientnet"), Objective("hard", target)))
    said = capsys.readouterr().err
    assert said.startswith("note: MACs <= 900G limits nothing: the most that a network of this")
    assert said.count("note") == 1
