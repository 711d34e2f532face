"""The training loop: from a network, pixels and a recipe to weights, and to top-1.

Whatever is random in step t - order, augmentation, dropout - is seeded by (seed, t), so that the
state to continue from is weights, optimizer, average and t, and continuing equals not stopping.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nas.memory import keep_freed_memory
from nas.training.augment import augment, normalize
from nas.training.depthwise import speed_up
from nas.training.optimizers import optimizer_for
from nas.training.recipes import Recipe, average_decay, learning_rate

CHECK = 20  # steps between two looks at the loss: each look waits for the device
HALVINGS = 3  # of the batch, when memory runs out
RESIDENT = 0.25  # of a GPU's free memory may hold the data set


class TrainingFailed(RuntimeError):
    """This training can't give a number; the message says why and at which step."""


@dataclass(frozen=True)
class Task:
    """What is trained on: batch: images a step (fewer where there are fewer); seed: see above."""

    recipe: Recipe
    batch: int
    seed: int


class Pixels:
    """Some images of a split, on the device where that is a GPU with room, else mapped.

    images: (n, height, width, 3) uint8.   labels: (n,).   chosen: positions, None for all.
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
        """(images uint8, labels) on the device; rows: positions among these images."""
        where = torch.from_numpy(rows).to(self.device, non_blocking=True)
        if self._resident is not None:
            return self._resident[where], self._labels[where]
        images = torch.from_numpy(self._images[self._chosen[rows]])
        return images.to(self.device, non_blocking=True), self._labels[where]


class State:
    """A training in progress: `step` optimizer steps done; a batch goes in `parts` pieces."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.network, self.step, self.parts = network, 0, 1
        self.optimizer = optimizer_for(network, recipe)
        live = network.state_dict().values()
        self._live = [tensor for tensor in live if tensor.is_floating_point()]
        self.average = [tensor.clone() for tensor in self._live] if recipe.ema else []
        device = self._live[0].device
        half = device.type == "cuda"
        self.dtype = torch.bfloat16 if half and torch.cuda.is_bf16_supported() else torch.float16
        self.autocast = half
        scaled = half and self.dtype == torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def update_average(self, decay: float) -> None:
        """Weights and the statistics of batch normalization, averaged alike."""
        if self.average:
            torch._foreach_lerp_(self.average, self._live, 1 - decay)

    def use_average(self) -> None:
        """Puts the averages in the network, for evaluation; training can't go on from there."""
        with torch.no_grad():
            for live, average in zip(self._live, self.average, strict=bool(self.average)):
                live.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average,
            "step": self.step,
            "parts": self.parts,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises KeyError, ValueError or RuntimeError where the state is not of this network."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        with torch.no_grad():
            for mine, saved in zip(self.average, state["average"], strict=True):
                mine.copy_(saved)
        self.step, self.parts = state["step"], state["parts"]


def entropy(*numbers: int) -> int:
    """A seed from whole numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextlib.contextmanager
def settings(threads: int, device: torch.device) -> Iterator[None]:
    """What training wants of torch, put back as it was: threads, deterministic convs, seeds."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    if device.type == "cpu":
        keep_freed_memory()
    devices = [device] if device.type == "cuda" else []
    try:
        with (
            torch.random.fork_rng(devices),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True),
        ):
            yield
    finally:
        torch.set_num_threads(before)


def prepare(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on the device, laid out for it: channels last, activations not in place
    (in place, swish copies its input first, since its gradient needs it), see docs/training.md."""
    if device.type == "cpu":
        speed_up(network)
    for module in network.modules():
        if isinstance(module, nn.SiLU):
            module.inplace = False
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def steps_per_epoch(images: int, batch: int) -> int:
    """Whole batches; the rest of an epoch's order is left out, another rest each time."""
    return max(1, images // batch)


def train(
    state: State,
    data: Pixels,
    task: Task,
    until: int,
    checked: Callable[[State], None] = lambda state: None,
) -> None:
    """Trains from `state.step` to step `until`. Raises TrainingFailed.

    checked: called every CHECK steps and at the end, once the losses are known to be finite.
    """
    recipe, epoch_steps = task.recipe, steps_per_epoch(len(data), task.batch)
    batch = min(task.batch, len(data))
    order, order_of, losses = np.empty(0, np.int64), -1, list[Tensor]()
    state.network.train()
    while state.step < until:
        epoch, place = divmod(state.step, epoch_steps)
        if epoch != order_of:
            order, order_of = (
                np.random.default_rng((task.seed, epoch)).permutation(len(data)),
                epoch,
            )
        images, labels = data.take(order[place * batch : (place + 1) * batch])
        seed = entropy(task.seed, state.step, 1)
        generator = torch.Generator().manual_seed(seed)
        images = normalize(augment(images, recipe.flip, recipe.shift, generator))
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, state.step, epoch_steps, batch)
        losses.append(_gradients(state, images, labels, recipe.label_smoothing, seed))
        _update(state, recipe)
        state.step += 1
        if state.step % CHECK == 0 or state.step == until:
            _check(losses, state.step)
            losses.clear()
            checked(state)


def _update(state: State, recipe: Recipe) -> None:
    if recipe.clip:
        state.scaler.unscale_(state.optimizer)
        nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    state.update_average(average_decay(recipe, state.step))


def _check(losses: list[Tensor], step: int) -> None:
    for place, loss in enumerate(torch.stack(losses).tolist(), step - len(losses) + 1):
        if not np.isfinite(loss):
            raise TrainingFailed(f"the loss is {loss} at step {place}: the training diverged")


def _gradients(state: State, images: Tensor, labels: Tensor, smoothing: float, seed: int) -> Tensor:
    """The batch's mean loss; its gradients are left in the weights. Where memory runs out the
    batch is halved and the gradients added up. Raises TrainingFailed."""
    for _ in range(HALVINGS + 1):
        try:
            return _gradients_in_parts(state, images, labels, smoothing, seed)
        except torch.cuda.OutOfMemoryError as error:
            reason = str(error).partition("\n")[0]
        # the error is gone here, and with it the frames that held the activations
        state.optimizer.zero_grad(set_to_none=True)
        if state.autocast:
            torch.cuda.empty_cache()
        state.parts *= 2
    raise TrainingFailed(
        f"out of memory at step {state.step + 1}, with pieces of "
        f"{-(-len(images) * 2 // state.parts)} of the batch of {len(images)} images too: {reason}"
    )


def _gradients_in_parts(
    state: State, images: Tensor, labels: Tensor, smoothing: float, seed: int
) -> Tensor:
    torch.manual_seed(seed)  # dropout and drop-connect
    whole = torch.zeros((), device=images.device)
    for part, wanted in zip(images.chunk(state.parts), labels.chunk(state.parts), strict=True):
        with torch.autocast(images.device.type, state.dtype, enabled=state.autocast):
            logits = state.network(part)
        loss = nn.functional.cross_entropy(logits.float(), wanted, label_smoothing=smoothing)
        loss = loss * (len(part) / len(images))
        state.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        whole += loss.detach()
    return whole


def count_correct(state: State, data: Pixels, batch: int) -> int:
    """How many of the images the network, in evaluation mode, labels rightly.

    Raises TrainingFailed where it gives a number that is not finite.
    """
    state.network.eval()
    correct = torch.zeros((), dtype=torch.int64, device=data.device)
    with torch.inference_mode():
        for start in range(0, len(data), batch):
            images, labels = data.take(np.arange(start, min(start + batch, len(data))))
            with torch.autocast(data.device.type, state.dtype, enabled=state.autocast):
                logits = state.network(normalize(images))
            if not logits.isfinite().all():
                raise TrainingFailed(
                    f"the network's outputs are not finite after step {state.step}: the training "
                    "diverged"
                )
            correct += (logits.argmax(1) == labels).sum()
    return int(correct)
