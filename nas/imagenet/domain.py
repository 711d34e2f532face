"""What a surrogate covers: choices on a fixed MBConv skeleton, and a network's numbers there."""

import functools
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.architecture import Architecture, Stage
from search_spaces.cost import cost, stage_cost
from search_spaces.errors import OutOfDomain
from search_spaces.layers import stage_inputs

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """The networks that a table covers: a fixed skeleton, and choices in each stage.

    Attributes:
        channels: As in `Stage`, by stage.
        strides: As in `Stage`, by stage.
        choices: For each stage the values of e (expand), k (kernel), l (repeats) and se of the
            table.
        stem, head, resolution, classes: As in `Architecture`.
        se_ratio: The ratio that a table means by `se` 1; other values of `se` are ratios
            themselves.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    choices: tuple[tuple[tuple[float, ...], ...], ...]
    stem: int = 32
    head: int = 1280
    resolution: int = 224
    classes: int = 1000
    se_ratio: float = 0.25

    def stage(self, i: int, code: Sequence[float]) -> Stage:
        """Stage `i` (from 0) with the choices (e, k, l, se)."""
        e, k, l, se = code  # noqa: E741
        ratio = self.se_ratio if se == 1 else se
        return Stage(
            "mbconv", self.channels[i], int(l), int(k), self.strides[i], int(e), float(ratio)
        )

    def architecture(self, code: Iterable[Sequence[float]]) -> Architecture:
        """The network of the choices (e, k, l, se) of every stage."""
        return Architecture(
            tuple(self.stage(i, one) for i, one in enumerate(code)),
            stem=self.stem,
            head=self.head,
            resolution=self.resolution,
            classes=self.classes,
        )

    @functools.cached_property
    def codes(self) -> tuple[tuple[tuple[float, ...], ...], ...]:
        """For each stage every combination (e, k, l, se); a row holds positions in these."""
        return tuple(tuple(itertools.product(*stage)) for stage in self.choices)

    @functools.cached_property
    def _positions(self) -> tuple[dict[Stage, int], ...]:
        return tuple(
            {self.stage(i, code): n for n, code in enumerate(codes)}
            for i, codes in enumerate(self.codes)
        )

    @functools.cached_property
    def _fixed(self) -> Any:
        return _frame(self.architecture(codes[0] for codes in self.codes))

    def row(self, architecture: Architecture) -> list[int]:
        """The position of each stage in `codes`.

        Raises:
            OutOfDomain: The table does not cover the network.
        """
        row = self._row(architecture)
        if row is not None:
            return row
        raise OutOfDomain(
            f"the surrogate does not cover this network, since {self.fault(architecture)}: it "
            f"covers {self.covered()}; for other networks name your own evaluator with "
            "`--evaluator module:function`, or fit your own table with "
            "`python -m nas.imagenet.fit`"
        )

    def _row(self, architecture: Architecture) -> list[int] | None:
        stages = architecture.stages
        if len(stages) == len(self.channels) and _frame(architecture) == self._fixed:
            row = [at.get(stage, -1) for at, stage in zip(self._positions, stages, strict=True)]
            if -1 not in row:
                return row
        return None

    def fault(self, architecture: Architecture) -> str | None:
        """What is outside, in words; None for a network that is covered."""
        if self._row(architecture) is not None:
            return None
        for name, ours, its in zip(FRAME.values(), self._fixed, _frame(architecture), strict=True):
            if ours != its:
                return f"its {name} is {its} and not {ours}"
        if len(architecture.stages) != len(self.channels):
            return f"it has {len(architecture.stages)} stages and not {len(self.channels)}"
        for i, stage in enumerate(architecture.stages):
            want = self.stage(i, self.codes[i][0])
            for name in KEPT:
                if getattr(stage, name) != getattr(want, name):
                    return (
                        f"stage {i + 1} has {name} {getattr(stage, name)} "
                        f"and not {getattr(want, name)}"
                    )
            covered = [self.stage(i, code) for code in self.codes[i]]
            for name in ("expand", "kernel", "repeats", "se"):
                values = sorted({getattr(one, name) for one in covered})
                if getattr(stage, name) not in values:
                    listed = ", ".join(f"{value:g}" for value in values)
                    return f"stage {i + 1} has {name} {getattr(stage, name):g} and not {listed}"
        raise AssertionError("the architecture is covered")

    def covered(self) -> str:
        """The domain in words."""

        def values(at: int) -> str:
            return " or ".join(
                dict.fromkeys(", ".join(f"{v:g}" for v in stage[at]) for stage in self.choices)
            )

        return (
            f"{len(self.channels)} mbconv stages of channels {', '.join(map(str, self.channels))} "
            f"and strides {', '.join(map(str, self.strides))}, with expand {values(0)}, kernel "
            f"{values(1)}, repeats {values(2)} and SE 0 or {self.se_ratio:g} of the block's input, "
            f"stem {self.stem}, head {self.head}, {self.resolution} px, {self.classes} classes, "
            "swish and identity skips"
        )


FRAME = {
    "stem": "stem",
    "head": "head",
    "resolution": "resolution",
    "classes": "number of classes",
    "activation": "activation",
    "stem_kernel": "stem kernel",
    "stem_stride": "stem stride",
    "stem_pool": "stem pooling",
    "mix": "layer after the pooling",
    "in_channels": "number of input channels",
}  # fields that the domain fixes; name, dropout and drop_connect don't matter
KEPT = (
    "op", "channels", "stride", "skip", "activation", "se_from", "se_activation", "gate",
    "keep_expansion",
)  # fields of a stage that it fixes  # fmt: skip
_frame = operator.attrgetter(*FRAME)


class Features:
    """Rows of a Domain to numbers: choices, log MACs and log parameters of stages and network."""

    def __init__(self, domain: Domain) -> None:
        self.stages: list[Floats] = []
        self.sums: list[Floats] = []
        first = domain.architecture(codes[0] for codes in domain.codes)
        whole = cost(first)
        fixed = np.array([whole.macs, whole.params, 0.0, 0.0, 0.0])
        for i, (_, c_in, size) in enumerate(stage_inputs(first)):
            table, sums = [], []
            for code in domain.codes[i]:
                stage = domain.stage(i, code)
                e, k, l, se = stage.expand, stage.kernel, stage.repeats, stage.se  # noqa: E741
                macs, params = stage_cost(stage, c_in, size)[:2]
                on = float(se > 0)
                table.append(
                    (math.log(e), e > 1, k, l, math.log(l), se, math.log(macs), math.log(params))
                )
                sums.append((macs, params, l, on, on * l))
            self.stages.append(np.array(table, float))
            self.sums.append(np.array(sums, float))
            fixed[:2] -= sums[0][:2]
        self.fixed = fixed

    def __call__(self, rows: NDArray[np.int64]) -> Floats:
        """(networks, stages) positions to (networks, features)."""
        parts = [table[rows[:, i]] for i, table in enumerate(self.stages)]
        total = self.fixed + sum(table[rows[:, i]] for i, table in enumerate(self.sums))
        macs, params, depth, se, se_depth = total.T
        whole = (np.log(macs), np.log(params), depth, np.log(depth))
        gates = (se, np.log1p(se), np.log1p(se_depth), se_depth / depth)
        return np.concatenate([*parts, np.stack(whole + gates, axis=1)], axis=1)
