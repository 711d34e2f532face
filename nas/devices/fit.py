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

SEVERAL = 8  # calibration networks from which an offset is fitted besides the factor
OUTLIER = 0.02  # relative error beyond which a network counts less
SIGMA = 1.4826  # a normal distribution's standard deviation / its median absolute deviation


def _sums(
    device: ProfiledDevice, times: Mapping[Architecture, float]
) -> list[tuple[float, float, float]]:
    """The (sum of blocks, its spread, measured) in ms of the networks that the device covers."""
    rows = []
    for architecture, ms in times.items():
        try:
            rows.append((*device.sum_of_blocks(architecture), ms))
        except OutOfDomain:
            continue
    return rows


def fitted(device: ProfiledDevice, times: Mapping[Architecture, float]) -> ProfiledDevice:
    """Fits offset, factor and spread to whole networks.

    The offset is not negative, so that a small network's prediction stays above 0.

    Args:
        device: Its blocks are measured.
        times: Measured ms of networks; those that the device does not cover are left out.

    Returns:
        The device with offset_ms, factor and spread; unchanged where it covers no network.
    """
    rows = np.array(_sums(device, times), dtype=float).reshape(-1, 3)
    if not len(rows):
        return device
    sums, estimates, measured = rows.T
    offset, factor = 0.0, float(np.median(measured / sums))
    if len(rows) >= SEVERAL:
        solution = least_squares(
            lambda x: (x[0] + x[1] * sums) / measured - 1,
            (1e-3 * measured.min(), factor),
            bounds=((0.0, 1e-6), (math.inf, math.inf)),
            loss="soft_l1",
            f_scale=OUTLIER,
        )
        offset, factor = map(float, solution.x)
    errors = (offset + factor * sums) / measured - 1
    freedom = len(rows) / max(1, len(rows) - (2 if len(rows) >= SEVERAL else 1))
    variance = freedom * (SIGMA * float(np.median(np.abs(errors)))) ** 2
    explained = float(np.median((factor * estimates / measured) ** 2))
    spread = math.sqrt(max(variance - explained, 0.0))
    offset, factor, spread = (float(f"{value:.5g}") for value in (offset, factor, spread))
    return dataclasses.replace(device, offset_ms=offset, factor=factor, spread=spread)


def check_of(device: ProfiledDevice, times: Mapping[Architecture, float]) -> dict[str, Any] | None:
    """The errors on networks that nothing was fitted to.

    Args:
        device: A fitted device.
        times: Measured ms of the networks.

    Returns:
        `networks` that count, those `not_covered`, `median_error` and `p90_error` of the relative
        error, Kendall's `tau` of prediction and time, the share `within_1_spread`, and
        `estimates`: the median error of the model of blocks on measured ones, each left out in
        turn. None where the device covers fewer than two networks, which tell nothing.
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
    counts = {"networks": len(rows), "not_covered": len(times) - len(rows)}
    return {name: round(float(value), 4) for name, value in numbers.items()} | counts
