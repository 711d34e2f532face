"""What a training works on: images on its device, the state to continue from, its losses."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

DEAD, LOST = 1e-8, 1e3  # norm of a gradient that is none; a loss, in those of naming at random
RESIDENT = 0.25  # share of a GPU's free memory that may hold the data set


class TrainingFailed(RuntimeError):
    """This training can't give a number; the message says why and at which step."""


def stratified(
    labels: npt.NDArray[np.int64], fraction: float, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Draws a part of each class.

    Args:
        labels: (n,) of the images.
        fraction: Of each class, at least one image of it.
        seed: Of the draw.

    Returns:
        Sorted positions.
    """
    rng, chosen = np.random.default_rng(seed), []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        count = max(1, round(fraction * len(of_class)))
        chosen.append(rng.permutation(of_class)[:count])
    return np.sort(np.concatenate(chosen))


class Pixels:
    """Some images of a split, on the device where that is a GPU with room, else mapped.

    Args:
        images: (n, height, width, channels) uint8.
        labels: (n,).
        device: Where batches are wanted.
        chosen: Positions of the images that count; None for all.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        labels: npt.NDArray[np.int64],
        device: torch.device,
        chosen: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.device, self._images = device, images
        self._chosen = np.arange(len(labels)) if chosen is None else chosen
        self._labels = torch.from_numpy(labels[self._chosen]).to(device)
        self._resident: Tensor | None = None
        if device.type == "cuda":
            size = len(self._chosen) * images[0].nbytes
            if size < RESIDENT * torch.cuda.mem_get_info(device)[0]:
                self._resident = torch.from_numpy(images[self._chosen]).to(device)

    def __len__(self) -> int:
        return len(self._chosen)

    def take(self, rows: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """A batch on the device.

        Args:
            rows: Positions among these images.

        Returns:
            Images (len(rows), height, width, channels) uint8, and their labels.
        """
        where = torch.from_numpy(rows).to(self.device, non_blocking=True)
        if self._resident is not None:
            return self._resident[where], self._labels[where]
        images = torch.from_numpy(self._images[self._chosen[rows]])
        return images.to(self.device, non_blocking=True), self._labels[where]


class State:
    """A training in progress.

    Args:
        network: Is trained in place.
        optimizer: Over its parameters.
        averaged: Whether the weights' average is kept.

    Attributes:
        forward: What images go through: the network, or what shares its work among processes.
        step: Optimizer steps done.
        together: Called with the network before each step: what averages gradients of processes
            that `forward` doesn't.
        parts: Pieces that a batch goes through the network in.
        average: The moving average of weights and statistics; empty where none is kept.
        dtype: Of autocast, which is on for a GPU only.
    """

    def __init__(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, averaged: bool
    ) -> None:
        self.network, self.step, self.parts = network, 0, 1
        self.forward, self.optimizer = network, optimizer
        self.together: Callable[[nn.Module], None] = lambda network: None
        live = network.state_dict().values()
        self._live = [tensor for tensor in live if tensor.is_floating_point()]
        self.average = [tensor.clone() for tensor in self._live] if averaged else []
        device = self._live[0].device
        half = device.type == "cuda"
        self.dtype = torch.bfloat16 if half and torch.cuda.is_bf16_supported() else torch.float16
        self.autocast = half
        scaled = half and self.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def update_average(self, decay: float) -> None:
        """Moves the averages of weights and of batch normalization's statistics alike."""
        if self.average:
            torch._foreach_lerp_(self.average, self._live, 1 - decay)

    def use_average(self) -> None:
        """Puts the averages in the network, for evaluation; training can't go on from there."""
        with torch.no_grad():
            for live, average in zip(self._live, self.average, strict=bool(self.average)):
                live.copy_(average)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """The network with the averages in it, within the block; training goes on after it."""
        before = [tensor.clone() for tensor in self._live] if self.average else []
        self.use_average()
        try:
            yield self.network
        finally:
            with torch.no_grad():
                for live, tensor in zip(self._live, before, strict=bool(before)):
                    live.copy_(tensor)

    def state_dict(self) -> dict[str, Any]:
        """Everything that a training is continued from."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average,
            "step": self.step,
            "parts": self.parts,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a state of `state_dict`.

        Raises:
            KeyError: A part is missing.
            ValueError: It is of another network or optimizer.
            RuntimeError: Its shapes are others.
        """
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        with torch.no_grad():
            for mine, saved in zip(self.average, state["average"], strict=True):
                mine.copy_(saved)
        self.step, self.parts = state["step"], state["parts"]


def check_losses(losses: list[Tensor], step: int) -> None:
    """Looks at the last steps' losses, the last of them of step `step`.

    Raises:
        TrainingFailed: One is not finite; the first is named.
    """
    for place, loss in enumerate(torch.stack(losses).tolist(), step - len(losses) + 1):
        if not np.isfinite(loss):
            raise TrainingFailed(f"the loss is {loss} at step {place}: the training diverged")


def check_hope(state: State, loss: Tensor) -> None:
    """Refuses to go on with a training that can't come to anything, by a step's gradients.

    A slow start is not such a one: early in its first epoch many a network that learns later has a
    loss above that of naming classes at random.

    Raises:
        TrainingFailed: No gradient reaches the layers before the classifier, so that the answer is
            and stays the same for every image; or the loss is LOST.
    """
    heads = [module for module in state.network.modules() if isinstance(module, nn.Linear)]
    if not heads or not np.isfinite(found := float(loss)):
        return
    if found > LOST * np.log(max(2, heads[-1].out_features)):
        raise TrainingFailed(
            f"the loss is {found:.4g} at step {state.step + 1}, more than {LOST:g} times that of "
            "naming classes at random: the training diverged"
        )
    own = {id(weight) for weight in heads[-1].parameters()}
    body = [w.grad for w in state.network.parameters() if w.grad is not None and id(w) not in own]
    if body and found > 1e-3 and float(torch.stack(torch._foreach_norm(body)).norm()) < DEAD:
        raise TrainingFailed(
            f"no gradient reaches the network's layers at step {state.step + 1}: its answer is the "
            "same for every image, and it can't learn"
        )
