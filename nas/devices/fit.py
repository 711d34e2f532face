"""From sums of blocks to whole networks: offset, factor, spread, and the error on others."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import least_squares
from scipy.stats import kendalltau

from nas.devices.file import ProfiledDevice
from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain

SEVERAL = 8  # calibration networks, for an offset besides the factor
OUTLIER = 0.02  # relative error beyond which a network counts less
SIGMA = 1.4826  # of a normal distribution / its median absolute deviation


def _sums(
    device: ProfiledDevice, times: Mapping[Architecture, float]
) -> list[tuple[float, float, float]]:
    """(sum of blocks, its spread, measured) in ms of the networks that the device covers."""
    rows = []
    for one, ms in times.items():
        try:
            rows.append((*device.sum_of_blocks(one), ms))
        except OutOfDomain:
            continue
    return rows


def fitted(device: ProfiledDevice, times: Mapping[Architecture, float]) -> ProfiledDevice:
    """The device with offset_ms, factor and spread of whole networks' times in ms.

    The offset is not negative, so that a small network's prediction stays above 0.
    """
    rows = np.array(_sums(device, times), dtype=float).reshape(-1, 3)
    if not len(rows):
        return device
    sums, estimates, measured = rows.T
    offset, factor = 0.0, float(np.median(measured / sums))
    if len(rows) >= SEVERAL:
        found = least_squares(
            lambda x: (x[0] + x[1] * sums) / measured - 1,
            (1e-3 * measured.min(), factor),
            bounds=((0.0, 1e-6), (math.inf, math.inf)),
            loss="soft_l1",
            f_scale=OUTLIER,
        )
        offset, factor = map(float, found.x)
    errors = (offset + factor * sums) / measured - 1
    freedom = len(rows) / max(1, len(rows) - (2 if len(rows) >= SEVERAL else 1))
    variance = freedom * (SIGMA * float(np.median(np.abs(errors)))) ** 2
    explained = float(np.median((factor * estimates / measured) ** 2))
    spread = math.sqrt(max(variance - explained, 0.0))
    offset, factor, spread = (float(f"{value:.5g}") for value in (offset, factor, spread))
    return dataclasses.replace(device, offset_ms=offset, factor=factor, spread=spread)


def check_of(device: ProfiledDevice, times: Mapping[Architecture, float]) -> dict[str, Any] | None:
    """The errors on networks whose times in ms nothing was fitted to; None where the device
    covers fewer than two of them, which tell nothing.

    median_error, p90_error: of the relative error.   tau: Kendall's, of prediction and time.
    within_1_spread: the share within one.   not_covered: networks that have no prediction.
    estimates: the median error of the model of blocks on measured ones, each left out in turn.
    """
    rows = _sums(device, times)
    if len(rows) < 2:
        return None
    sums, estimates, measured = np.array(rows).T
    predicted = device.offset_ms + device.factor * sums
    spreads = np.hypot(device.spread * predicted, device.factor * estimates)
    errors = np.abs(predicted / measured - 1)
    model = device.estimate
    numbers = {
        "median_error": np.median(errors),
        "p90_error": np.percentile(errors, 90),
        "tau": kendalltau(predicted, measured).statistic,
        "within_1_spread": np.mean(np.abs(predicted - measured) <= spreads),
        **({"estimates": model.median_error} if model is not None else {}),
    }
    found = {"networks": len(rows), "not_covered": len(times) - len(rows)}
    return {name: round(float(value), 4) for name, value in numbers.items()} | found
