"""How a plan's networks are evaluated and where its run is kept: what every plan shares."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from nas.training.folders import real_place
from nas.training.proxy import Proxy
from nas.workers.executor import Resources, check_executor
from results.runs.folder import masked
from search_spaces.errors import UserError, check_is, check_place, check_positive, take_numbers

_IN_MEMORY = re.compile(r"sqlite(\+\w+)?:(/{0,3}|/{0,3}:memory:.*|.*[?&]mode=memory.*)$")


def rungs(largest: float, eta: int, smallest: float = 1.0) -> tuple[float, ...]:
    """Budgets from at least `smallest` to `largest`, each eta times the one before.

    Raises:
        UserError: Not eta >= 2 and 0 < smallest <= largest.
    """
    if eta < 2 or not 0 < smallest <= largest:
        raise UserError(
            f"eta is {eta}, smallest {smallest:g} and budget {largest:g}: expected an eta of 2 or "
            "more, and a smallest above 0, up to the budget"
        )
    budgets = [largest]
    while budgets[-1] / eta >= smallest:
        budgets.append(budgets[-1] / eta)
    return tuple(reversed(budgets))


@dataclass(frozen=True, kw_only=True)
class Execution:
    """The half of a plan that search and grid share.

    Attributes:
        budget: Of each evaluation, in the evaluator's unit (epochs for training).
        proxy: Trains the networks, instead of the evaluator.
        eta: Successive halving by this factor; 0 for none.
        smallest: The budget that halving begins with.
        executor: Who evaluates, by name.
        resources: With how much.
        name: Of the run, None for one made of what differs from the defaults.
        runs: The folder of runs.
        storage: URL of an Optuna storage, None for the run's own journal.
        command: What the user typed, for files; passwords of URLs are masked.

    Raises:
        UserError: A field can't be.
    """

    budget: float = 1.0
    proxy: Proxy | None = None
    eta: int = 0
    smallest: float = 1.0
    executor: str = "local"
    resources: Resources = field(default_factory=Resources)
    name: str | None = None
    runs: Path = Path("runs")
    storage: str | None = field(default=None, repr=False)  # may hold a password
    command: str = ""

    def __post_init__(self) -> None:
        take_numbers(self)
        check_is("name", self.name, (str, type(None)), "a text")
        check_place("runs", self.runs, "a folder")
        check_is("storage", self.storage, (str, type(None)), "a URL, as sqlite:///trials.db")
        check_is("command", self.command, str, "a text")
        check_is("executor", self.executor, str, "a name, as local")
        check_is("resources", self.resources, Resources, "nas.workers.executor.Resources")
        check_is("proxy", self.proxy, (Proxy, type(None)), "nas.training.proxy.Proxy, or data=DIR")
        check_executor(self.executor, self.resources)
        check_positive("budget", self.budget)
        if self.eta:
            rungs(self.budget, self.eta, self.smallest)
        if self.storage is not None and "://" not in self.storage:
            raise UserError(
                f"the storage is {self.storage!r}: expected a URL, as sqlite:///trials.db; "
                "without one the run keeps a journal of its own"
            )
        if self.storage is not None and _IN_MEMORY.match(self.storage):
            raise UserError(
                f"the storage {masked(self.storage)} is kept in memory and gone with the process: "
                "expected a file, as sqlite:///trials.db, or leave --storage out"
            )
        object.__setattr__(self, "runs", Path(self.runs))
        object.__setattr__(self, "command", masked(self.command))

    @property
    def budgets(self) -> tuple[float, ...]:
        """The rungs of halving, or the one budget."""
        return rungs(self.budget, self.eta, self.smallest) if self.eta else (self.budget,)

    @property
    def trained(self) -> list[str]:
        """What a run's name says of the training; nothing where none is done."""
        if self.proxy is None:
            return []
        parts = [real_place(self.proxy.data).name, f"{self.budget:g}epochs"]
        parts += [f"halving{self.eta}"] if self.eta else []
        parts += [f"subset{self.proxy.subset:g}"] if self.proxy.subset != 1 else []
        return parts
