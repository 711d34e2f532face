"""Devices, targets on them, several limits at once, and what a space can offer."""

import itertools
import json
import random
import re

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.commands.main import cli
from nas.devices.registry import DEVICES, device
from nas.imagenet.model import embedded
from nas.objective import Limit, Objective, broken, feasible_values
from nas.search.feasibility import feasibility
from nas.search.run import find
from search_spaces import NETWORKS, OutOfDomain, UserError, cost, space, table_space
from search_spaces.quantities import DEVICE_QUANTITIES, QUANTITIES, quantity

B0 = NETWORKS["efficientnet_b0"]
EFFICIENTNET = space("efficientnet")
LATENCY, THROUGHPUT = DEVICE_QUANTITIES["latency"], DEVICE_QUANTITIES["throughput"]


def nas(*arguments):
    done = CliRunner().invoke(cli, arguments, catch_exceptions=True)
    error = done.exception
    return done, (str(error) if isinstance(error, UserError) else "")


@pytest.mark.parametrize("name", DEVICES)
def test_a_devices_quantities_are_its_columns(name):
    for kind, one in device(name).quantities.items():
        (mean,), (spread,) = embedded().predict_device([B0], one.column)
        value, error = one.measure_spread(B0)
        assert value == pytest.approx(mean / 1000 if kind == "latency" else 1 / mean)
        assert error / value == pytest.approx(spread / mean)
        assert one.figures(B0) == pytest.approx({one.column: mean, f"{one.column}_spread": spread})
        assert 0.85 < device(name).errors[kind].tau < 1


def test_amounts_of_time():
    assert LATENCY.parse("5ms", "x") == pytest.approx(5e-3)
    assert LATENCY.parse("0.005 s", "x") == pytest.approx(5e-3)
    assert LATENCY.format(4.93e-3) == "4.93 ms"
    assert THROUGHPUT.parse("900/s", "x") == THROUGHPUT.parse("900", "x") == 1 / 900
    assert THROUGHPUT.parse("1.2k/s", "x") == pytest.approx(1 / 1200)
    assert THROUGHPUT.format(1 / 900) == "900/s"
    with pytest.raises(UserError, match="without a unit: expected one of S, MS, US, as 20ms"):
        LATENCY.parse("5", "--target-latency")
    with pytest.raises(UserError, match="there is no quantity 'joules:phone'"):
        quantity("joules:phone")
    assert quantity("latency:phone").title == "latency on phone"


@given(st.sampled_from([LATENCY, THROUGHPUT, *QUANTITIES.values()]), st.floats(1e-6, 1e12))
def test_numbers_of_a_column_turn_back(of, value):
    assert of.base(of.number(value)) == pytest.approx(value)
    assert of.parse(of.format(value), "x") == pytest.approx(value, rel=6e-4)


KINDS = ("flops", "params", "memory", "zcu102 latency", "a100 throughput")


def measure_of(kind):
    name, _, on = kind.partition(" ")
    return device(name).quantity(on) if on else QUANTITIES[name]


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(
    pair=st.sampled_from(list(itertools.permutations(KINDS, 2))),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    strategy=st.sampled_from(["random", "evolution", "predictor"]),
)
def test_two_limits_at_once_are_never_broken(pair, shares, strategy, tmp_path_factory):
    """Limits anywhere between the values of two networks; where both can be met, all trials
    and the pick meet both."""
    rng = random.Random(2)
    ends = [EFFICIENTNET.build(EFFICIENTNET.sample(rng)) for _ in range(2)]
    limits = []
    for kind, share in zip(pair, shares, strict=True):
        of = measure_of(kind)
        low, high = sorted(of.measure_many(ends))
        limits.append(Limit(of, low + share * (high - low)))
    try:
        feasible_values(EFFICIENTNET, limits)
    except UserError:
        return
    runs = tmp_path_factory.mktemp("runs")
    given = {"strategy": strategy, "trials": 10, "runs": runs}
    given |= {"space": EFFICIENTNET, "evaluator": "surrogate"}
    found = find(target=limits[0], limits=(limits[1],), **given)
    assert found.pick is not None
    for trial in (found.pick, found.other, *found.trials):
        assert not broken(trial.architecture, limits)
        for limit in limits:
            assert limit.of_quantity.measure(trial.architecture) <= limit.at_most


SMALL = table_space(
    "small",
    [
        {"channels": [8, 16], "stride": 2, "kernel": [3, 5], "repeats": [1, 2]},
        {"channels": [16, 24], "repeats": [1, 2], "expand": [1, 4]},
    ],
    {"resolution": [32, 48]},
)


def test_what_a_space_offers_is_what_all_its_networks_have():
    every = [
        cost(SMALL.build(dict(zip(SMALL.choices, options, strict=True))))
        for options in itertools.product(*SMALL.choices.values())
    ]
    macs, params = sorted(c.macs for c in every), sorted(c.params for c in every)
    target, most = macs[len(macs) // 2], params[len(params) // 3]
    found = feasibility(SMALL, Objective("hard", target), [Limit("params", most)])
    truth = [(c.macs <= target, c.params <= most) for c in every]
    shares = [sum(column) / len(every) for column in zip(*truth, strict=True)]
    assert [row.share for row in found.rows] == pytest.approx(shares, abs=0.04)
    assert found.share == pytest.approx(sum(map(all, truth)) / len(every), abs=0.04)
    assert found.rows[0].span.smallest == macs[0]
    assert found.rows[0].span.largest == macs[-1]


@pytest.mark.slow
def test_a_search_for_a_device_from_the_command_line(tmp_path):
    common = ["search", "--device", "zcu102", "--runs", str(tmp_path), "--trials", "60"]
    given = [*common, "--target-latency", "5ms", "--target-params", "5M"]
    done, error = nas(*given)
    assert done.exit_code == 0, error
    assert "latency on zcu102 <= 5 ms" in done.stdout
    assert "All limits together leave" in done.stdout
    assert "T = 5 ms latency on zcu102, params <= 5M" in done.stdout
    best = json.loads(nas(*given, "--json")[0].stdout)
    assert best["zcu102_latency_ms"] <= 5
    assert best["params"] <= 5e6
    assert best["zcu102_latency_ms_spread"] > 0
    assert best["quantity"] == "latency:zcu102"
    assert best["baseline"]["zcu102_latency_ms"] > 5
    front = (tmp_path / "efficientnet-latency.zcu102-5ms-params5M" / "front.csv").read_text()
    assert "zcu102_latency_ms" in front.splitlines()[0]
    # the first target on the command line is T
    swapped = [*common, "--target-params", "5M", "--target-latency", "5ms", "--json"]
    assert json.loads(nas(*swapped)[0].stdout)["quantity"] == "params"
    dry = json.loads(nas(*given, "--dry-run", "--json")[0].stdout)["feasibility"]
    assert [row["quantity"] for row in dry["rows"]] == ["zcu102_latency_ms", "params"]
    assert 0 < dry["share"] <= min(row["share"] for row in dry["rows"])


def test_throughput_is_at_least(tmp_path):
    given = ["--target-throughput", "6000/s", "--device", "a100", "--trials", "40"]
    done, error = nas("search", *given, "--runs", str(tmp_path), "--json")
    assert done.exit_code == 0, error
    assert json.loads(done.stdout)["a100_images_per_s"] >= 6000


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "no target was given: expected --target-flops 400M"),
        (["--target-latency", "5ms"], "--target-latency needs --device"),
        (["--device", "zcu102", "--target-flops", "9M"], "without a target on it"),
        (["--device", "a100", "--target-latency", "5ms"], "'a100' has no measured latency"),
        (["--device", "phone", "--target-latency", "5ms"], "there is no device 'phone'"),
        (["--device", "cuda:0", "--target-latency", "5ms"], "given with --train-on"),
        (["--device", "zcu102", "--target-latency", "5"], "without a unit"),
        (["--device", "zcu102", "--target-latency", "1ms"], r"the smallest has 1\.\d+ ms"),
        (
            ["--device", "a100", "--target-throughput", "1M/s"],
            "with the unit 'M/s'",
        ),
        (["--device", "a100", "--target-throughput", "900k/s"], r"the fastest has \d+"),
        (
            ["--device", "zcu102", "--target-latency", "5ms", "--space", "mnasnet"],
            "the space 'mnasnet' and latency on zcu102 don't fit: the device 'zcu102' does not",
        ),
    ],
)
def test_targets_that_cannot_be_met_are_answered_in_a_sentence(given, says, tmp_path):
    done, error = nas("search", *given, "--runs", str(tmp_path), "--trials", "5")
    assert done.exit_code != 0
    assert re.search(says, error), error
    assert not any(tmp_path.iterdir())


def test_devices_are_listed_with_their_errors():
    done, _ = nas("devices")
    assert all(name in done.stdout for name in DEVICES)
    rows = json.loads(nas("devices", "tpuv3", "--json")[0].stdout)
    assert [row["quantity"] for row in rows] == ["throughput"]
    assert rows[0]["tau"] == pytest.approx(0.897, abs=0.01)
    assert "nowhere.json" in nas("devices", "nowhere.json")[1]


def test_networks_outside_a_devices_domain_are_refused():
    with pytest.raises(OutOfDomain, match="'zcu102' does not cover this network, since"):
        device("zcu102").quantity("latency").measure(NETWORKS["mobilenet_v2"])
