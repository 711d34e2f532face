"""The controller of `reinforce`: an LSTM over the choices, and its update by PPO."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nas.strategies.codes import Codes, Floats


@dataclass(frozen=True)
class Settings:
    """How the controller is trained, and how networks are drawn from it.

    Attributes:
        batch: Finished trials of one update.
        epochs: Passes of an update over its trials.
        clip: How far the ratio of probabilities may leave 1 (Schulman et al. 2017, eq. 7).
        entropy: Weight of the entropy bonus.
        decay: Of the moving baseline, 0 to 1; 1 never changes it.
        rate: Learning rate of Adam.
        hidden: Hidden units of the LSTM.
        draws: Networks that are drawn to get a single proposal that is allowed and new.
    """

    batch: int = 20
    epochs: int = 6
    clip: float = 0.2
    entropy: float = 0.02
    decay: float = 0.8
    rate: float = 0.01
    hidden: int = 48
    draws: int = 32


def _lstm(weights: torch.Tensor) -> torch.nn.LSTMCell:
    """An LSTM cell from weights (2h, 4h) that remembers at first: its forget gate's bias is 1."""
    h = len(weights) // 2
    cell = torch.nn.LSTMCell(h, h)
    with torch.no_grad():
        cell.weight_ih.copy_(weights[:h].T)
        cell.weight_hh.copy_(weights[h:].T)
        # torch's cell adds two biases. One is enough, so that the other stays 0 and isn't learned.
        for bias in (cell.bias_ih, cell.bias_hh):
            bias.zero_()
        cell.bias_ih[h : 2 * h] = 1
    cell.bias_hh.requires_grad_(False)
    return cell


def _learned(cell: torch.nn.LSTMCell) -> list[torch.Tensor]:
    return [weight for weight in cell.parameters() if weight.requires_grad]


class Controller:
    """Probabilities of networks, choice by choice. Nothing here reads a global random state.

    Args:
        sizes: The number of options of each choice.
        settings: How it is trained.
        seed: Of its first weights.
    """

    def __init__(self, sizes: Sequence[int], settings: Settings, seed: int) -> None:
        self.sizes, self.settings = tuple(sizes), settings
        self._width, n = max(sizes), len(sizes)
        generator = torch.Generator().manual_seed(seed)
        h = settings.hidden

        def weights(*shape: int, scale: float) -> torch.Tensor:
            drawn = torch.randn(*shape, generator=generator) * scale
            return drawn.requires_grad_()

        self._read = weights(n, self._width, h, scale=0.3)  # embeddings of the option chosen last
        self._first = weights(1, h, scale=0.3)
        self._cell = _lstm(torch.randn(2 * h, 4 * h, generator=generator) * (2 * h) ** -0.5)
        self._write = weights(n, h, self._width, scale=0.01)
        self._level = torch.zeros(n, self._width, requires_grad=True)
        self._all = [self._read, self._first, *_learned(self._cell), self._write, self._level]
        self._adam = torch.optim.Adam(self._all, lr=settings.rate)
        self._mask = torch.zeros(n, self._width)
        for i, size in enumerate(sizes):
            self._mask[i, size:] = -1e9
        self._baseline: float | None = None
        self._scale = 1.0

    def _step(self, i: int, before: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Log probabilities (m, width) of choice i, and the LSTM's state after it."""
        state = self._cell(before, state)
        logits = state[0] @ self._write[i] + self._level[i] + self._mask[i]
        return torch.log_softmax(logits, 1), state

    def _start(self, m: int) -> tuple[torch.Tensor, Any]:
        zero = torch.zeros(m, self.settings.hidden)
        return self._first.expand(m, -1), (zero, zero)

    @torch.no_grad()
    def draw(self, m: int, rng: np.random.RandomState) -> Codes:
        """Draws networks.

        Args:
            m: How many.
            rng: The only source of randomness.

        Returns:
            Codes (m, choices).
        """
        before, state = self._start(m)
        uniform = torch.from_numpy(rng.random_sample((m, len(self.sizes))).astype(np.float32))
        codes = []
        for i, size in enumerate(self.sizes):
            logs, state = self._step(i, before, state)
            sums = logs.exp().cumsum(1)
            code = (uniform[:, i : i + 1] > sums).sum(1).clamp(max=size - 1)
            codes.append(code)
            before = self._read[i][code]
        return torch.stack(codes, 1).numpy().astype(np.int64)

    def _logs(self, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log probabilities (m,) of networks, and the mean entropy of a choice."""
        before, state = self._start(len(codes))
        log_probabilities, entropies = [], []
        for i in range(len(self.sizes)):
            logs, state = self._step(i, before, state)
            log_probabilities.append(logs.gather(1, codes[:, i : i + 1])[:, 0])
            entropies.append(-(logs.exp() * logs.clamp(min=-50)).sum(1).mean())
            before = self._read[i][codes[:, i]]
        return torch.stack(log_probabilities).sum(0), torch.stack(entropies).mean()

    def learn(self, codes: Codes, rewards: Floats, outside: tuple[Codes, Floats]) -> None:
        """Updates the weights once, by the clipped objective of PPO (Schulman et al. 2017, eq. 7).

        Args:
            codes: (m, choices) the finished networks.
            rewards: (m,) their rewards.
            outside: Codes (k, choices) that are not allowed, and (k,) the share of the baseline's
                reward that their cost leaves.
        """
        s = self.settings
        mean, spread = float(rewards.mean()), max(float(rewards.std()), 1e-6)
        first = self._baseline is None
        self._baseline = mean if first else s.decay * self._baseline + (1 - s.decay) * mean  # type: ignore[operator]
        self._scale = spread if first else s.decay * self._scale + (1 - s.decay) * spread
        known = (rewards - self._baseline) / self._scale
        missed = (outside[1] - 1) * abs(self._baseline) / self._scale
        advantage = torch.tensor(np.clip(np.r_[known, missed], -3, 3), dtype=torch.float32)
        weight = torch.ones(len(advantage)) / len(codes)
        every = torch.from_numpy(np.vstack([codes, outside[0]]))
        with torch.no_grad():
            old, _ = self._logs(every)
        for _ in range(s.epochs):
            logs, entropy = self._logs(every)
            ratio = (logs - old).exp()
            clipped = ratio.clamp(1 - s.clip, 1 + s.clip)
            gain = (torch.minimum(ratio * advantage, clipped * advantage) * weight).sum()
            loss = -gain - s.entropy * entropy
            self._adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._all, 1.0)
            self._adam.step()
