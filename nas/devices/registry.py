"""Devices by name or file: what a network takes there, predicted with an error.

The named ones are the accelerators of Accel-NASBench (Ahmad et al. 2024), predicted by the
embedded surrogate; a file is what `nas profile` measured, or what was measured elsewhere.
"""

import functools
import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.architecture import Architecture
from search_spaces.errors import OutOfDomain, UserError, meant
from search_spaces.quantities import DEVICE_QUANTITIES, Predict, Quantity, on_device

if TYPE_CHECKING:
    from nas.imagenet.model import Surrogate

# A device is one line here: its columns in the surrogate are NAME_latency_ms, NAME_images_per_s.
DEVICES = {
    "a100": "NVIDIA A100 GPU",
    "rtx3090": "NVIDIA GeForce RTX 3090 GPU",
    "tpuv2": "Google Cloud TPU v2",
    "tpuv3": "Google Cloud TPU v3",
    "vck190": "AMD Xilinx Versal VCK190 (FPGA, Vitis AI)",
    "zcu102": "AMD Xilinx Zynq UltraScale+ ZCU102 (FPGA, Vitis AI)",
}
KNOWN = 1 << 17  # predictions that are remembered for each device
Arrays = tuple[Any, Any]


@dataclass(frozen=True)
class Errors:
    """How well a device predicts networks that were not fitted.

    Attributes:
        tau: Kendall's, of prediction and measurement; nan if unknown.
        median: Of the relative error.
        networks: How many were compared.
    """

    tau: float
    median: float
    networks: int


@dataclass(frozen=True)
class Device:
    """A device by what it predicts of a network.

    Attributes:
        name: What a command calls it.
        title: For people.
        quantities: By kind, `latency` and `throughput`.
        errors: By kind, where known.
        covers: In words, the networks that it predicts.
    """

    name: str
    title: str
    quantities: Mapping[str, Quantity]
    errors: Mapping[str, Errors]
    covers: str

    def quantity(self, kind: str) -> Quantity:
        """The quantity of a kind.

        Raises:
            UserError: The device has none.
        """
        if not isinstance(kind, str) or kind not in self.quantities:
            has = ", ".join(f"--target-{other}" for other in self.quantities)
            raise UserError(
                f"the device {self.name!r} has no measured {kind}: expected {has} for it, or "
                "another device (`nas devices`)"
            )
        return self.quantities[kind]


def device(spec: str | Path) -> Device:
    """Finds a device.

    Args:
        spec: A name of DEVICES, or the path of a device file.

    Raises:
        UserError: There is no such device, or its file can't be used.
    """
    if not isinstance(spec, str | Path):
        raise UserError(
            f"the device is {spec!r:.60}: expected one of {', '.join(DEVICES)}, or a file of "
            "`nas profile`"
        )
    spec = str(spec)
    if spec in DEVICES:
        return embedded_device(spec)
    if spec.endswith(".json") or "/" in spec or os.path.isfile(spec):
        return profiled_device(Path(spec))
    hint = ""
    if spec == "auto" or spec.partition(":")[0] in ("cpu", "cuda"):
        hint = "; the device that trains is given with --train-on"
    raise UserError(
        f"there is no device {spec!r}{meant(spec, DEVICES)}: expected one of "
        f"{', '.join(DEVICES)}, or a file of `nas profile`{hint}"
    )


@functools.cache
def embedded_device(name: str) -> Device:
    """An accelerator of the embedded surrogate, by a name of DEVICES."""
    from nas.imagenet.model import embedded

    surrogate = embedded()
    kinds = [
        kind
        for kind, quantity in DEVICE_QUANTITIES.items()
        if f"{name}_{quantity.column}" in surrogate.columns
    ]
    quantities = {kind: surrogate_quantity(surrogate, name, kind) for kind in kinds}
    records = {kind: surrogate.provenance["errors"][q.column] for kind, q in quantities.items()}
    errors = {
        kind: Errors(record["tau"], record["median_error"], record["networks"])
        for kind, record in records.items()
    }
    return Device(name, DEVICES[name], quantities, errors, surrogate.domain.covered())


def surrogate_quantity(surrogate: "Surrogate", name: str, kind: str) -> Quantity:
    """The quantity that a surrogate's column predicts, with its spread.

    Args:
        surrogate: Has a column of the device.
        name: Of the device.
        kind: `latency`, or `throughput`, which is kept as the seconds of an image.

    Returns:
        A quantity in seconds; it raises OutOfDomain for networks that the surrogate does not cover.
    """
    of = DEVICE_QUANTITIES[kind]
    column = f"{name}_{of.column}"

    def predict(architectures: Sequence[Architecture]) -> Arrays:
        try:
            mean, spread = surrogate.predict_device(architectures, column)
        except OutOfDomain:
            domain = surrogate.domain
            fault = next(
                why for architecture in architectures if (why := domain.fault(architecture))
            )
            raise OutOfDomain(
                f"the device {name!r} does not cover this network, since {fault}: it covers "
                f"{domain.covered()}; for other networks make a device file with `nas profile`, "
                "or set --target-flops, --target-params or --target-memory"
            ) from None
        value = 1 / mean if of.inverse else mean * of.step
        return value, value * spread / mean

    source = str(surrogate.provenance.get("sha256", ""))[:12]
    return on_device(of, name, remembering(predict), source)


def profiled_device(path: Path) -> Device:
    """The device of a device file.

    Raises:
        UserError: The file can't be read or used.
    """
    from nas.devices.file import read

    table = read(path)

    def predict(architectures: Sequence[Architecture]) -> Arrays:
        mean, spread = table.predict(architectures)
        return mean * 1e-3, spread * 1e-3

    def predict_image(architectures: Sequence[Architecture]) -> Arrays:
        mean, spread = predict(architectures)
        return mean / table.batch, spread / table.batch

    predicts = {"latency": remembering(predict), "throughput": remembering(predict_image)}
    identity = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    quantities = {
        kind: on_device(DEVICE_QUANTITIES[kind], table.name, predict_kind, identity)
        for kind, predict_kind in predicts.items()
    }
    errors = {}
    if table.check:
        checked = Errors(table.check["tau"], table.check["median_error"], table.check["networks"])
        errors = dict.fromkeys(quantities, checked)
    covers = f"networks of the blocks that {path} lists, at batch {table.batch}"
    title = ", ".join(str(table.stamp[key]) for key in ("machine", "runtime") if key in table.stamp)
    return Device(table.name, title or str(path), quantities, errors, covers)


def remembering(predict: Callable[[Sequence[Architecture]], Arrays]) -> Predict:
    """The same predictions; those of networks already seen are looked up."""
    known: dict[Architecture, tuple[float, float]] = {}

    def look_up(architectures: Sequence[Architecture]) -> Arrays:
        new = [
            architecture
            for architecture in dict.fromkeys(architectures)
            if architecture not in known
        ]
        if new:
            if len(known) + len(new) > KNOWN:
                known.clear()
                new = list(dict.fromkeys(architectures))
            values, spreads = predict(new)
            pairs = zip(map(float, values), map(float, spreads), strict=True)
            known.update(zip(new, pairs, strict=True))
        asked = [known[architecture] for architecture in architectures]
        return [value for value, _ in asked], [spread for _, spread in asked]

    return look_up


def errors_text(errors: Errors | None) -> tuple[str, str]:
    """The tau and the median error as texts for a table; `-` where they are not known."""
    if errors is None or math.isnan(errors.tau):
        return "-", "-"
    return f"{errors.tau:.3f}", f"{100 * errors.median:.1f} %"


def rows_of(device: Device) -> list[dict[str, Any]]:
    """A device's quantities as plain JSON values."""
    rows = []
    for kind, quantity in device.quantities.items():
        errors = device.errors.get(kind)
        rows.append(
            {
                "device": device.name,
                "title": device.title,
                "quantity": kind,
                "column": quantity.column,
                "tau": errors and errors.tau,
                "median_error": errors and errors.median,
                "networks": errors and errors.networks,
                "covers": device.covers,
            }
        )
    return rows
