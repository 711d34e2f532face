"""The recipes' optimizers."""

from typing import Any

import torch
from torch import Tensor, nn

from nas.training.recipes import Recipe


class RMSProp(torch.optim.Optimizer):
    """RMSProp as TensorFlow has it, and the papers used it.

    Unlike torch's, eps is added under the root, the mean square starts at 1, and the momentum
    gathers steps that the learning rate is in already (tensorflow/core/kernels/training_ops.cc,
    ApplyRMSProp). With eps = 1e-3 the first matters: the root is 0.032 at least, not 0.001.

    Args:
        params: Weights, or groups of them with their own `weight_decay`.
        lr: The learning rate.
        alpha: Decay of the mean square.
        momentum: Decay of the gathered steps.
        eps: Added under the root.
    """

    def __init__(self, params: Any, lr: float, alpha: float, momentum: float, eps: float) -> None:
        defaults = {"lr": lr, "alpha": alpha, "momentum": momentum, "eps": eps, "weight_decay": 0}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Updates all weights that have a gradient; torch's argument `closure` is not called."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients: list[Tensor] = [weight.grad for weight in weights]
            for weight in weights:
                if not self.state[weight]:
                    self.state[weight]["square"] = torch.ones_like(weight)
                    self.state[weight]["momentum"] = torch.zeros_like(weight)
            squares = [self.state[weight]["square"] for weight in weights]
            momenta = [self.state[weight]["momentum"] for weight in weights]
            if group["weight_decay"]:
                gradients = list(
                    torch._foreach_add(gradients, weights, alpha=group["weight_decay"])
                )
            torch._foreach_mul_(squares, group["alpha"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["alpha"])
            root = torch._foreach_add(squares, group["eps"])
            torch._foreach_sqrt_(root)
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_addcdiv_(momenta, gradients, root, group["lr"])
            torch._foreach_sub_(weights, momenta)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Splits the weights: those of convs and linear layers decay, all others do not."""
    decays = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decays, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


def optimizer_for(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over the network's parameters."""
    groups = parameter_groups(network, recipe.weight_decay)
    if recipe.optimizer == "rmsprop":
        return RMSProp(groups, recipe.lr, recipe.alpha, recipe.momentum, recipe.eps)
    return torch.optim.SGD(groups, recipe.lr, recipe.momentum, nesterov=True, foreach=True)
