"""The step of a supernet's training: the sandwich rule and in-place distillation.

The largest network learns the labels; the smallest and two random ones learn what the largest says
(Yu & Huang 2019, "Universally slimmable networks", sec. 3.2 and 4; BigNAS, Yu et al. 2020). The
gradients add up in the shared weights, one network after the other, so that memory holds the
activations of one. Only the largest may drop out, since it has most to forget (BigNAS, sec. 3.1).
"""

import functools
from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from nas.final.loop import Step
from nas.final.task import Task
from nas.supernet.children import logits
from nas.supernet.hull import Hull
from nas.supernet.measure import Judge
from nas.training.loop import gradients
from nas.training.state import State
from search_spaces.architecture import Architecture

Drawn = Callable[[int], list[Architecture]]  # the random children of a step


class Sandwich(Step):
    """One step of a supernet's training.

    Args:
        state: The training; its network is the hull's largest.
        task: What is trained on.
        ends: The space's ends.
        drawn: Gives the children between them.
    """

    def __init__(self, state: State, task: Task, ends: Hull, drawn: Drawn) -> None:
        super().__init__(state, task)
        self.ends, self.drawn = ends, drawn
        self.shared = state.network.state_dict(keep_vars=True)

    def learn(self, pixels: Tensor, labels: Tensor, seed: int) -> Tensor:
        """The gradients of a batch in all four networks; gives the largest's mean loss."""
        children = [self.ends.smallest, *self.drawn(self.state.step)]
        taught = [functools.partial(self._taught, child) for child in children]
        return gradients(self.state, pixels, labels, self.loss, seed, taught)

    def _taught(self, child: Architecture, images: Tensor, said: Tensor) -> Tensor:
        """A child's mean cross-entropy with what the largest says."""
        own = logits(child, self.ends.largest, self.shared, images)
        return nn.functional.cross_entropy(own.float(), said.float().softmax(1))

    def beside(self, network: nn.Module) -> dict[str, float]:
        """Top-1 of the smallest, with statistics counted anew."""
        task, smallest = self.task, self.ends.smallest
        judge = Judge(task.data, self.ends.largest.size, task.mean, task.deviation)
        ready = judge.ready(smallest, self.ends.largest, network.state_dict())
        top1 = judge.top1(ready, smallest.size).accuracy
        assert np.isfinite(top1)
        return {"smallest": top1}
