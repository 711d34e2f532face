"""The loop of the final training: a known number of steps, whose rate falls to zero at the end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas.final.batches import Altered, loader, mixing, moved, transforms
from nas.final.files import INSTALL
from nas.final.parallel import told
from nas.final.scores import Scores, scores_of
from nas.final.settings import COOL, Settings
from nas.final.task import Task, normalized, outputs
from nas.training.loop import CHECK, entropy, gradients, update
from nas.training.recipes import average_decay
from nas.training.state import State, check_losses
from results.interrupts import undisturbed
from search_spaces.errors import UserError


def check_optimizer(name: str) -> None:
    """Refuses an optimizer that timm doesn't have.

    Raises:
        UserError: timm or torchvision is missing or can't be used, or timm has no optimizer of
            that name.
    """
    transforms()  # which timm imports too
    try:
        from timm.optim import list_optimizers
    except ImportError:
        raise UserError(f"training to the end needs timm: {INSTALL}") from None
    if name not in list_optimizers():
        raise UserError(
            f"the optimizer is {name!r}: expected one of timm's, as sgd, adamw, lamb, nadamw, "
            "rmsproptf"
        )


def optimizer_of(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer, made by timm; weights of one dimension and biases don't decay.

    Raises:
        UserError: As `check_optimizer`.
    """
    check_optimizer(settings.optimizer)
    from timm.optim import create_optimizer_v2

    return create_optimizer_v2(  # type: ignore[no-any-return]
        network, settings.optimizer, settings.lr, settings.weight_decay, momentum=0.9
    )


class Late:
    """A rate that rises, stays, and falls linearly to 0 in the last COOL of the steps.

    Hagele et al. 2024 (arXiv 2405.18392) find it level with a cosine; in short trainings more
    steps are taken at the full rate.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, highest: float, warm: int, steps: int):
        self.optimizer, self.highest, self.warm, self.steps = optimizer, highest, warm, steps

    def step_update(self, step: int) -> None:
        """Sets the rate of step 0, 1, ..."""
        rising = (step + 1) / (self.warm + 1)
        falling = (self.steps - step) / (COOL * self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.highest * max(0.0, min(1.0, rising, falling))


def schedule(optimizer: torch.optim.Optimizer, task: Task) -> Any:
    """Timm's cosine from the highest rate to 0 at the last step, or `Late`; after a warm-up."""
    from timm.scheduler import CosineLRScheduler

    warm = round(task.settings.warmup * task.order.steps)
    if task.settings.schedule == "late":
        return Late(optimizer, task.settings.lr, warm, task.steps)
    return CosineLRScheduler(
        optimizer,
        t_initial=task.steps,
        warmup_t=warm,
        warmup_lr_init=task.settings.lr / (warm + 1),
        t_in_epochs=False,
    )


def loss_of(task: Task, device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """The mean cross-entropy, for labels (n,) or shares (n, classes)."""
    weights = None
    if task.settings.class_weights:
        counts = np.bincount(task.data.train_y, minlength=len(task.data.classes))
        weights = torch.tensor(
            len(task.data.train_y) / (len(counts) * counts), dtype=torch.float32, device=device
        )
    return nn.CrossEntropyLoss(weights, label_smoothing=task.settings.smoothing)


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        history: A row of numbers for each time that the network was validated.
        seconds: Spent on steps and validations, in all sessions.
        best: With patience: the average's weights when top-1 was highest, and that top-1.
        losses: (sum, number) of the steps' losses since the last validation.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    best: dict[str, Any] = field(default_factory=dict)
    losses: tuple[float, int] = (0.0, 0)

    def add(self, losses: list[Tensor]) -> float:
        """Takes the losses of some steps, one by one, so that the sum is as in one session.

        Returns:
            Their mean.
        """
        values = torch.stack(losses).tolist()
        total, number = self.losses
        for value in values:
            total += value
        self.losses = total, number + len(values)
        return float(sum(values) / len(values))

    @property
    def hours(self) -> float:
        """The same in hours."""
        return self.seconds / 3600

    def outlived(self, patience: float) -> bool:
        """Whether top-1 has not risen for `patience` epochs."""
        if not patience or not self.history:
            return False
        top = max(self.history, key=lambda row: (row["top1"], -row["epoch"]))
        return self.history[-1]["epoch"] - top["epoch"] >= patience


@dataclass(frozen=True)
class Hooks:
    """What is called along a training.

    Attributes:
        watch: With the step and how things stand, when the losses so far are known to be finite.
        keep: Then too, with state and progress, and whether they must be kept now.
        stop: After each step, with its number: whether to stop there.
    """

    watch: Callable[[int, str], None] = lambda step, text: None
    keep: Callable[[State, Progress, bool], None] = lambda state, progress, now: None
    stop: Callable[[int], bool] = lambda step: False


def train(
    state: State, progress: Progress, task: Task, hooks: Hooks, way: "Way | None" = None
) -> bool:
    """Trains from `state.step` to the end of the settings, or until patience ends.

    Args:
        state: Changes in place.
        progress: Is filled.
        task: What is trained on.
        hooks: Called along the way.
        way: What a step does; None for `Step`.

    Returns:
        Whether it came to its end; False where it was stopped.

    Raises:
        TrainingFailed: The loss is not finite, or memory does not suffice.
    """
    step = (way or Step)(state, task)
    looks = [at for at in task.looks if at > state.step]
    losses: list[Tensor] = []
    mean, begun = 0.0, time.perf_counter() - progress.seconds
    for images, labels in step.batches():
        losses.append(step(images, labels))
        looked, stopped = bool(looks) and state.step == looks[0], hooks.stop(state.step)
        told = looked or stopped or state.step % CHECK == 0
        if told:
            check_losses(losses, state.step)
            mean = progress.add(losses)
            losses.clear()
        if looked:
            looks.pop(0)
            _look(step, progress)
        progress.seconds = time.perf_counter() - begun
        if told:
            hooks.watch(state.step, _words(state.step / step.epoch, task, mean, progress))
            hooks.keep(state, progress, looked or stopped)
        if progress.outlived(task.settings.patience):
            return True
        if stopped and looks:
            return False
    return True


class Step:
    """One step of a training, and the batches for all that are left.

    Args:
        state: The training.
        task: What is trained on.
    """

    def __init__(self, state: State, task: Task) -> None:
        self.state, self.task, self.order = state, task, task.order
        self.epoch = self.order.steps
        self.device = next(state.network.parameters()).device
        self.loss = loss_of(task, self.device)
        self.mixed = mixing(task.settings, len(task.data.classes))
        self.rates = schedule(state.optimizer, task)

    def batches(self) -> Any:
        """Images (n, channels, height, width) uint8 and labels (n,) of each step that is left."""
        images = Altered(self.task.data, self.task.settings, self.task.size, self.task.seed)
        made = loader(
            images, self.order, self.state.step, self.task.steps, self.task.workers,
            pin=self.device.type == "cuda",
        )  # fmt: skip
        with undisturbed():  # its processes start here
            return iter(made)

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        """Its loss; the weights and their average have changed."""
        state, task = self.state, self.task
        state.network.train()
        seeds = [entropy(task.seed, state.step, task.share.rank, kind) for kind in (1, 2, 4)]
        pixels = normalized(moved(images, task.settings, seeds[2]), task, self.device)
        labels = labels.to(self.device, non_blocking=True)
        if self.mixed is not None:
            torch.manual_seed(seeds[1])
            pixels, labels = self.mixed(pixels, labels)
        self.rates.step_update(state.step)
        loss = self.learn(pixels, labels, seeds[0])
        update(state, task.settings.clip, average_decay(task.settings.ema, state.step))
        state.step += 1
        return loss

    def learn(self, pixels: Tensor, labels: Tensor, seed: int) -> Tensor:
        """The gradients of a batch, left in the weights; gives its mean loss.

        Args:
            pixels: (n, channels, height, width), normalized.
            labels: (n,), or (n, classes) shares.
            seed: Of dropout and drop-connect.
        """
        return gradients(self.state, pixels, labels, self.loss, seed)

    def beside(self, network: nn.Module) -> dict[str, float]:
        """What else is measured where the network is validated, by its column in the history."""
        return {}


Way = Callable[[State, Task], Step]  # what makes the steps of a training


def _words(epoch: float, task: Task, loss: float, progress: Progress) -> str:
    of, last = task.settings.epochs, progress.history[-1] if progress.history else {}
    top = f"  top-1 {last['top1']:.2f} %" if last else ""
    top += f", of the smallest {last['smallest']:.2f} %" if "smallest" in last else ""
    return f"epoch {epoch:.1f} of {of:g}  loss {loss:.3f}{top}"


def _look(step: Step, progress: Progress) -> None:
    """Validates the average, and adds a row to the history, with the mean loss since the last."""
    state, task = step.state, step.task
    loss = progress.losses[0] / progress.losses[1]
    progress.losses = (0.0, 0)
    with state.averaged() as network:
        found = scores_of(outputs(network, task), np.asarray(task.data.val_y))
        found = told(found, task.share)
        best = progress.best.get("top1", -1.0)
        if task.settings.patience and found.top1 > best:
            weights = {name: t.detach().cpu().clone() for name, t in network.state_dict().items()}
            progress.best = {"top1": found.top1, "network": weights}
        more = step.beside(network)
    progress.history.append({**_row(state, task, loss, found), **more})


def _row(state: State, task: Task, loss: float, found: Scores) -> dict[str, float]:
    return {
        "epoch": round(state.step / task.order.steps, 4),
        "step": state.step,
        "lr": state.optimizer.param_groups[0]["lr"],
        "loss": loss,
        "val_loss": found.loss,
        "top1": found.top1,
        "top5": found.top5 if found.top5 is not None else 100.0,
        "balanced": found.balanced,
    }
