"""How a network is trained: frozen recipes, and schedules as pure functions of the step.

Both recipes can be cut at any budget and continued to a larger one: no schedule knows where
training ends. What a decay to zero gives at the end of a known budget comes from averaging the
weights over the last tenth of the steps so far.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from search_spaces.errors import UserError, meant

LONGEST = 10_000.0  # epochs of a training at most


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        name: What a command calls it.
        optimizer: `rmsprop` or `sgd` (Nesterov).
        lr: Learning rate for a batch of `lr_batch`; scaled linearly to other batches.
        lr_batch: See `lr`.
        warmup: Epochs from 0 to the full rate.
        decay: Factor of the rate every `decay_epochs` epochs.
        decay_epochs: See `decay`.
        momentum: Of the optimizer.
        alpha: Decay of RMSProp's mean square.
        eps: Of RMSProp, under the root.
        weight_decay: L2 on conv and linear weights, not on biases and batch normalization.
        label_smoothing: In [0, 1).
        ema: Largest decay of the average, in [0, 1); 0 for none.
        bn_momentum: Of batch normalization, in torch's convention.
        flip: Whether images are mirrored at random.
        shift: Translation up to this part of the side, edges reflected.
        dropout: In place of the architecture's; None keeps that.
        drop_connect: In place of the architecture's; None keeps that.
        clip: Largest norm of the gradient, 0 for no limit.
    """

    name: str
    optimizer: str
    lr: float
    lr_batch: int
    warmup: float
    decay: float = 1.0
    decay_epochs: float = 1.0
    momentum: float = 0.9
    alpha: float = 0.9
    eps: float = 1e-3
    weight_decay: float = 0.0
    label_smoothing: float = 0.1
    ema: float = 0.9999
    bn_momentum: float = 0.01
    flip: bool = True
    shift: float = 0.125
    dropout: float | None = None
    drop_connect: float | None = None
    clip: float = 0.0


# The numbers of Tan & Le 2019, sec. 5.2, and of tensorflow/tpu's efficientnet.
PAPER = Recipe(
    "paper",
    optimizer="rmsprop",
    lr=0.256,
    lr_batch=4096,
    warmup=5,
    decay=0.97,
    decay_epochs=2.4,
    weight_decay=1e-5,
)

# For proxies of a few short epochs; chosen by measurement, see docs/training.md.
FAST = Recipe(
    "fast",
    optimizer="sgd",
    lr=0.2,
    lr_batch=128,
    warmup=0.5,
    weight_decay=5e-5,
    bn_momentum=0.1,
    dropout=0.0,
    drop_connect=0.0,
    clip=5.0,
)

# FAST for weights that are trained already: half of the rate, by measurement (docs/parents.md).
TUNE = replace(FAST, name="tune", lr=FAST.lr / 2)

# A recipe is one value and one line here.
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (FAST, PAPER, TUNE)}


def recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        UserError: There is none.
    """
    if name not in RECIPES:
        raise UserError(
            f"there is no recipe {name!r}{meant(name, RECIPES)}: expected one of "
            f"{', '.join(RECIPES)}"
        )
    return RECIPES[name]


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, batch: int) -> float:
    """The learning rate of a step: linear warm-up, then steps down by `decay`.

    As in EfficientNet the decay counts from step 0, the warm-up lies over it.

    Args:
        recipe: Has the rate's form.
        step: 0, 1, ...
        steps_per_epoch: Optimizer steps of an epoch.
        batch: Images a step.
    """
    epoch = step / steps_per_epoch
    full = recipe.lr * batch / recipe.lr_batch
    if epoch < recipe.warmup:
        return full * (step + 1) / (recipe.warmup * steps_per_epoch + 1)
    return float(full * recipe.decay ** (epoch // recipe.decay_epochs))


def average_decay(most: float, step: int) -> float:
    """The decay of the weights' average after step 0, 1, ...: min(most, (1 + n) / (10 + n)).

    TensorFlow's correction for short runs (tf.train.ExponentialMovingAverage, num_updates); it is
    the polynomial-decay averaging of Shamir & Zhang 2013 with eta = 8: the weights of step k
    count in proportion to about (k / n)^8.
    """
    return min(most, (1 + step) / (10 + step))


def steps_of(budget: float, steps_per_epoch: int) -> int:
    """Optimizer steps of a budget in epochs, at least one."""
    return max(1, round(budget * steps_per_epoch))
