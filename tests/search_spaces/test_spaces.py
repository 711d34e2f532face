"""Spaces: sizes, what they can express, cost ranges, and spaces of a user's own."""

import itertools
import random
from collections import Counter

import pytest

from search_spaces import (
    NETWORKS,
    SPACES,
    Architecture,
    Space,
    Stage,
    UserError,
    cost,
    read_space,
    space,
    table_space,
)
from search_spaces.quantities import QUANTITIES
from search_spaces.space import check, cost_ranges


def values_of(net: Architecture, where: Space) -> dict[str, object]:
    """The choices that give `net` in the space; fails where an option is missing."""
    values: dict[str, object] = {}
    for name, options in where.choices.items():
        stage, _, field = name.partition(".")
        owner = net.stages[int(stage.removeprefix("stage"))] if field else net
        value = getattr(owner, field or name)
        if field == "op":
            value = f"{value}{owner.expand}"
        assert value in options, (name, value)
        values[name] = value
    return values


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("efficientnet", (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2)),
        ("efficientnet-wide", (3 * 4 * 3 * 4 * 2) ** 7 * 3 * 7),
        ("mnasnet", (4 * 2 * 2 * 3) ** 7 * (2 * 2) * 9**3 * (4 * 3) ** 2 * (3 * 2)),
    ],
)
def test_sizes(name, size):
    assert space(name).size == size


@pytest.mark.parametrize(
    ("name", "net"),
    [
        ("efficientnet", "efficientnet_b0"),
        ("efficientnet-wide", "efficientnet_b0"),
        ("mnasnet", "mnasnet_a1"),
        ("mnasnet", "mnasnet_b1"),
    ],
)
def test_published_networks_are_in_the_spaces(name, net):
    assert space(name).build(values_of(NETWORKS[net], space(name))) == NETWORKS[net]


def test_b0_is_in_mnasnets_space_but_for_its_activation():
    b0, where = NETWORKS["efficientnet_b0"], space("mnasnet")
    assert cost(where.build(values_of(b0, where))) == cost(b0)


def test_samples_are_what_pythons_own_choice_draws():
    where, ours, pythons = space("mbconv"), random.Random(7), random.Random(7)
    for _ in range(50):
        drawn = {name: pythons.choice(options) for name, options in where.choices.items()}
        assert where.sample(ours) == drawn
    assert ours.getstate() == pythons.getstate()


def test_samples_are_uniform():
    where, rng = space("efficientnet"), random.Random(0)
    drawn = Counter(where.sample(rng)["stage5.repeats"] for _ in range(4000))
    assert sorted(drawn) == [1, 2, 3, 4]
    assert all(abs(n - 1000) < 5 * 27.4 for n in drawn.values())


SMALL = {
    "efficientnet-like": (
        [
            {
                "channels": [8, 16], "expand": [1, 4], "kernel": [3, 5],
                "repeats": [1, 2], "se": [0.0, 0.25], "stride": 2,
            },
            {"channels": [16, 24], "expand": [1, 6], "repeats": [1, 3], "stride": 2},
        ],
        {"stem": 8, "head": 64, "resolution": [32, 40, 64]},
    ),
    "mnasnet-like": (
        [
            {
                "op": ["conv", "mbconv1", "mbconv6"], "kernel": [3, 5], "se": [0.0, 0.25],
                "skip": ["pool", "identity", "none"], "channels": channels, "repeats": [1, 2],
                "stride": 2,
            }
            for channels in ([16, 24], [32, 40])
        ],
        {"stem": 16, "head": 64, "resolution": 64},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_cost_ranges_are_those_of_all_networks(name):
    where = table_space(name, *SMALL[name])
    every = [
        where.build(dict(zip(where.choices, options, strict=True)))
        for options in itertools.product(*where.choices.values())
    ]
    assert len(every) == where.size
    for quantity, span in cost_ranges(where).items():
        values = sorted(map(QUANTITIES[quantity].measure, every))
        assert span.smallest == values[0]
        if (name, quantity) == ("mnasnet-like", "memory"):  # its choices don't act one by one
            assert 0.95 * values[-1] <= span.largest <= values[-1]
        else:
            assert span.largest == values[-1]
        middle = len(values) // 2
        assert values[middle * 4 // 5] <= span.median <= values[middle * 6 // 5]


FULL = """
name = "tiny"
description = "a space of mine"
[network]
stem = 16
head = 64
resolution = [32, 48]
classes = 10
activation = "relu"
[[stages]]
op = "fused4"
channels = [16, 24]
stride = 2
[[stages]]
op = ["mbconv3", "mbconv6", "conv"]
channels = 40
kernel = [3, 5]
repeats = 2
stride = 2
se = [0, 0.25]
skip = "none"
"""


def test_a_space_from_a_toml_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FULL)
    where = space(str(path))
    assert (where.name, where.description, where.size) == ("tiny", "a space of mine", 48)
    assert dict(where.choices) == {
        "resolution": (32, 48),
        "stage0.channels": (16, 24),
        "stage1.op": ("mbconv3", "mbconv6", "conv"),
        "stage1.kernel": (3, 5),
        "stage1.se": (0, 0.25),
    }
    values = {
        "resolution": 48, "stage0.channels": 24, "stage1.op": "mbconv6", "stage1.kernel": 5,
        "stage1.se": 0.25,
    }  # fmt: skip
    stages = (
        Stage("fused", 24, stride=2, expand=4),
        Stage("mbconv", 40, 2, 5, 2, 6, 0.25, "none"),
    )
    assert where.build(values) == Architecture(
        stages, stem=16, head=64, resolution=48, classes=10, activation="relu"
    )


def test_a_stage_of_repeats_0_is_left_out():
    stages = [{"channels": 8}, {"channels": 16, "repeats": [0, 1, 2], "stride": 2}]
    where = table_space("optional", stages)
    nets = [where.build({"stage1.repeats": repeats}) for repeats in (0, 1, 2)]
    assert [len(net.stages) for net in nets] == [1, 2, 2]
    assert nets[0] == Architecture((Stage("mbconv", 8),))
    assert cost_ranges(where)["flops"].smallest == cost(nets[1]).macs  # an early pixel costs more
    with pytest.raises(UserError, match=r"Architecture.stages is \(\)"):
        table_space("none", [{"channels": [8, 16], "repeats": 0}])


STAGE = "[[stages]]\nchannels = [8, 16]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "is no TOML"),
        ("name = " + "9" * 5000, "is no TOML"),
        ("width = 2\n" + STAGE, "has 'width': expected name, description, [network]"),
        (STAGE + "width = 2", "'stage0.width': expected one of op, channels"),
        ("[network]\nwidth = 2\n" + STAGE, "'width': expected one of stem, head"),
        ("name = 'x'", "has no stages"),
        ("stages = 3", "no list of [[stages]]"),
        ("network = 3\n" + STAGE, "network = 3: expected a table"),
        ("[[stages]]\nkernel = [3, 5]", "no channels in stage0"),
        ("[[stages]]\nchannels = 8", "has no choices"),
        ("[[stages]]\nchannels = []", "'stage0.channels' has options []"),
        ("[[stages]]\nchannels = [[8], [16]]", "'stage0.channels' has options [[8], [16]]"),
        (STAGE + "op = 'mbconv0'", "expand is 0"),
        (STAGE + "op = 'inception'", "'inception': expected one of mbconv, "),
        (STAGE + "kernel = 4", "kernel is 4: expected an odd number"),
        (STAGE + "se = 'much'", "Stage.se is 'much'"),
    ],
)
def test_a_wrong_toml_file_is_answered_in_a_sentence(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        read_space(path)
    assert says in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_toml_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="can't be read"):
        space(str(tmp_path / "none.toml"))


OWN = """
from search_spaces import Architecture, Space, Stage

def build(v):
    return Architecture((Stage("conv", v["c"], 1, v["k"]), Stage("bottleneck", 64, 2, expand=4)))

mine = Space("mine", {"c": (8, 16), "k": (3, 5)}, build)
make = lambda: mine
wrong = 3
broken = Space("broken", {"c": (8, 0)}, lambda v: build({"k": 3, **v}))
other = Space("other", {"c": (8,)}, lambda v: "a network")
"""


def test_a_space_of_ones_own_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_own_space.py").write_text(OWN)
    for spec in ("my_own_space:mine", "my_own_space.py:mine", "my_own_space:make"):
        where = space(spec)
        assert where.size == 4
        assert where.build({"c": 16, "k": 5}).stages[0] == Stage("conv", 16, 1, 5)
    for name, says in {
        "wrong": "is int: expected a Space",
        "broken": "can't build .*'c': 0",
        "other": "builds str: expected Architecture",
        "none": "can't be loaded",
    }.items():
        with pytest.raises(UserError, match=says):
            space(f"my_own_space:{name}")


def test_an_unknown_space_is_answered_with_the_names():
    with pytest.raises(UserError) as raised:
        space("nope")
    assert all(name in str(raised.value) for name in ("'nope'", *SPACES, "FILE.toml"))


@pytest.mark.parametrize("choices", [{}, {"k": ()}, {"k": "35"}, {"k": 3}, {"k": (None, 3)}])
def test_choices_are_lists_of_numbers_or_texts(choices):
    with pytest.raises(UserError, match="expected"):
        Space("x", choices, lambda v: NETWORKS["mnasnet_a1"])


def test_check_gives_the_space_back():
    assert check(space("mnasnet")) is space("mnasnet")


def test_check_builds_every_option():
    built = set()

    def build(values):
        built.update(values.items())
        return NETWORKS["mnasnet_a1"]

    choices = {"a": tuple(range(500)), "b": tuple(range(40))}
    check(Space("x", choices, build))
    assert built == {(name, option) for name, options in choices.items() for option in options}


def test_a_table_has_images_that_are_not_square_as_texts():
    stages = [{"op": "conv", "channels": [8, 16]}]
    wide = table_space("wide", stages, {"resolution": ["96x160", 96], "in_channels": 4})
    built = wide.build({"resolution": "96x160", "stage0.channels": 8})
    assert (built.size, built.in_channels) == ((96, 160), 4)
    with pytest.raises(UserError, match="resolution is '96x'"):
        table_space("bad", stages, {"resolution": "96x"})
