"""How a network is trained to the end: frozen settings, and what is taken where none are given.

Unlike a search's recipes these know where the training ends: the rate falls to zero there. How
strong the augmentation is follows from the length, since a short training learns less of altered
images and a long one learns the images by heart: see docs/final.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from search_spaces.errors import UserError, meant

AUGMENTS = ("none", "trivial", "rand")
CROPS = ("shift", "resized", "none")
SMALL = 64  # px: images of so small a side are shifted, larger ones cut out and resized
LONG, LONGER = 30, 100  # epochs from which images are altered, and mixed
EPOCHS = {False: 100, True: 30}  # from nothing, and from weights
LEAST_STEPS = 1500  # of a default training: few images are seen more often
MOST_EPOCHS = 10_000
SCHEDULES = ("cosine", "late")
COOL = 0.3  # of a training, in which a late schedule falls


@dataclass(frozen=True)
class Settings:
    """How a network is trained to the end.

    Attributes:
        epochs: Times that the training images are seen.
        batch: Images of an optimizer step, of all processes together.
        optimizer: A name of timm's `create_optimizer_v2`: `sgd` (Nesterov), `adamw`, `lamb`, ...
        lr: The highest learning rate, for this batch.
        weight_decay: On convs and linear layers; not on biases and batch normalization.
        warmup: Epochs in which the rate rises from near 0.
        schedule: How it falls to 0 then: `cosine`, or `late` (it stays, and falls linearly in the
            last COOL of the training).
        ema: Largest decay of the weights' average, which is what is kept; 0 for none.
        smoothing: Of labels, in [0, 1).
        crop: `shift` (moved by up to an eighth, edges reflected), `resized` (a part of the image
            of an area from `scale` to 1, resized), `none`.
        scale: See `crop`.
        flip: Whether images are mirrored left to right at random.
        augment: `trivial` (TrivialAugment), `rand` (RandAugment), `none`.
        mixup: Alpha of mixup; 0 for none.
        cutmix: Alpha of cutmix; 0 for none. Of both, each step takes one.
        regularize: Whether dropout and drop-connect are the network's own; else they are 0.
        class_weights: Whether a rare class counts more in the loss, so that all count alike.
        balanced: Whether images are drawn so that all classes come equally often.
        patience: Epochs without a better top-1 after which the training ends; 0 for none.
        clip: Largest norm of the gradient; 0 for no limit.
    """

    epochs: float = 100.0
    batch: int = 64
    optimizer: str = "sgd"
    lr: float = 0.1
    weight_decay: float = 5e-5
    warmup: float = 1.0
    ema: float = 0.9998
    smoothing: float = 0.1
    crop: str = "shift"
    scale: float = 0.35
    flip: bool = True
    augment: str = "none"
    mixup: float = 0.0
    cutmix: float = 0.0
    regularize: bool = False
    class_weights: bool = False
    balanced: bool = False
    patience: float = 0.0
    clip: float = 5.0
    schedule: str = "cosine"  # of trainings from before there was another

    def __post_init__(self) -> None:
        self._between("epochs", 0, MOST_EPOCHS, open_at_least=True)
        self._between("lr", 0, 100, open_at_least=True)
        for field, most in (("weight_decay", 10.0), ("warmup", self.epochs), ("ema", 0.999999),
                            ("smoothing", 0.999), ("mixup", 100.0), ("cutmix", 100.0),
                            ("patience", MOST_EPOCHS), ("clip", 1e6)):  # fmt: skip
            self._between(field, 0, most)
        self._between("scale", 0, 1, open_at_least=True)
        if type(self.batch) is not int or not 2 <= self.batch <= 1 << 20:
            raise UserError(f"--batch is {self.batch!r}: expected a whole number of 2 or more")
        for field, names in (("crop", CROPS), ("augment", AUGMENTS), ("schedule", SCHEDULES)):
            if getattr(self, field) not in names:
                name = getattr(self, field)
                raise UserError(
                    f"--{field} is {name!r}{meant(name, names)}: expected one of {', '.join(names)}"
                )

    def _between(self, field: str, low: float, high: float, open_at_least: bool = False) -> None:
        value = getattr(self, field)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high or (open_at_least and value == low):
            least = f"above {low:g}" if open_at_least else f"from {low:g}"
            option, came = f"--{field.replace('_', '-')}", f"{value:g}" if number else repr(value)
            raise UserError(f"{option} is {came}: expected a number {least} to {high:g}")


def check_given(given: Mapping[str, Any], minutes: float | None) -> None:
    """Refuses what no training can be given, whatever the images.

    Args:
        given: Fields of `Settings`.
        minutes: How long the training may take; None for epochs.

    Raises:
        UserError: A number is out of range, or both say how long.
    """
    if minutes is not None and given.get("epochs") is not None:
        raise UserError("--epochs and --minutes both say how long: give one of them")
    if minutes is not None and not 0 < minutes <= 60 * 24 * 365:
        raise UserError(f"--minutes is {minutes:g}: expected minutes above 0, to a year's")
    Settings(**{"warmup": 0.0, **given})


def batch_for(images: int, gpu: bool) -> int:
    """Images of a step: a power of two, 10 or more steps an epoch where that leaves 8 or more."""
    batch = 128 if gpu else 64
    while batch > 8 and batch * 10 > images:
        batch //= 2
    return batch


def settings_for(
    given: dict[str, Any], images: int, pixels: int, channels: int, fine: bool, gpu: bool
) -> Settings:
    """The settings of a training: those given, and for the others what the data asks for.

    Args:
        given: Fields of `Settings` that are given.
        images: Number of training images.
        pixels: The shorter side of the network's images.
        channels: Of the images: only colour and grey ones are altered by TrivialAugment.
        fine: Whether the training starts from weights.
        gpu: Whether it is on one.

    Raises:
        UserError: A number is out of range.
    """
    batch = given.get("batch", batch_for(images, gpu))
    epochs = given.get("epochs", epochs_for(images, batch, fine))
    longer = epochs >= LONGER and not fine
    rate = (0.05 if fine else 0.2) * batch / 128 if given.get("optimizer", "sgd") == "sgd" else 1e-3
    by_data = Settings(
        epochs=epochs,
        batch=batch,
        lr=rate,
        warmup=min(5.0, 0.05 * epochs),
        crop="shift" if pixels <= SMALL else "resized",
        augment="trivial" if epochs >= LONG and channels in (1, 3) else "none",
        mixup=0.2 if longer else 0.0,
        regularize=longer,
        schedule="cosine" if fine or epochs >= LONG else "late",
    )
    return replace(by_data, **given)


def epochs_for(images: int, batch: int, fine: bool) -> float:
    """Epochs of a training that nobody gave a length: EPOCHS, more where the images are few."""
    steps = max(1, images // batch)
    return float(max(EPOCHS[fine], min(10 * EPOCHS[fine], -(-LEAST_STEPS // steps))))


def epochs_within(minutes: float, epoch: float, look: float) -> float:
    """How many epochs a training of so many minutes has.

    Args:
        minutes: For all of it.
        epoch: Seconds of an epoch's steps.
        look: Seconds of a validation, of which there are about 20.
    """
    left = max(0.5 * 60 * minutes, 60 * minutes - 21 * look)
    return max(0.01, round(0.97 * left / epoch, 2))
