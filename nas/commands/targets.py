"""From the targets on the command line to limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.help.table import names_in
from nas.commands.options import Group, once
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.objective import Limit


@dataclass(frozen=True, kw_only=True)
class Targets(Group):
    """The texts of targets and limits, and the device that some are on."""

    title = "Target"
    target_flops: Annotated[str | None, once(
        "--target-flops", metavar="MACS", help="At most so many multiply-adds (MACs), as 400M or "
        "1.5G. The first --target-... that you give is T, the budget that the search fills; the "
        "others are limits that it keeps to.",
    )]  # fmt: skip
    target_latency: Annotated[str | None, once(
        "--target-latency", metavar="TIME", help="At most so long on --device, as 5ms.",
    )]  # fmt: skip
    target_throughput: Annotated[str | None, once(
        "--target-throughput", metavar="RATE",
        help="At least so many images a second on --device, as 900/s.",
    )]  # fmt: skip
    target_params: Annotated[str | None, once(
        "--target-params", metavar="N", help="At most so many parameters, as 5M.",
    )]  # fmt: skip
    target_memory: Annotated[str | None, once(
        "--target-memory", metavar="BYTES", help="At most so much memory for weights and "
        "activations, as 64MiB (float32, one image at a time).",
    )]  # fmt: skip
    max_params: Annotated[str | None, once(
        "--max-params", metavar="N",
        help="Keep to so many parameters besides, as 5M, whatever T is.",
    )]  # fmt: skip
    max_memory: Annotated[str | None, once(
        "--max-memory", metavar="BYTES",
        help="Keep to so much memory besides, as 64MiB, whatever T is.",
    )]  # fmt: skip
    hardware: Annotated[str | None, click.option(
        "--device", "hardware", metavar="NAME|FILE",
        shell_complete=names_in("nas.devices.registry", "DEVICES"),
        help="The device of --target-latency or --target-throughput: a name of `nas devices`, or "
        "a file that `nas profile` made.",
    )]  # fmt: skip

    @property
    def texts(self) -> Mapping[str, str]:
        """By option: the targets in the order of the command line, then those of --max-..."""
        given = [option for option in self.typed if option != "--device"]
        given.sort(key=lambda option: option.startswith("--max-"))
        return {option: getattr(self, option[2:].replace("-", "_")) for option in given}

    def limits(self) -> "tuple[Limit, ...]":
        """What was given, the first of which is T; of two on one quantity the stricter.

        Raises:
            UserError: There is no target, or a text is no number.
        """
        from nas.objective import Limit
        from search_spaces.quantities import QUANTITIES

        self._check()
        limits: dict[str, Limit] = {}
        for option, text in self.texts.items():
            kind = option.rpartition("-")[2]
            if kind in QUANTITIES:
                of = QUANTITIES[kind]
            else:
                from nas.devices.registry import device

                of = device(self.hardware or "").quantity(kind)
            limit = Limit(of, of.parse(text, option))
            limits[of.key] = min(limit, limits.get(of.key, limit), key=lambda one: one.at_most)
        return tuple(limits.values())

    def _check(self) -> None:
        """Raises UserError where there is no target, or a device and its target not together."""
        from search_spaces.quantities import DEVICE_QUANTITIES

        if not any(option.startswith("--target-") for option in self.texts):
            raise UserError(
                "no target was given: expected --target-flops 400M, --target-params 5M, "
                "--target-memory 64MiB, or --device NAME with --target-latency 5ms or "
                "--target-throughput 900/s (`nas devices` lists names)"
            )
        on = [option for option in self.texts if option.rpartition("-")[2] in DEVICE_QUANTITIES]
        if on and self.hardware is None:
            raise UserError(
                f"{on[0]} needs --device: expected a name of `nas devices`, or a file that "
                "`nas profile` made"
            )
        if self.hardware is not None and not on:
            raise UserError(
                f"--device {self.hardware} is given without a target on it: expected "
                "--target-latency or --target-throughput besides"
            )
