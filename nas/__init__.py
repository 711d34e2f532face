"""How to search: objective, strategies, evaluators, executors, and the `nas` command.

Light to import: optuna, numpy and torch load when what needs them is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.namesakes import check_namesakes

if TYPE_CHECKING:  # what editors and type checkers see; at run time a name loads when it is used
    from nas.api import export as export
    from nas.api import find as find
    from nas.api import profile as profile
    from nas.api import train as train
    from nas.devices.registry import device as device
    from nas.evaluators import Evaluator as Evaluator
    from nas.evaluators import Measurement as Measurement
    from nas.evaluators import evaluator as evaluator
    from nas.imagenet.model import Surrogate as Surrogate
    from nas.imagenet.predict import predict as predict
    from nas.objective import Limit as Limit
    from nas.objective import Objective as Objective
    from nas.search.ask import Search as Search
    from nas.search.drive import drive as drive
    from nas.search.plan import Plan as Plan
    from nas.strategies.registry import strategy as strategy
    from nas.workers.executor import LocalExecutor as LocalExecutor

_HOME = {
    "Evaluator": "nas.evaluators",
    "Limit": "nas.objective",
    "LocalExecutor": "nas.workers.executor",
    "Measurement": "nas.evaluators",
    "Objective": "nas.objective",
    "Plan": "nas.search.plan",
    "Search": "nas.search.ask",
    "Surrogate": "nas.imagenet.model",
    "device": "nas.devices.registry",
    "drive": "nas.search.drive",
    "evaluator": "nas.evaluators",
    "export": "nas.api",
    "find": "nas.api",
    "predict": "nas.imagenet.predict",
    "profile": "nas.api",
    "strategy": "nas.strategies.registry",
    "train": "nas.api",
}
__all__ = [*_HOME, "report"]  # report is a package that can be called, as a function of nas.api

check_namesakes(__file__, ("search_spaces", "results"))


def __getattr__(name: str) -> Any:
    if name == "report":
        return import_module("nas.report")
    if name not in _HOME:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
