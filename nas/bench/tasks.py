"""What strategies are compared on: the embedded surrogate, synthetic tables, anyone's table.

Each evaluation is as if a network was trained once: the truth and noise that is the same for the
same network and seed. Costs are known beforehand and without noise.
"""

import functools
import math
import zlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nas.objective import Objective, limits_of
from nas.strategies.codes import Codes, Floats
from nas.strategies.inner import Inner
from nas.strategies.problem import Facts, Problem, SpaceProblem
from nas.strategies.scores import factors
from search_spaces.errors import UserError
from search_spaces.space import Space, Value

DRAWN = 2000  # random networks that the reference point is made of
CHANCE = 10.0  # accuracy of a training that failed, percent


@dataclass(frozen=True)
class Task:
    """What strategies are compared on.

    Attributes:
        name: In files and titles.
        problem: What samplers may know.
        truth: Codes (n, choices) -> (n,) accuracy in percent.
        noise: Codes -> (n,) standard deviation of one training, points.
        source: What a table is made from, to tell two of one name apart; empty for other tasks.
        failing: The share of trainings that end at CHANCE.
    """

    name: str
    problem: Problem
    truth: Callable[[Codes], Floats]
    noise: Callable[[Codes], Floats]
    source: Mapping[str, Any] = field(default_factory=dict)
    failing: float = 0.0

    @property
    def objective(self) -> Objective:
        """The reward."""
        assert self.problem.objective is not None
        return self.problem.objective

    @functools.cached_property
    def inner(self) -> Inner:
        """The problem's candidates."""
        return Inner(self.problem)

    def measured(self, code: Codes, seed: int) -> float:
        """The accuracy of one training of the network (choices,), the same for the same seed."""
        rng = np.random.default_rng((zlib.crc32(code.astype(np.int64).tobytes()), seed))
        measured = self.truth(code[None])[0] + self.noise(code[None])[0] * rng.standard_normal()
        return CHANCE if rng.random() < self.failing else float(measured)

    @functools.cached_property
    def reference(self) -> tuple[float, float]:
        """The accuracy and cost that hypervolumes are measured from.

        A tenth of random allowed networks is less accurate; the cost is T with `hard`, else that of
        the dearest of them.
        """
        codes, facts = self.inner.random(DRAWN, np.random.RandomState(1))
        o = self.objective
        dearest = o.target if o.name == "hard" else float(facts.cost.max())
        return float(np.quantile(self.truth(codes), 0.1)), dearest

    @functools.cached_property
    def best(self) -> float:
        """The highest true reward that a long search of the truth itself finds."""

        def score(codes: Codes, facts: Facts) -> Floats:
            return self.truth(codes) * factors(self.objective, facts.cost)

        rng = np.random.RandomState(2)
        start, _ = self.inner.random(256, rng)
        best = -math.inf
        for _ in range(20):
            start = self.inner.best(score, start, rng)[:64]
            best = max(best, float(score(start[:1], self.problem.facts(start[:1]))[0]))
        return best


def surrogate_task(objective: Objective, space: Space) -> Task:
    """The embedded surrogate: its mean is the truth, its spread the noise of one training."""
    from nas.imagenet.model import embedded

    surrogate, problem = embedded(), SpaceProblem(space, objective, limits_of(objective))

    def predict(codes: Codes) -> tuple[Floats, Floats]:
        return surrogate.predict([problem.architecture(row) for row in codes])

    return Task("surrogate", problem, lambda c: predict(c)[0], lambda c: predict(c)[1])


class ListedProblem:
    """A Problem whose costs are a function of the code and not of a network.

    Args:
        choices: The options of each.
        objective: The reward; `hard` allows what costs no more than its target.
        cost: Codes (n, choices) -> (n,).
        pool: The networks that exist, where they are listed; else all combinations do.

    Raises:
        UserError: No listed network is allowed.
    """

    def __init__(
        self,
        choices: Mapping[str, Sequence[Value]],
        objective: Objective,
        cost: Callable[[Codes], Floats],
        pool: Codes | None = None,
    ) -> None:
        self.choices, self.objective, self._cost, self.pool = choices, objective, cost, pool
        if pool is not None:
            self.pool = pool[self.facts(pool).allowed]
            if not len(self.pool):
                raise UserError(
                    f"no network of the table costs {objective.target:g} or less: the cheapest "
                    f"costs {cost(pool).min():g}; give that or more with --target"
                )

    def facts(self, codes: Codes) -> Facts:
        """The facts of networks (n, choices); the only number is the logarithm of the cost."""
        amount = self._cost(codes)
        hard = self.objective.name == "hard"
        allowed = amount <= self.objective.target if hard else np.isfinite(amount)
        return Facts(np.log(np.maximum(amount, 1e-9))[:, None], amount, allowed)

    def keys(self, codes: Codes) -> list[Hashable]:
        """The bytes of each code: different codes are different networks."""
        return [row.tobytes() for row in codes]

    def anchor(self) -> Codes:
        """The cheapest network (choices,), by the cheapest option of each choice."""
        if self.pool is not None:
            return np.asarray(self.pool[self._cost(self.pool).argmin()])
        code = np.zeros(len(self.choices), np.int64)
        for at, options in enumerate(self.choices.values()):
            rows = np.repeat(code[None], len(options), 0)
            rows[:, at] = np.arange(len(options))
            code = rows[self._cost(rows).argmin()]
        return code


@dataclass(frozen=True)
class Recipe:
    """A synthetic table.

    Attributes:
        choices: How many, of 2 to 4 options each.
        rough: The share of the variance from pairs and triples of choices.
        noise: Of one training, in points, where the accuracies of random networks have a standard
            deviation of 2.5.
        seed: Of the table.
        failing: The share of trainings that end at CHANCE.
    """

    choices: int = 20
    rough: float = 0.2
    noise: float = 0.3
    seed: int = 0
    failing: float = 0.0

    @property
    def name(self) -> str:
        """The task's name, from which `recipe` reads it again."""
        failing = f",{self.failing:g}" if self.failing else ""
        return f"synthetic:{self.choices},{self.rough:g},{self.noise:g},{self.seed}{failing}"


def recipe(text: str) -> Recipe:
    """Reads a recipe from a task's name; later parts may be left out.

    Raises:
        UserError: It is no such name, or a number is out of range.
    """
    parts = [part for part in text.partition(":")[2].split(",") if part]
    try:
        numbers = [float(part) for part in parts]
        rough, noise, seed, failing = (*numbers[1:], *(0.2, 0.3, 0.0, 0.0)[len(numbers[1:]) :])
        made = Recipe(int(numbers[0]) if numbers else 20, rough, noise, int(seed), failing)
        bounds = (2 <= made.choices <= 60, 0 <= made.rough <= 1, 0 <= made.noise < math.inf)
        if not all(bounds) or made.seed < 0 or not 0 <= failing < 1:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise UserError(
            f"the task is {text!r}: expected synthetic:CHOICES,ROUGHNESS,NOISE,SEED,FAILING with 2 "
            "to 60 choices, a roughness from 0 to 1, a noise of 0 or more points and a share of "
            "trainings that fail below 1"
        ) from None
    return made


def _terms(
    main: Sequence[Floats], groups: Sequence[Codes], joint: Sequence[Floats], codes: Codes
) -> tuple[Floats, Floats]:
    """What choices add to the accuracy by themselves, and in groups: (n,) each, not scaled."""
    smooth = sum(gains[codes[:, i]] for i, gains in enumerate(main))
    rough = sum(gains[tuple(codes[:, group].T)] for group, gains in zip(groups, joint, strict=True))
    return np.asarray(smooth), np.asarray(rough)


def synthetic_task(made: Recipe, objective: str = "hard", target: float | None = None) -> Task:
    """Makes a table of choices that are dear or cheap, and accurate in part because they are dear.

    Pairs and triples of choices interact; as in a stage's MACs, costs of choices multiply.

    Args:
        made: The table's recipe.
        objective: A name of OBJECTIVES.
        target: T; None takes the median cost.
    """
    rng = np.random.default_rng((11, made.seed))
    sizes = rng.integers(2, 5, made.choices)
    choices = {f"c{i}": tuple(range(int(size))) for i, size in enumerate(sizes)}
    dear = [np.sort(rng.uniform(0.2, 1.0, size)) ** 1.5 for size in sizes]
    part = rng.integers(0, max(2, made.choices // 4), made.choices)  # the stage of each choice
    gain = rng.lognormal(0, 0.7, made.choices)
    main = [
        g * (np.sqrt(d) - np.sqrt(d).mean()) + g * rng.normal(0, 0.08, len(d))
        for g, d in zip(gain, dear, strict=True)
    ]
    groups = [rng.choice(made.choices, min(2 + (i % 3 == 2), made.choices), replace=False)
              for i in range(2 * made.choices)]  # fmt: skip
    joint = [rng.normal(0, 1, tuple(sizes[group])) for group in groups]

    def cost(codes: Codes) -> Floats:
        by_choice = np.stack([d[codes[:, i]] for i, d in enumerate(dear)], 1)
        stages = [by_choice[:, part == p].prod(1) for p in np.unique(part)]
        return np.asarray(np.stack(stages).sum(0) * 1e8)

    terms = functools.partial(_terms, main, groups, joint)
    drawn = (rng.random((4000, made.choices)) * sizes).astype(np.int64)
    scales = [float(term.std()) for term in terms(drawn)]
    share = (math.sqrt(1 - made.rough) / scales[0], math.sqrt(made.rough) / scales[1])

    def truth(codes: Codes) -> Floats:
        smooth, rough = terms(codes)
        return np.asarray(70 - 8 * np.exp(-0.31 * (smooth * share[0] + rough * share[1])))

    wanted = Objective(objective, target or float(np.median(cost(drawn))), caution=0.0)
    problem = ListedProblem(choices, wanted, cost)
    return Task(
        made.name, problem, truth, lambda codes: np.full(len(codes), made.noise),
        failing=made.failing,
    )  # fmt: skip
