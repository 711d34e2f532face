"""A supernet's training: its step by brute force, its memory, kill and continue."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.evaluators import evaluator
from nas.final.loop import optimizer_of
from nas.final.plan import images_for, inputs_for
from nas.final.run import Told, run
from nas.final.settings import Settings
from nas.final.task import Task
from nas.objective import Limit
from nas.sandwich.draw import Draw
from nas.sandwich.plan import Shared, Supernet
from nas.sandwich.step import Sandwich
from nas.supernet.children import network_of, part_of
from nas.supernet.hull import fitted, hull, with_fields
from nas.training.state import State
from search_spaces import cost, read_space, space
from search_spaces.architecture import from_dict
from search_spaces.builder import build


def plan(place, runs="runs", **more):
    whole = read_space(place / "tiny.toml")
    ends = with_fields(hull(whole), {"classes": 3})
    largest = ends.largest
    images = images_for(place / "images", largest.size, 3, "crop", None, lambda *a: None)
    inputs = inputs_for(images, largest.size, None, None, None, 3, "crop")
    of = Shared("tiny.toml", fitted(whole, largest, None), ends)
    given = {"epochs": 6.0, "batch": 12, "mixup": 0.2}
    return Supernet("tiny", largest, place / "images", images, inputs, given, threads=1, name="s",
                    device="cpu", runs=place / runs, of=of, **more)  # fmt: skip


def task_of(asked, **settings):
    inputs = asked.inputs.by_channel
    how = Settings(epochs=1, batch=12, crop="none", flip=False, **settings)
    return Task(asked.images, how, asked.architecture.size, *inputs, seed=0)


def step_of(asked, seed=0):
    network = build(replace(asked.architecture, dropout=0.0, drop_connect=0.0), seed=seed)
    task = task_of(asked)
    state = State(network, optimizer_of(network, task.settings), averaged=False)
    return asked.step(state, task)


# The step


def test_a_step_adds_up_what_four_networks_learn(place):
    asked = plan(place)
    step = step_of(asked)
    assert isinstance(step, Sandwich)
    network, largest = step.state.network, asked.architecture
    images, labels = torch.randn(12, 3, 16, 16), torch.randint(0, 3, (12,))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    loss = step.learn(images, labels, 0)
    gradients = {name: p.grad.clone() for name, p in network.named_parameters()}

    wanted = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
    alone = build(replace(largest, dropout=0.0, drop_connect=0.0)).train()
    alone.load_state_dict(before)
    said = alone(images)
    own = nn.functional.cross_entropy(said, labels, label_smoothing=0.1)
    own.backward()
    for name, parameter in alone.named_parameters():
        wanted[name] += parameter.grad
    children = [asked.of.ends.smallest, *step.drawn(0)]
    assert len(children) == 3
    assert {child.resolution for child in children} == {12, 16}
    for child in children:
        made = network_of(replace(child, dropout=0.0, drop_connect=0.0), largest, before).train()
        seen = images
        if child.resolution == 12:
            seen = nn.functional.interpolate(images, (12, 12), mode="bilinear", antialias=True)
        soft = said.detach().softmax(1)
        (-(soft * made(seen).log_softmax(1)).sum(1).mean()).backward()
        parts = part_of(child, largest, wanted)
        for name, parameter in made.named_parameters():
            parts[name].add_(parameter.grad)
    assert float(loss) == pytest.approx(own.item(), rel=1e-5)
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, wanted[name], atol=1e-5, rtol=1e-3), name


def test_children_are_the_steps_own_and_come_near_a_budget():
    where, limit = space("efficientnet-small"), Limit("flops", 30e6)
    near, plain = Draw(where, limit, 1), Draw(where, None, 1)
    assert near(7) == near(7)
    assert near(7) != near(8)
    assert plain(7) != Draw(where, None, 2)(7)

    def off(draw):
        drawn = [child for step in range(40) for child in draw(step)]
        return sorted(abs(cost(child).macs / 30e6 - 1) for child in drawn)[len(drawn) // 2]

    assert off(near) < 0.1 < off(plain)


def peak(work):
    """Bytes that tensors of the work take at most beyond what was there before, on a CPU."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    held = most = 0
    for event in seen.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def test_memory_of_a_step_is_that_of_the_largest_and_little_more(place):
    step = step_of(plan(place))
    images, labels = torch.randn(48, 3, 16, 16), torch.randint(0, 3, (48,))
    step.drawn = lambda at: [plan(place).architecture] * 2  # the dearest that can be drawn
    step.learn(images, labels, 0)

    def alone():
        said = step.state.network(images)
        step.loss(said, labels).backward()

    largest = peak(alone)
    step.state.optimizer.zero_grad(set_to_none=True)
    assert largest > 100_000
    whole = peak(lambda: step.learn(images, labels, 0))
    assert whole < 1.6 * largest


# The run


def ended(trained):
    from safetensors.torch import load_file

    return load_file(trained.folder / "weights.safetensors")


@pytest.mark.slow
def test_cut_off_and_continued_it_ends_in_the_same_bits(place):
    whole = run(plan(place, "whole"))
    seen = []

    def stop(step, text):
        import os
        import signal

        seen.append(step)
        if step < 30 and len(seen) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    cut = run(plan(place, "cut"), Told(step=stop))
    assert cut.interrupted
    assert not (cut.folder / "best.json").exists()
    done = run(plan(place, "cut"))
    assert done.history == whole.history
    assert "smallest" in done.history[-1]
    one, other = ended(whole), ended(done)
    assert all(torch.equal(one[name], other[name]) for name in one)
    record = json.loads((done.folder / "run.json").read_text())
    assert record["experiment"]["space"] == "tiny.toml"
    assert record["experiment"]["kind"] == "supernet"
    assert from_dict(record["experiment"]["network"]) == plan(place).architecture


@pytest.mark.slow
def test_two_processes_train_one_supernet(place):
    """Started by torchrun: one run, whose parts have learned."""
    command = [
        sys.executable, "-m", "nas", "supernet", "--data", "images", "--space", "tiny.toml",
        "--epochs", "12", "--batch", "12", "--processes", "2", "--train-on", "cpu", "--runs",
        "shared", "--name", "two", "--json",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"]["accuracy"] >= 90
    measure = evaluator(f"supernet:{place / 'shared/two'}")
    assert measure(plan(place).of.ends.smallest, 1.0, 0).accuracy >= 60
