"""Training: recipes, schedules, failures, and numbers that do not depend on being cut off."""

import math
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nas.evaluators import evaluate
from nas.measurement import share
from nas.training import checkpoints
from nas.training import loop as train
from nas.training.augment import augment, normalize
from nas.training.depthwise import FastDepthwise, speed_up
from nas.training.evaluator import TrainingEvaluator
from nas.training.images import ImageData, load_images
from nas.training.loop import Task
from nas.training.optimizers import RMSProp, optimizer_for, parameter_groups
from nas.training.recipes import FAST, PAPER, average_decay, learning_rate, recipe, steps_of
from nas.training.state import Pixels, State, TrainingFailed
from search_spaces import Architecture, OutOfDomain, Stage, UserError
from search_spaces.builder import build

CPU = torch.device("cpu")
NET = Architecture(
    (Stage("mbconv", 8, 2, expand=2, se=0.25), Stage("mbconv", 16, kernel=5, stride=2, expand=2)),
    stem=8, head=32, resolution=12, classes=3, stem_stride=1,
)  # fmt: skip


def made(network: torch.nn.Module) -> State:
    """A state of the fast recipe."""
    return State(network, optimizer_for(network, FAST), averaged=True)


COLOURS = np.array([(200, 60, 60), (60, 200, 60), (60, 60, 200)])


def paint_folder(root: Path) -> Path:
    """Three colours under noise: 3 x 32 images to train, 3 x 16 to validate."""
    rng = np.random.default_rng(0)
    for split, each in (("train", 32), ("val", 16)):
        for label, colour in enumerate(COLOURS):
            for i in range(each):
                pixels = np.clip(colour + rng.normal(0, 80, (12, 12, 3)), 0, 255)
                path = root / split / f"c{label}" / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> ImageData:
    root = tmp_path_factory.mktemp("images")
    return load_images(paint_folder(root / "data"), 12, root / "cache")


@pytest.fixture
def evaluator(data, tmp_path) -> TrainingEvaluator:
    return TrainingEvaluator(data, batch=16, checkpoints=tmp_path / "states")


# --- recipes and schedules


def test_the_papers_recipe():
    facts = (PAPER.lr, PAPER.lr_batch, PAPER.warmup, PAPER.decay, PAPER.decay_epochs)
    assert facts == (0.256, 4096, 5, 0.97, 2.4)
    assert (PAPER.momentum, PAPER.alpha, PAPER.eps) == (0.9, 0.9, 1e-3)
    assert (PAPER.weight_decay, PAPER.label_smoothing, PAPER.ema) == (1e-5, 0.1, 0.9999)
    assert (PAPER.bn_momentum, PAPER.dropout, PAPER.drop_connect) == (0.01, None, None)
    assert recipe("paper") is PAPER
    with pytest.raises(UserError, match="'slow': expected one of fast, paper"):
        recipe("slow")


def test_the_papers_learning_rate():
    def rate(epoch, batch=4096):
        return learning_rate(PAPER, round(epoch * 100), 100, batch)

    assert rate(0) == pytest.approx(0.256 / 501)
    assert rate(2.5) == pytest.approx(0.256 * 251 / 501)
    assert rate(5) == pytest.approx(0.256 * 0.97**2)  # 5 / 2.4 = 2.08
    assert rate(7.19) == pytest.approx(0.256 * 0.97**2)
    assert rate(7.2) == pytest.approx(0.256 * 0.97**3)
    assert rate(240) == pytest.approx(0.256 * 0.97**100)
    assert rate(7.2, 256) == pytest.approx(0.016 * 0.97**3)


def test_the_fast_rate_does_not_know_where_training_ends():
    rates = [learning_rate(FAST, step, 10, FAST.lr_batch) for step in range(40)]
    assert rates[0] < rates[1] < rates[4] < FAST.lr
    assert set(rates[5:]) == {FAST.lr}


def test_the_averages_decay_and_steps_of_a_budget():
    assert average_decay(PAPER.ema, 0) == 0.1
    assert average_decay(PAPER.ema, 90) == 0.91
    assert average_decay(PAPER.ema, 10**6) == 0.9999
    assert [steps_of(budget, 7) for budget in (0.01, 1, 1.5, 4)] == [1, 7, 10, 28]


def test_weights_decay_but_not_biases_and_batch_normalization():
    network = build(NET, seed=0)
    decays, others = parameter_groups(network, 1e-5)
    assert (decays["weight_decay"], others["weight_decay"]) == (1e-5, 0.0)
    normal = {p for m in network.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    bias = {p for name, p in network.named_parameters() if name.endswith("bias")}
    assert set(others["params"]) == normal | bias
    assert len(decays["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_rmsprop_is_tensorflows():
    weight = nn.Parameter(torch.tensor([2.0]))
    optimizer = RMSProp([weight], 0.1, 0.9, 0.9, 1e-3)
    w, square, momentum = 2.0, 1.0, 0.0
    for gradient, rate in ((3.0, 0.1), (-1.0, 0.05), (0.5, 0.05)):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor([gradient])
        optimizer.step()
        square = 0.9 * square + 0.1 * gradient**2
        momentum = 0.9 * momentum + rate * gradient / math.sqrt(square + 1e-3)
        w -= momentum
        assert weight.item() == pytest.approx(w, rel=1e-6)


def test_the_average_is_of_weights_and_statistics():
    state = made(build(NET, seed=0))
    first = {name: t.clone() for name, t in state.network.state_dict().items()}
    with torch.no_grad():
        for tensor in state._live:
            tensor.add_(1.0)
    state.update_average(0.75)
    state.use_average()
    for name, tensor in state.network.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, first[name] + 0.25)


# --- augmentation


def test_augmented_images_are_mirrored_moved_ones():
    images = torch.arange(6 * 7 * 3, dtype=torch.uint8).reshape(1, 6, 7, 3).repeat(200, 1, 1, 1)
    assert augment(images, False, 0.0, torch.Generator()) is images
    moved = augment(images, True, 0.2, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape
    possible = set()
    for one in (images[0], images[0].flip(1)):
        padded = np.pad(one.numpy(), ((1, 1), (1, 1), (0, 0)), mode="reflect")
        possible |= {padded[y : y + 6, x : x + 7].tobytes() for y in range(3) for x in range(3)}
    assert {one.numpy().tobytes() for one in moved} == possible
    again = augment(images, True, 0.2, torch.Generator().manual_seed(0))
    assert torch.equal(moved, again)


def test_normalized_images_are_channels_last():
    floats = normalize(torch.full((2, 5, 5, 3), 255, dtype=torch.uint8))
    assert floats.shape == (2, 3, 5, 5)
    assert floats.is_contiguous(memory_format=torch.channels_last)
    assert 1 < floats.unique().item() < 3


# --- the fast depthwise conv


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(3, 3), (4, 4), (5, 5), (8, 8), (7, 10), (32, 9)])
def test_the_weight_gradient_in_three_parts_is_torchs(stride, height, width):
    torch.manual_seed(0)
    x = torch.randn(3, 6, height, width, requires_grad=True)
    plain = nn.Conv2d(6, 6, 5, stride, 2, groups=6, bias=False)
    expected = plain(x.to(memory_format=torch.channels_last)).square().sum()
    wanted = torch.autograd.grad(expected, (x, plain.weight))
    plain.__class__ = FastDepthwise
    found = plain(x.to(memory_format=torch.channels_last)).square().sum()
    assert found == expected
    torch.testing.assert_close(torch.autograd.grad(found, (x, plain.weight)), wanted)


def test_only_5x5_depthwise_convs_are_replaced(monkeypatch):
    def fast(capability):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
        network = build(NET, seed=0)
        speed_up(network)
        return [m for m in network.modules() if isinstance(m, FastDepthwise)]

    assert [m.weight.shape[-1] for m in fast("AVX512")] == [5]
    assert not fast("AVX2")


# --- the evaluator


def test_it_learns_and_gives_the_spread_of_so_many_images(evaluator, data):
    found = evaluator(NET, 6, 0)
    assert found.accuracy > 80
    assert found == share(round(found.accuracy * data.val / 100), data.val)
    assert (found.accuracy * data.val / 100) % 1 == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("one", [FAST, PAPER])
def test_the_same_job_gives_the_same_number_and_leaves_torch_alone(data, one):
    evaluator = TrainingEvaluator(data, one, batch=16)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    threads = torch.get_num_threads()
    first = weights_after(evaluator, NET, 2, 5)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    torch.manual_seed(2)
    again = weights_after(pickle.loads(pickle.dumps(evaluator)), NET, 2, 5)
    assert all(map(torch.equal, first, again))
    assert not all(map(torch.equal, first, weights_after(evaluator, NET, 2, 6)))


def weights_after(evaluator, architecture, budget, seed) -> list[torch.Tensor]:
    """The averaged weights that were measured."""
    seen = []
    count = train.count_correct

    def spy(state, data, batch):
        seen.extend(tensor.clone() for tensor in state.network.state_dict().values())
        return count(state, data, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.training.evaluator.count_correct", spy)
        evaluator(architecture, budget, seed)
    return seen


def test_batch_normalization_is_counted_anew_before_it_is_measured(data, evaluator):
    """The averaged weights have other statistics than the steps on the way to them."""
    seen = {}
    count = train.count_correct

    def spy(state, pixels, batch):
        seen.update(state.network.state_dict())
        return count(state, pixels, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.training.evaluator.count_correct", spy)
        evaluator(NET, 2, 0)
    network = build(NET)
    network.load_state_dict(seen)
    pixels = Pixels(data.train_x, data.train_y, CPU)
    with torch.no_grad():
        outputs = [network.stem.conv[0](x) for x in train.some_batches(pixels, evaluator.batch)]
    assert len(outputs) == 6
    mean = torch.stack([one.mean((0, 2, 3)) for one in outputs]).mean(0)
    assert torch.allclose(seen["stem.conv.1.running_mean"], mean, atol=1e-5)
    kept = checkpoints.Checkpoint(evaluator.checkpoint(NET, 0)).counted
    assert set(kept) == {name for name in seen if "running" in name or "num_batches" in name}
    assert all(torch.equal(kept[name], seen[name]) for name in kept)


@pytest.mark.parametrize(
    ("one", "every"),
    [
        (FAST, 0.0),
        pytest.param(FAST, 30.0, marks=pytest.mark.slow),
        pytest.param(PAPER, 30.0, marks=pytest.mark.slow),
    ],
)
def test_two_epochs_and_then_four_equal_four(evaluator, monkeypatch, one, every):
    monkeypatch.setattr(checkpoints, "EVERY", every)
    evaluator = replace(evaluator, recipe=one)
    straight = weights_after(replace(evaluator, checkpoints=None), NET, 4, 0)
    two = evaluator(NET, 2, 0)
    steps = []
    gradients = train.gradients
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "gradients", lambda *a: steps.append(a[0].step) or gradients(*a))
        promoted = weights_after(evaluator, NET, 4, 0)
        assert steps == list(range(12, 24))  # 96 images in batches of 16
        assert all(map(torch.equal, promoted, straight))
        steps.clear()
        assert evaluator(NET, 2, 0) == two  # known
        assert not steps
        three = evaluator(NET, 3, 0)  # the state is beyond it: from scratch
        assert steps[0] == 0
        assert three == replace(evaluator, checkpoints=None)(NET, 3, 0)
        steps.clear()
        evaluator(NET, 5, 0)  # and left alone
        assert steps[0] == 24


def test_without_keep_only_the_number_is_left(evaluator):
    frugal = replace(evaluator, keep=False)
    found = frugal(NET, 1, 0)
    file = frugal.checkpoint(NET, 0)
    assert file.stat().st_size < 3000
    assert frugal(NET, 1, 0) == found


def test_states_of_other_settings_are_apart(evaluator):
    others = [
        replace(evaluator, batch=8), replace(evaluator, subset=0.5), replace(evaluator, threads=2),
        replace(evaluator, recipe=PAPER), evaluator,
    ]  # fmt: skip
    files = {one.checkpoint(NET, seed) for one in others for seed in (0, 1)}
    assert len(files) == 10


@pytest.mark.parametrize("content", [b"", b"no state", None])
def test_a_corrupt_state_counts_as_none(evaluator, content):
    expected = evaluator(NET, 1, 0)
    file = evaluator.checkpoint(NET, 0)
    file.write_bytes(file.read_bytes()[:9000] if content is None else content)
    assert evaluator(NET, 1, 0) == expected
    torch.save({"state": {"step": 1, "network": {}}, "measured": {}}, file)
    assert evaluator(NET, 1, 0) == expected


KILLED = """
import pickle, sys, time
from nas.training import checkpoints
from nas.training import loop as train
checkpoints.EVERY, train.CHECK = 0.0, 1
gradients = train.gradients
def slow(state, *rest):
    if state.step == 9:
        print("nine", flush=True)
        time.sleep(60)
    return gradients(state, *rest)
train.gradients = slow
evaluator, architecture = pickle.load(open(sys.argv[1], "rb"))
evaluator(architecture, 3, 0)
"""


@pytest.mark.slow
def test_a_training_cut_off_by_kill_9_goes_on_and_ends_in_the_same_number(evaluator, tmp_path):
    (tmp_path / "job").write_bytes(pickle.dumps((evaluator, NET)))
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "job")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "nine\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert checkpoints.Checkpoint(evaluator.checkpoint(NET, 0)).step == 9
    resumed = weights_after(evaluator, NET, 3, 0)
    straight = weights_after(replace(evaluator, checkpoints=None), NET, 3, 0)
    assert all(map(torch.equal, resumed, straight))


def test_what_does_not_fit_the_data_is_refused(evaluator, data):
    with pytest.raises(OutOfDomain, match="for 16 px, the images were decoded to 12 px"):
        evaluator.check(replace(NET, resolution=16))
    with pytest.raises(OutOfDomain, match="has 10 classes, the images have 3"):
        evaluator(replace(NET, classes=10), 1, 0)
    evaluator.check(NET)


def test_a_network_takes_the_data_of_its_resolution(data, tmp_path):
    larger = load_images(paint_folder(tmp_path / "data"), 16, tmp_path / "cache")
    both = TrainingEvaluator((data, larger), batch=32)
    both.check(replace(NET, resolution=16))
    assert both(replace(NET, resolution=16), 1, 0).accuracy >= 0
    assert both(NET, 1, 0) == TrainingEvaluator(data, batch=32)(NET, 1, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"batch": 1}, "the batch is 1"),
        ({"subset": 0}, "the subset is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"device": "fridge"}, "the device is 'fridge'"),
        ({"device": "cuda"}, "torch sees no GPU"),
    ],
)
def test_wrong_settings_are_answered_in_a_sentence(data, wrong, says):
    if wrong.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match=says):
        TrainingEvaluator(data, **wrong)


@pytest.mark.parametrize("budget", [0, -1, math.nan, 1e9])
def test_a_budget_has_a_range(evaluator, budget):
    with pytest.raises(UserError, match=r"a training has .* epochs: expected"):
        evaluator(NET, budget, 0)


def test_images_of_a_trial_and_the_time_of_a_step(data):
    evaluator = TrainingEvaluator(data, batch=10, subset=0.5)
    assert evaluator.images(NET, 3) == (4 * 10 * 3, 48)  # of 48 images 4 whole batches
    step = evaluator.measure_step_time(NET, steps=6)
    assert step.train > step.val > 0
    assert step.train_spread >= 0


# --- failures


def test_a_loss_that_is_not_finite_ends_the_trial_with_its_step(data):
    wild = replace(FAST, lr=1e30, warmup=0.0, clip=0.0)
    outcome = evaluate(TrainingEvaluator(data, wild, batch=16), NET, 4, 0)
    assert outcome.measurement is None
    assert outcome.error.startswith("TrainingFailed: the loss is ")
    assert "at step 2: the training diverged" in outcome.error


def test_a_loss_that_explodes_ends_the_trial_at_the_first_look(data):
    wild = replace(FAST, lr=3e5, warmup=0.0)  # clipped, so that the loss stays finite
    outcome = evaluate(TrainingEvaluator(data, wild, batch=16), NET, 50, 0)
    assert outcome.measurement is None
    assert "at step 20, more than 1000 times that of naming classes at random" in outcome.error


def test_a_network_that_answers_always_the_same_ends_at_the_first_look(data, monkeypatch):
    dead, built = TrainingEvaluator(data, batch=16), TrainingEvaluator._fresh

    def fresh(self, architecture, seed):
        state = built(self, architecture, seed)
        norms = [m for m in state.network.modules() if isinstance(m, nn.BatchNorm2d)]
        nn.init.constant_(norms[-1].bias, -1e3)  # what follows is swish, whose slope is 0 there
        return state

    monkeypatch.setattr(TrainingEvaluator, "_fresh", fresh)
    outcome = evaluate(dead, NET, 50, 0)
    assert outcome.measurement is None
    assert "no gradient reaches the network's layers at step 20" in outcome.error


def test_a_slow_start_goes_on(data, monkeypatch):
    """A warm-up of five epochs: after three the loss is still above that of a guess."""
    seen, check = [], train.check_hope

    def looked(state, loss):
        seen.append(float(loss))
        check(state, loss)

    monkeypatch.setattr(train, "check_hope", looked)
    outcome = evaluate(TrainingEvaluator(data, PAPER, batch=16), NET, 7, 0)
    assert seen[0] > math.log(3)
    assert outcome.measurement.accuracy > 90


def test_a_training_whose_loss_is_nought_is_not_dead(data):
    state = made(build(NET, seed=0))
    for parameter in state.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    train.check_hope(state, torch.tensor(0.0))
    with pytest.raises(TrainingFailed, match="no gradient"):
        train.check_hope(state, torch.tensor(1.0))


class Hungry(nn.Module):
    """Runs out of memory for more than `room` images at once."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.inner, self.room, self.sizes = nn.Linear(3 * 12 * 12, 3), room, list[int]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore")
        return self.inner(x.flatten(1))


def hungry(data, room, steps=2) -> State:
    torch.manual_seed(0)
    state = made(Hungry(room))
    pixels = Pixels(data.train_x, data.train_y, CPU)
    train.train(state, pixels, Task(FAST, 32, 0), steps)
    return state


def test_out_of_memory_halves_the_batch_and_adds_up_the_gradients(data):
    state = hungry(data, 10)
    assert state.network.sizes == [32, 16, *[8] * 4, *[8] * 4]
    whole = hungry(data, 32)
    torch.testing.assert_close(state.network.inner.weight, whole.network.inner.weight)


def test_out_of_memory_again_and_again_fails_that_trial(data):
    with pytest.raises(TrainingFailed, match="step 1, with pieces of 4 of the batch of 32") as r:
        hungry(data, 2)
    assert str(r.value).endswith("CUDA out of memory. Tried to allocate 2 GiB.")


@pytest.mark.shared_data
@pytest.mark.slow
def test_two_minutes_of_cifar_are_far_above_chance(cifar):
    data = load_images(cifar[0], 32, cifar[1])
    small = replace(NET, resolution=32, classes=10)
    start = time.perf_counter()
    found = TrainingEvaluator(data, subset=0.25)(small, 4, 0)
    assert found.accuracy > 35, time.perf_counter() - start
