"""The training loop: from a network, pixels and a recipe to weights, and to top-1.

Whatever is random in step t - order, augmentation, dropout - is seeded by (seed, t), so that the
state to continue from is weights, optimizer, average and t, and continuing equals not stopping.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nas.memory import keep_freed_memory
from nas.training.augment import augment, normalize
from nas.training.depthwise import speed_up
from nas.training.recipes import Recipe, average_decay, learning_rate
from nas.training.state import Pixels, State, TrainingFailed, check_hope, check_losses
from nas.watch import Tell
from search_spaces.errors import UserError

CHECK = 20  # steps between two looks at the loss: each look waits for the device
COUNTED = 8  # batches by which statistics of batch normalization are counted anew
HALVINGS = 3  # times that a batch is halved when memory runs out
Loss = Callable[[Tensor, Tensor], Tensor]  # (logits, labels) -> their mean loss; see `gradients`


@dataclass(frozen=True)
class Task:
    """What is trained, besides the images.

    Attributes:
        recipe: How.
        batch: Images a step, fewer where there are fewer.
        seed: Of all that is random in a step.
    """

    recipe: Recipe
    batch: int
    seed: int


def entropy(*numbers: int) -> int:
    """A seed of 63 bits from whole numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def device_named(name: str) -> torch.device:
    """The device that trains; `auto` is a GPU where torch sees one.

    Args:
        name: `auto`, `cpu`, `cuda`, `cuda:1`.

    Raises:
        UserError: There is no such device, or not here.
    """
    seen = torch.cuda.is_available()
    try:
        device = torch.device(name if name != "auto" else "cuda" if seen else "cpu")
    except RuntimeError:
        raise UserError(
            f"the device is {name!r} (--train-on): expected auto, cpu, cuda or cuda:N"
        ) from None
    if device.type == "cuda" and not seen:
        raise UserError(f"the device is {name!r} (--train-on), but torch sees no GPU: use cpu")
    return device


@contextlib.contextmanager
def settings(threads: int, device: torch.device) -> Iterator[None]:
    """Sets what training wants of torch, and puts it back: threads, deterministic convs, seeds."""
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
    """Moves the network to the device, laid out for it: channels last, activations not in place.

    In place, swish copies its input first, since its gradient needs it: see docs/training.md.
    """
    lay_out(network, device.type)
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def lay_out(network: nn.Module, kind: str) -> nn.Module:
    """The network with layers as they are fastest on a `cpu` or on `cuda`; weights stay."""
    if kind == "cpu":
        speed_up(network)
    for module in network.modules():
        if isinstance(module, nn.SiLU):
            module.inplace = False
    return network


def steps_per_epoch(images: int, batch: int) -> int:
    """Whole batches; the rest of an epoch's order is left out, another rest each time."""
    return max(1, images // batch)


def train(
    state: State,
    data: Pixels,
    task: Task,
    until: int,
    checked: Callable[[State], None] = lambda state: None,
    tell: Tell = lambda done, of: None,
) -> None:
    """Trains from `state.step` to step `until`.

    Args:
        state: Changes in place.
        data: The training images.
        task: How it is trained.
        until: The last step.
        checked: Called every CHECK steps and at the end, once the losses are known to be finite.
        tell: Called before the first step, and after each.

    Raises:
        TrainingFailed: It is hopeless, as the loss is not finite, or memory does not suffice.
    """
    recipe, epoch_steps = task.recipe, steps_per_epoch(len(data), task.batch)
    batch = min(task.batch, len(data))
    loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    order, order_of, losses = np.empty(0, np.int64), -1, list[Tensor]()
    state.network.train()
    tell(state.step, until)
    while state.step < until:
        epoch, place = divmod(state.step, epoch_steps)
        if epoch != order_of:
            order_of, rng = epoch, np.random.default_rng((task.seed, epoch))
            order = rng.permutation(len(data))
        images, labels = data.take(order[place * batch : (place + 1) * batch])
        seed = entropy(task.seed, state.step, 1)
        generator = torch.Generator().manual_seed(seed)
        images = normalize(augment(images, recipe.flip, recipe.shift, generator))
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, state.step, epoch_steps, batch)
        losses.append(gradients(state, images, labels, loss, seed))
        if (state.step + 1) % CHECK == 0:
            check_hope(state, losses[-1])
        update(state, recipe.clip, average_decay(recipe.ema, state.step))
        state.step += 1
        tell(state.step, until)
        if state.step % CHECK == 0 or state.step == until:
            check_losses(losses, state.step)
            losses.clear()
            checked(state)


def some_batches(data: Pixels, batch: int) -> Iterator[Tensor]:
    """COUNTED batches of images, normalized, drawn alike for every network; whole ones.

    Args:
        data: The images.
        batch: How many in each; all where there are not so many.
    """
    order = np.random.default_rng(0).permutation(len(data))[: COUNTED * batch]
    batch = min(batch, len(order))
    for start in range(0, len(order) - batch + 1, batch):
        yield normalize(data.take(order[start : start + batch])[0])


def update(state: State, clip: float, decay: float) -> None:
    """One step of the optimizer on the gradients, and of the average.

    Args:
        state: Changes in place.
        clip: Largest norm of the gradient; 0 for no limit.
        decay: Of the average.
    """
    state.together(state.network)
    if clip:
        state.scaler.unscale_(state.optimizer)
        nn.utils.clip_grad_norm_(state.network.parameters(), clip)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.optimizer.zero_grad(set_to_none=True)
    state.update_average(decay)


def gradients(
    state: State,
    images: Tensor,
    labels: Tensor,
    loss: Loss,
    seed: int,
    also: Sequence[Loss] = (),
) -> Tensor:
    """A batch's forward and backward pass; where memory runs out the batch goes in halves.

    Args:
        state: The gradients are left in its weights.
        images: (n, channels, height, width), normalized.
        labels: (n,), or (n, classes) shares.
        loss: The mean over a batch.
        seed: Of dropout and drop-connect.
        also: What else learns from a piece, given its images and the network's logits: mean losses.
            One after the other goes forward and backward, so that memory holds one's activations.

    Returns:
        The batch's mean loss, without those.

    Raises:
        TrainingFailed: Memory does not suffice for an eighth of it either.
    """
    for _ in range(HALVINGS + 1):
        try:
            return _gradients_in_parts(state, images, labels, loss, seed, also)
        except torch.cuda.OutOfMemoryError as error:
            reason = str(error).partition("\n")[0]
        # The error is gone here, and with it the frames that held the activations.
        state.optimizer.zero_grad(set_to_none=True)
        if state.autocast:
            torch.cuda.empty_cache()
        state.parts *= 2
    raise TrainingFailed(
        f"out of memory at step {state.step + 1}, with pieces of "
        f"{-(-len(images) * 2 // state.parts)} of the batch of {len(images)} images too: {reason}"
    )


def _gradients_in_parts(
    state: State, images: Tensor, labels: Tensor, loss: Loss, seed: int, also: Sequence[Loss]
) -> Tensor:
    """The batch's mean loss, piece by piece; the gradients add up in the weights."""
    torch.manual_seed(seed)  # for dropout and drop-connect
    whole = torch.zeros((), device=images.device)
    for part, wanted in zip(images.chunk(state.parts), labels.chunk(state.parts), strict=True):
        with torch.autocast(images.device.type, state.dtype, enabled=state.autocast):
            logits = state.forward(part)
        share = loss(logits.float(), wanted) * (len(part) / len(images))
        state.scaler.scale(share).backward()  # type: ignore[no-untyped-call]
        whole += share.detach()
        said = logits.detach()
        del logits, share  # and what they hold of the network
        for another in also:
            with torch.autocast(images.device.type, state.dtype, enabled=state.autocast):
                learned = another(part, said) * (len(part) / len(images))
            state.scaler.scale(learned).backward()  # type: ignore[no-untyped-call]
            del learned
    return whole


def count_correct(state: State, data: Pixels, batch: int) -> int:
    """How many of the images the network, in evaluation mode, labels rightly.

    Args:
        state: Whose network it is.
        data: The images.
        batch: How many go through it at once.

    Raises:
        TrainingFailed: An output is not finite.
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
