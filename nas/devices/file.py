"""A device file: times of blocks on a device, and what whole networks take by it.

A network takes `offset_ms + factor * (the sum of its blocks' times)`. The format is described in
docs/devices.md; files can be made elsewhere. `nas profile` writes them.
"""

import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.devices.blocks import blocks_in, end_keys, parse, stage_keys
from nas.devices.estimate import Estimate, fit_estimate, of_other_classes
from results.runs.files import read_json
from search_spaces.architecture import Architecture, Stage
from search_spaces.errors import OutOfDomain, UserError
from search_spaces.layers import Ends, ends_of, stage_inputs
from search_spaces.rounding import Size
from search_spaces.space import Space

FORMAT = 1
Floats = NDArray[np.float64]


class Times(NamedTuple):
    """The times of a block in ms, for a batch.

    Attributes:
        p50: The median.
        p90: The 90th percentile, nan if unknown.
        runs: Timed runs, 0 if unknown.
    """

    p50: float
    p90: float = math.nan
    runs: int = 0


@dataclass(frozen=True)
class ProfiledDevice:
    """Times of blocks on a device, and the whole networks that they predict.

    Attributes:
        name: What it is called.
        batch: Images in a batch.
        stamp: Where and how it was measured.
        check: The error on networks that were not fitted: `median_error` (relative), `tau`
            (Kendall's), `networks`; None where nobody checked.
        blocks: Times by key (`nas/devices/blocks.py`); None: not measured.
        offset_ms: Added to the sum of blocks to make a network's time.
        factor: What that sum is multiplied by.
        spread: One standard deviation of a network's relative error, besides that of estimated
            blocks; nan if unknown.
    """

    name: str
    batch: int = 1
    stamp: dict[str, Any] = field(default_factory=dict)
    check: dict[str, Any] | None = None
    blocks: Mapping[str, Times | None] = field(default_factory=dict, repr=False)
    offset_ms: float = 0.0
    factor: float = 1.0
    spread: float = math.nan

    @functools.cached_property
    def measured(self) -> dict[str, float]:
        """p50 in ms of the measured blocks by key."""
        return {key: times.p50 for key, times in self.blocks.items() if times is not None}

    @functools.cached_property
    def estimate(self) -> Estimate | None:
        """The model of blocks that were not measured; None where too few were."""
        return fit_estimate(self.measured)

    @functools.cached_property
    def _block(self) -> Callable[[str], tuple[float, float]]:
        """A function key -> (ms, spread in ms) of a block, remembered: measured, else estimated."""
        known = {key: (ms, 0.0) for key, ms in self.measured.items()}

        def look_up(key: str) -> tuple[float, float]:
            if key not in known:
                estimated = of_other_classes(self.measured, key)
                if estimated is None and self.estimate is not None:
                    estimated = self.estimate(key)
                if estimated is None:
                    raise OutOfDomain(
                        f"the device {self.name!r} does not cover this network: its block "
                        f"{key!r} was neither measured nor is it like the measured ones; search "
                        "with the --space, --pixels and --channels that were profiled, or profile "
                        "those of the search, perhaps for more --minutes, or fill in its time"
                    )
                known[key] = estimated
            return known[key]

        return look_up

    def _sum(self, keys: Iterable[str]) -> tuple[float, float]:
        """Sums of times and of spreads: those of one stage's estimates err together."""
        blocks = [self._block(key) for key in keys]
        return sum(ms for ms, _ in blocks), sum(sd for _, sd in blocks)

    @functools.cached_property
    def _stage(self) -> Callable[[Stage, int, Size, str], tuple[float, float]]:
        """A function (stage, channels, size, activation) -> (ms, spread in ms), cached."""

        @functools.lru_cache(maxsize=1 << 17)
        def stage_sum(stage: Stage, c_in: int, size: Size, act: str) -> tuple[float, float]:
            return self._sum(stage_keys(stage, c_in, size, act))

        return stage_sum

    @functools.cached_property
    def _ends(self) -> Callable[[Ends], tuple[float, float]]:
        """A function ends -> (ms, spread in ms) of stem and head, cached."""

        @functools.lru_cache(maxsize=1 << 12)
        def ends_sum(ends: Ends) -> tuple[float, float]:
            return self._sum(end_keys(ends))

        return ends_sum

    def sum_of_blocks(self, architecture: Architecture) -> tuple[float, float]:
        """Adds up the blocks of a network.

        Returns:
            Their ms, and one standard deviation in ms of those that are estimated.

        Raises:
            OutOfDomain: A block was not measured and can't be estimated.
        """
        a, total, variance = architecture, 0.0, 0.0
        for row in stage_inputs(a):
            ms, spread = self._stage(*row, a.activation)
            total, variance = total + ms, variance + spread**2
        ms, spread = self._ends(ends_of(a))
        return total + ms, math.sqrt(variance + spread**2)

    def predict_one(self, architecture: Architecture) -> tuple[float, float]:
        """Predicts a network's time.

        Returns:
            The ms of a batch, and one standard deviation in ms, nan if unknown.

        Raises:
            OutOfDomain: A block is not covered, or offset and factor make no time above 0 of them.
        """
        blocks, estimates = self.sum_of_blocks(architecture)
        ms = self.offset_ms + self.factor * blocks
        if not 0 < ms < math.inf:
            wrong = "too negative" if ms <= 0 else "too large, or whole.factor is"
            raise OutOfDomain(
                f"the device {self.name!r} predicts {ms:.4g} ms for a network whose blocks take "
                f"{blocks:.4g} ms, so whole.offset_ms of its file ({self.offset_ms:g}) is {wrong}: "
                "set it to 0, or fit whole to networks that were timed"
            )
        return ms, math.hypot(self.spread * ms, self.factor * estimates)

    def predict(self, architectures: Iterable[Architecture]) -> tuple[Floats, Floats]:
        """Predicts the time of many networks, as `predict_one` does.

        Returns:
            (n,) ms, and (n,) standard deviations.

        Raises:
            OutOfDomain: A network is not covered.
        """
        predictions = [self.predict_one(architecture) for architecture in architectures]
        pairs = np.array(predictions, dtype=float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def covers(self, space: Space) -> float:
        """The share of a space's blocks that were measured, 0 to 1."""
        keys = blocks_in(space)
        return sum(key in self.measured for key in keys) / len(keys)


def to_text(device: ProfiledDevice) -> str:
    """The device file's text: JSON, a line for each block."""
    head = {
        "format": FORMAT,
        "name": device.name,
        "batch": device.batch,
        "stamp": device.stamp,
        "check": device.check,
        "whole": {
            "offset_ms": device.offset_ms,
            "factor": device.factor,
            "spread": None if math.isnan(device.spread) else device.spread,
        },
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    rows = [f"  {json.dumps(key)}: {_times_text(times)}" for key, times in device.blocks.items()]
    return "\n".join(["{", *lines, ' "blocks": {', ",\n".join(rows), " }", "}"]) + "\n"


def _times_text(times: Times | None) -> str:
    if times is None:
        return "null"
    if math.isnan(times.p90):
        return json.dumps(times.p50)
    return json.dumps(times._asdict())


def read(path: Path | str) -> ProfiledDevice:
    """Reads a device file.

    Raises:
        UserError: It can't be read or used; the message names the file and the fault.
    """
    path = Path(path)
    content = read_json(path)
    try:
        return from_json(content, path.stem)
    except UserError as error:
        raise UserError(f"the device file {path}: {error}") from None


def _number(what: str, value: Any, low: float, expected: str) -> float:
    ok = isinstance(value, int | float) and not isinstance(value, bool)
    if not ok or not low < value < math.inf:
        raise UserError(f"{what} is {value!r}: expected {expected}")
    return float(value)


def _times(key: str, value: Any) -> Times | None:
    if value is None:
        return None
    parse(key)
    milliseconds = "milliseconds above 0, or null where it was not measured"
    if not isinstance(value, dict):
        return Times(_number(f"the block {key!r}", value, 0.0, milliseconds))
    p50 = _number(f"p50 of the block {key!r}", value.get("p50"), 0.0, milliseconds)
    p90, runs = value.get("p90"), value.get("runs", 0)
    if p90 is not None:
        p90 = _number(f"p90 of the block {key!r}", p90, 0.0, milliseconds)
    return Times(p50, math.nan if p90 is None else p90, runs if type(runs) is int else 0)


def _object(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    if value is not None and not isinstance(value, dict):
        raise UserError(f"{name!r} is {value!r}: expected an object")
    return value or {}


def _check(check: dict[str, Any]) -> dict[str, Any] | None:
    if not check:
        return None
    for name in ("tau", "median_error", "networks"):
        _number(f"check.{name}", check.get(name), -1.0001, "a number")
    return check if check["networks"] > 0 else None


def from_json(content: Any, stem: str) -> ProfiledDevice:
    """The device of a file's JSON.

    Args:
        content: What the file holds.
        stem: The device's name if the file gives none.

    Raises:
        UserError: It is no device file, or a value in it is out of range.
    """
    if not isinstance(content, dict) or not isinstance(content.get("blocks"), dict):
        raise UserError(
            "there is no object 'blocks': expected a file of `nas profile`, or a filled in "
            "`nas profile --template`"
        )
    if content.get("format", FORMAT) != FORMAT:
        raise UserError(
            f"it has format {content['format']!r}, this version reads format {FORMAT}: use the "
            "version of compound-nas that wrote it"
        )
    batch, whole = content.get("batch", 1), _object(content, "whole")
    if type(batch) is not int or batch < 1:
        raise UserError(f"'batch' is {batch!r}: expected a whole number of 1 or more")
    blocks = {key: _times(key, value) for key, value in content["blocks"].items()}
    if not any(blocks.values()):
        raise UserError("no block has a time: fill in milliseconds where it says null")
    spread = whole.get("spread")
    return ProfiledDevice(
        str(content.get("name") or stem),
        batch,
        _object(content, "stamp"),
        _check(_object(content, "check")),
        blocks,
        _number("whole.offset_ms", whole.get("offset_ms", 0.0), -math.inf, "milliseconds"),
        _number("whole.factor", whole.get("factor", 1.0), 0.0, "a number above 0"),
        math.nan if spread is None else _number("whole.spread", spread, -1e-12, "a share"),
    )
