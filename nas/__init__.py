"""How to search: objective, strategies, evaluators, executors, and the `nas` command.

Light to import: optuna, numpy and torch load when what needs them is used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "Evaluator": "nas.evaluators",
    "LocalExecutor": "nas.workers.executor",
    "Limit": "nas.objective",
    "Measurement": "nas.evaluators",
    "Objective": "nas.objective",
    "Plan": "nas.search.plan",
    "Search": "nas.search.ask",
    "Surrogate": "nas.imagenet.model",
    "device": "nas.devices.registry",
    "drive": "nas.search.drive",
    "evaluator": "nas.evaluators",
    "find": "nas.search.run",
    "strategy": "nas.strategies.registry",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
