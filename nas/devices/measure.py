"""Latency, throughput and peak memory of one network, really measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.devices.file import ProfiledDevice
from nas.devices.runtime import DTYPES, Run, Setting, start
from search_spaces.architecture import Architecture
from search_spaces.cost import BYTES, cost
from search_spaces.errors import UserError

WARM = 3  # untimed runs before the first timed one
FEWEST = 20  # timed runs, whatever the time
QUIET = 0.25  # share of undisturbed runs from which on the disturbed ones are left out

Show = Callable[[float, str], None]  # told the seconds that passed, and what goes on


def silent(passed: float, text: str) -> None:
    """A Show that says nothing."""


@dataclass(frozen=True)
class Timing:
    """What running a network showed.

    Attributes:
        p50_ms: Median of a batch.
        p90_ms: 90th percentile of a batch.
        images_per_s: At the median.
        runs: That were timed.
        disturbed: The share of them in which another program took the processor.
        peak_bytes: Weights, input and what was allocated besides; None if the runtime can't tell.
        analytic_bytes: The count of `Cost.memory` at this batch and dtype.
    """

    p50_ms: float
    p90_ms: float
    images_per_s: float
    runs: int
    disturbed: float
    peak_bytes: int | None
    analytic_bytes: int


def quiet_ones(runs: Sequence[Run]) -> list[float]:
    """The seconds of the undisturbed runs; where they are too few, `own` of the lower half."""
    quiet = [run.seconds for run in runs if run.quiet]
    if len(quiet) >= QUIET * len(runs):
        return quiet
    return sorted(run.own for run in runs)[: -(-len(runs) // 2)]


def sample(run: Callable[[], Run], seconds: float, show: Show = silent) -> list[Run]:
    """Runs and times again and again, after WARM untimed runs.

    Args:
        run: Runs once.
        seconds: For about how long; FEWEST runs are made in any case.
        show: Is told how it goes.
    """
    for _ in range(WARM):
        run()
    begun, passed, runs = time.perf_counter(), 0.0, list[Run]()
    while len(runs) < FEWEST or passed < seconds:
        runs.append(run())
        passed = time.perf_counter() - begun
        show(passed, "running it")
    return runs


def analytic_bytes(architecture: Architecture, setting: Setting) -> int:
    """Weights and the largest set of live activations at the setting's batch and dtype."""
    costs = cost(architecture)
    float32 = costs.memory + (setting.batch - 1) * costs.activation_memory
    return float32 * DTYPES[setting.dtype] // BYTES


def measure(
    architecture: Architecture, setting: Setting, seconds: float = 3.0, show: Show = silent
) -> Timing:
    """Times the deployed network on this machine.

    Args:
        architecture: The network; its weights are random.
        setting: How it runs.
        seconds: For about how long.
        show: Is told how it goes.

    Raises:
        UserError: The runtime is not installed, or can't run this setting.
    """
    show(0.0, "building the network")
    runtime = start(setting)
    runs = sample(runtime.whole(architecture), seconds, show)
    show(seconds, "measuring its memory")
    kept = quiet_ones(runs)
    p50, p90 = (float(kept_seconds) for kept_seconds in np.percentile(kept, (50, 90)))
    disturbed = sum(not run.quiet for run in runs) / len(runs)
    peak = runtime.peak_bytes(architecture)
    analytic = analytic_bytes(architecture, setting)
    return Timing(1e3 * p50, 1e3 * p90, setting.batch / p50, len(runs), disturbed, peak, analytic)


def check_batch(device: ProfiledDevice, setting: Setting, path: Any) -> None:
    """Refuses a device file that was not measured with the setting's batch.

    Raises:
        UserError: Names both batches.
    """
    if device.batch != setting.batch:
        raise UserError(
            f"{path} predicts batches of {device.batch}, this measures --batch {setting.batch}: "
            f"expected --batch {device.batch}"
        )
