"""How to search: objective, strategies, evaluators, executors, and the `nas` command.

Light to import: optuna, numpy and torch load when what needs them is used.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "Evaluator": "nas.evaluators",
    "LocalExecutor": "nas.executors",
    "Limit": "nas.objective",
    "Measurement": "nas.evaluators",
    "Objective": "nas.objective",
    "Plan": "nas.plan",
    "Search": "nas.search",
    "Surrogate": "nas.surrogate",
    "device": "nas.devices",
    "drive": "nas.drive",
    "evaluator": "nas.evaluators",
    "find": "nas.run",
    "strategy": "nas.strategies",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
