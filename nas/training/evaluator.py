"""The evaluator that trains: top-1 on the validation images after `budget` epochs."""

import copy
import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from nas.measurement import Measurement, share
from nas.parent.parent import Parent, begin, count_anew, statistics_of
from nas.training.augment import MEAN, SPREAD
from nas.training.checkpoints import COUNTED, Checkpoint
from nas.training.images import ImageData
from nas.training.loop import (
    Task,
    count_correct,
    device_named,
    prepare,
    settings,
    some_batches,
    steps_per_epoch,
    train,
)
from nas.training.optimizers import optimizer_for
from nas.training.recipes import FAST, LONGEST, Recipe, steps_of
from nas.training.state import Pixels, State, stratified
from nas.watch import Tell
from search_spaces.architecture import Architecture
from search_spaces.builder import build
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.rounding import Size

EVAL_BATCH = 250  # images that are validated at once
LOOP = 2  # raised when a change of the loop changes its numbers, so that old states don't go on


@dataclass(frozen=True)
class StepTime:
    """Seconds for one image: medians over the measured steps.

    Attributes:
        train: Forward, backward and update.
        train_spread: Half the range that holds the middle two thirds.
        val: Forward only.
        val_spread: Half the range that holds the middle two thirds.
    """

    train: float
    train_spread: float
    val: float
    val_spread: float


@dataclass(frozen=True)
class TrainingEvaluator:
    """Trains a network from scratch on the data; the budget is epochs of the subset.

    The measurement's spread is that of a share of `val` images (`nas.measurement.share`). It is
    the noise of the images drawn, not that of seeds: `nas audit` measures that.

    Attributes:
        data: A data set, or the same one at several resolutions: a network takes its own.
        recipe: How it is trained.
        batch: Images for an optimizer step.
        subset: Part of the training images, in (0, 1], of each class alike, the same for all.
        checkpoints: Folder of training states, made where missing; None to keep none. With it a
            training that was cut off goes on from its last state, a larger budget from the end of
            a smaller one, and both give the number of an uninterrupted training, bit for bit.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        threads: Of torch, on a CPU. One, and as many workers as cores, is the fastest.
        keep: Leave the state at the budget's end, for a larger one; else only the number is left.
        tell: Called after each step with the steps done, and of how many.
        parent: A trained network from whose weights each one starts; None starts from nothing.
    """

    data: ImageData | Sequence[ImageData]
    recipe: Recipe = FAST
    batch: int = 64
    subset: float = 1.0
    checkpoints: Path | None = None
    device: str = "auto"
    threads: int = 1
    keep: bool = True
    tell: Tell | None = field(default=None, compare=False, repr=False)
    parent: Parent | None = None

    def __post_init__(self) -> None:
        if type(self.batch) is not int or self.batch < 2:
            raise UserError(f"the batch is {self.batch!r}: expected a whole number of 2 or more")
        if not 0 < self.subset <= 1:
            raise UserError(f"the subset is {self.subset!r}: expected a part, above 0 to 1")
        if type(self.threads) is not int or self.threads < 1:
            raise UserError(f"threads is {self.threads!r}: expected a whole number of 1 or more")
        device_named(self.device)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def telling(self, tell: Tell) -> "TrainingEvaluator":
        """The same, telling its steps."""
        return replace(self, tell=tell)

    @property
    def where(self) -> str:
        """The device's name, `auto` resolved on the machine that trains."""
        return str(device_named(self.device))

    @cached_property
    def sets(self) -> dict[Size, ImageData]:
        """The data by height and width."""
        several = [self.data] if isinstance(self.data, ImageData) else self.data
        return {images.size: images for images in several}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the images' classes, in label order."""
        return next(iter(self.sets.values())).classes

    @cached_property
    def _subsets(self) -> dict[Size, npt.NDArray[np.int64]]:
        sets = self.sets.items()
        return {size: stratified(images.train_y, self.subset) for size, images in sets}

    def check(self, architecture: Architecture) -> None:
        """Refuses networks that do not fit the data.

        Raises:
            OutOfDomain: The classes, the resolution or the channels are not the data's.
        """
        if self.parent is not None:
            self.parent.check(architecture)
        fit = "fit the space to the data with nas.training.images.for_data"
        data = self.sets.get(architecture.size)
        if data is None:
            known = ", ".join(map(str, sorted(self.sets)))
            raise OutOfDomain(
                f"the network is for {architecture.size} px, the images were decoded to {known} "
                f"px: {fit}"
            )
        if architecture.in_channels != data.channels:
            raise OutOfDomain(
                f"the network takes {architecture.in_channels} channels, the images have "
                f"{data.channels}: {fit}"
            )
        if architecture.classes != len(data.classes):
            raise OutOfDomain(
                f"the network has {architecture.classes} classes, the images have "
                f"{len(data.classes)}: {fit}"
            )

    def images_of(self, architecture: Architecture) -> ImageData:
        """The data that a network trains on. Raises KeyError for another resolution."""
        return self.sets[architecture.size]

    def notes(self, architecture: Architecture) -> list[str]:
        """What a reader of its numbers should know of the images."""
        return self.images_of(architecture).notes()

    def images(self, architecture: Architecture, budget: float) -> tuple[int, int]:
        """How many images a trial takes.

        Args:
            architecture: The network.
            budget: Epochs of the subset.

        Returns:
            Images forward and backward, and images forward only.

        Raises:
            UserError: The budget is no number of epochs above 0 up to LONGEST.
        """
        steps, batch = self._steps(architecture, budget)
        return steps * batch, self.sets[architecture.size].val

    def _steps(self, architecture: Architecture, budget: float) -> tuple[int, int]:
        if not 0 < budget <= LONGEST:
            raise UserError(f"a training has {budget:g} epochs: expected above 0, to {LONGEST:g}")
        n = len(self._subsets[architecture.size])
        return steps_of(budget, steps_per_epoch(n, self.batch)), min(self.batch, n)

    def __call__(self, architecture: Architecture, budget: float, seed: int) -> Measurement:
        """Trains the network, or continues its training, and validates it.

        Args:
            architecture: The network; its classes and resolution are the data's.
            budget: Epochs of the subset.
            seed: Of weights, order, augmentation and dropout.

        Returns:
            Top-1 in percent on the validation images, and its spread.

        Raises:
            OutOfDomain: The network does not fit the data.
            UserError: The budget is out of range.
            TrainingFailed: The training diverges, or memory does not suffice.
        """
        self.check(architecture)
        until, _ = self._steps(architecture, budget)
        kept = Checkpoint(self.checkpoint(architecture, seed))
        data, device = self.sets[architecture.size], torch.device(self.where)
        if until not in kept.measured:
            with settings(self.threads, device):
                state = self._fresh(architecture, seed)
                if not kept.restore(state, until):
                    state = self._fresh(architecture, seed)  # restoring may have failed half-way
                seen = self._train_pixels(data, device)
                train(state, seen, self._task(seed), until,
                      kept.now_and_then, self.tell or (lambda done, of: None))  # fmt: skip
                last = copy.deepcopy(state.state_dict()) if self.keep else None
                state.use_average()
                count_anew(state.network, some_batches(seen, self.batch))
                if last is not None:
                    last[COUNTED] = statistics_of(state.network)
                correct = count_correct(state, Pixels(data.val_x, data.val_y, device), EVAL_BATCH)
                kept.finish(last, until, correct)
        return share(kept.measured[until], data.val)

    def _task(self, seed: int) -> Task:
        return Task(self.recipe, self.batch, abs(seed))

    def _fresh(self, architecture: Architecture, seed: int) -> State:
        recipe = self.recipe
        rates: dict[str, Any] = {"dropout": recipe.dropout, "drop_connect": recipe.drop_connect}
        trained = replace(architecture, **{k: v for k, v in rates.items() if v is not None})
        network: torch.nn.Module = build(trained, seed=abs(seed), bn_momentum=recipe.bn_momentum)
        if self.parent is not None:
            start = self.parent.start(architecture)
            begin(network, start, MEAN / 255, SPREAD / 255)
        network = prepare(network, torch.device(self.where))
        if self.parent is not None:
            pixels = self._train_pixels(self.sets[architecture.size], torch.device(self.where))
            count_anew(network, some_batches(pixels, self.batch))
        return State(network, optimizer_for(network, recipe), averaged=recipe.ema > 0)

    def _train_pixels(self, data: ImageData, device: torch.device) -> Pixels:
        return Pixels(data.train_x, data.train_y, device, self._subsets[data.size])

    def checkpoint(self, architecture: Architecture, seed: int) -> Path | None:
        """The file of this network's state, for this seed and way of training; None keeps none."""
        if self.checkpoints is None:
            return None
        data = self.sets[architecture.size].digest
        device = torch.device(self.where).type
        way: tuple[Any, ...] = (
            LOOP, data, asdict(self.recipe), self.batch, self.subset, device, self.threads,
        )  # fmt: skip
        if self.parent is not None:
            way = (*way, *self.parent.identity)
        digest = hashlib.sha256(repr((way, torch.__version__)).encode()).hexdigest()[:8]
        return Path(self.checkpoints) / f"{architecture.id}-{seed}-{digest}.pt"

    def measure_step_time(self, architecture: Architecture, steps: int = 8) -> StepTime:
        """Times training steps, then as many validation batches, each after two to warm up.

        Args:
            architecture: The network.
            steps: How many are timed. Raises what a call raises.
        """
        self.check(architecture)
        data, device = self.sets[architecture.size], torch.device(self.where)
        with settings(self.threads, device):
            state, pixels = self._fresh(architecture, 0), self._train_pixels(data, device)
            some = Pixels(data.val_x, data.val_y, device, np.arange(min(EVAL_BATCH, data.val)))
            task, batch = self._task(0), min(self.batch, len(pixels))

            def one_step() -> None:  # it reads the loss at its end, and so waits for a GPU
                train(state, pixels, task, state.step + 1)

            trained = _seconds(one_step, steps)
            validated = _seconds(lambda: count_correct(state, some, EVAL_BATCH), steps)
        return StepTime(*_middle(trained, batch), *_middle(validated, len(some)))


def _seconds(work: Callable[[], object], times: int) -> list[float]:
    """The seconds that each piece of work took, after two to warm up."""
    seconds = []
    for _ in range(times + 2):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


def _middle(seconds: list[float], images: int) -> tuple[float, float]:
    """The median, and half the range of the middle two thirds, for each image."""
    ordered = sorted(taken / images for taken in seconds)
    cut = len(ordered) // 6
    return statistics.median(ordered), (ordered[-1 - cut] - ordered[cut]) / 2
