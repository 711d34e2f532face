"""What runs networks to be timed: a setting, and one runtime for each name."""

import importlib
import os
import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from nas.memory import keep_freed_memory
from results.runs.made import now, versions
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError, meant

PLACES = ("cpu", "cuda")
DTYPES = {"float32": 4, "float16": 2, "bfloat16": 2}  # bytes of a number
# A runtime is one module and one line here.
RUNTIMES = {"torch": "nas.devices.on_torch:Torch", "onnxruntime": "nas.devices.on_onnx:OnnxRuntime"}


class Run(NamedTuple):
    """A timed run.

    Attributes:
        seconds: By the clock.
        quiet: No other program took the processor from it.
        own: Seconds of the processor that it used, where one thread ran; else equal to `seconds`.
    """

    seconds: float
    quiet: bool
    own: float


@dataclass(frozen=True)
class Setting:
    """How networks run.

    Attributes:
        runtime: A name of RUNTIMES.
        on: A name of PLACES.
        threads: Of the processor, at most its cores.
        batch: Images at once.
        dtype: A name of DTYPES.

    Raises:
        UserError: A name is unknown, or a number below 1 or above the cores.
    """

    runtime: str = "torch"
    on: str = "cpu"
    threads: int = 1
    batch: int = 1
    dtype: str = "float32"

    def __post_init__(self) -> None:
        named = (("runtime", RUNTIMES), ("on", PLACES), ("dtype", DTYPES))
        for name, known in named:
            if getattr(self, name) not in known:
                given = getattr(self, name)
                raise UserError(
                    f"--{name} is {given!r}{meant(given, known)}: expected one of "
                    f"{', '.join(known)}"
                )
        for name in ("threads", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} is {getattr(self, name)}: expected 1 or more")
        cores = os.cpu_count() or self.threads
        if self.threads > cores:
            raise UserError(
                f"--threads is {self.threads}: expected at most {cores}, the cores of this machine"
            )


class Runtime(Protocol):
    """Makes networks ready to run on random images.

    Args:
        setting: How they run.

    Raises:
        UserError: It is not installed, or can't run the setting.
    """

    def __init__(self, setting: Setting) -> None: ...

    def whole(self, architecture: Architecture) -> Callable[[], Run]:
        """A function that runs one batch through the network."""

    def chain(self, architecture: Architecture) -> Callable[[], list[Run]]:
        """A function that runs one batch through it block by block, and times each block."""

    def peak_bytes(self, architecture: Architecture) -> int | None:
        """Weights, input and the most that was allocated besides; None if it can't be told."""

    def machine(self) -> str:
        """The processor's name."""


def start(setting: Setting) -> Runtime:
    """The setting's runtime, ready for networks.

    Raises:
        UserError: It is not installed, or can't run this setting.
    """
    module, _, name = RUNTIMES[setting.runtime].partition(":")
    keep_freed_memory()
    made: Runtime = getattr(importlib.import_module(module), name)(setting)
    return made


def stamp(setting: Setting, runtime: Runtime) -> dict[str, Any]:
    """Where, when and with what a measurement was made."""
    return {
        "machine": runtime.machine(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        **asdict(setting),
        "versions": versions(),
        "date": now(),
    }


def by_clock(steps: Sequence[Callable[[Any], Any]], x: Any, single: bool) -> list[Run]:
    """Runs x through the steps one after the other.

    Args:
        steps: Each takes what the one before gave.
        x: The first step's input.
        single: Whether only one thread works, so that its own time can be told.

    Returns:
        The run of each step.
    """
    runs, clock = list[Run](), time.perf_counter
    own = time.thread_time if single else clock
    taken, mine, begun = preemptions(), own(), clock()
    for step in steps:
        x = step(x)
        ended, used, now_taken = clock(), own(), preemptions()
        runs.append(Run(ended - begun, now_taken == taken, used - mine))
        taken, mine, begun = now_taken, own(), clock()
    return runs


def preemptions() -> int:
    """How often another program took the processor from this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def processor() -> str:
    """The CPU's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(names)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
