"""`nas profile` and `nas measure`: this machine, block by block and one network at a time."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nas.commands.options import JSON, RUNS, SEED, options
from nas.commands.sizes import OF_SPACE
from nas.memory import enough_for

if TYPE_CHECKING:
    from nas.devices.file import ProfiledDevice
    from search_spaces.architecture import Architecture
    from search_spaces.space import Space

DRAWN = 51  # networks whose median time the printed search has as its target


class Length(click.FloatRange):
    """A finite amount of time from 0."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number. Fails, as click does, where it is not finite."""
        length = super().convert(value, param, ctx)
        if not math.isfinite(length):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return length


SETTING = (
    click.option("--runtime", default="torch", show_default=True, metavar="torch|onnxruntime",
                 help="What runs the networks; onnxruntime has to be installed."),
    click.option("--on", default="cpu", show_default=True, metavar="cpu|cuda",
                 help="What they run on."),
    click.option("--threads", type=int, default=1, show_default=True, metavar="N",
                 help="How many threads of the processor they may use."),
    click.option("--batch", type=int, default=1, show_default=True, metavar="N",
                 help="How many images they are given at once."),
    click.option("--dtype", default="float32", show_default=True, metavar="TYPE",
                 help="Their numbers: float32; with torch also float16 or bfloat16."),
)  # fmt: skip


def _setting(given: dict[str, Any]) -> Any:
    """The Setting of SETTING's options, which are taken out of `given`. Raises UserError."""
    from nas.devices.runtime import Setting

    return Setting(*(given.pop(key) for key in ("runtime", "on", "threads", "batch", "dtype")))


@click.command()
@click.option("--space", default="efficientnet", show_default=True, metavar="SPACE",
              help="Whose blocks to time: a name of `nas spaces`, a FILE.toml, or module:name of "
              "your own.")  # fmt: skip
@options(OF_SPACE)
@options(SETTING)
@click.option(
    "--minutes",
    type=Length(0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="N",
    help="How long to measure; longer is more exact.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE",
              help="Measure, and write the times into this file.")  # fmt: skip
@click.option("--template", type=click.Path(path_type=Path), metavar="FILE",
              help="Measure nothing: write FILE with every block of the space and no times, for "
              "another tool to fill in.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write over FILE if it exists.")
@SEED
@JSON
def profile(**given: Any) -> None:
    """Time the blocks of a search space on this machine, and write a device file.

    With that file a search can have a target in milliseconds: `nas search --device FILE
    --target-latency 10ms`. It is tried on whole networks, and says how far it is off.
    """
    from results.terminal import print_json

    as_json = given["as_json"]
    device, path, whole = profiled(as_json, **given)
    if as_json:
        names = ("name", "stamp", "check", "offset_ms", "factor", "spread")
        values = {name: _known(getattr(device, name)) for name in names}
        number = {"blocks": len(device.blocks), "measured": len(device.measured)}
        print_json({"file": str(path), **values, **number})
    else:
        from nas.commands.present.device import print_profile

        words = following(device, path, whole, given) if "machine" in device.stamp else ""
        print_profile(device, path, words)


def following(device: "ProfiledDevice", path: Path, whole: "Space", given: dict[str, Any]) -> str:
    """The search that a file is for, with a target that half of the networks meet.

    Without images where both the file and the ImageNet model know the whole space as it stands;
    else with the user's, at the size and of the channels that were profiled.
    """
    import shlex

    from nas.imagenet.evaluator import ImagenetEvaluator

    more = ""
    target = _half(device, whole) if _speaks(ImagenetEvaluator().check, whole) else None
    if target is None:
        where = _fitted(whole, given)
        size = max((network.size for network in _drawn(where)), key=lambda one: one.area)
        where = _fitted(where, {**given, "pixels": size.label})
        target, more = _half(device, where), f" --data IMAGES --pixels {size.label}"
        more += f" --channels {given['channels']}" if given["channels"] else ""
    if target is None:
        return (
            f"it does not cover the space {whole.name}, so that a search there refuses it: give "
            "more --minutes"
        )
    named = given["space"] if more or given["space"] != "efficientnet" else None
    space = f" --space {shlex.quote(named)}" if named else ""
    file = shlex.quote(str(path))
    return f"next: nas search --device {file} --target-latency {target}{space}{more}"


def _drawn(where: "Space") -> "list[Architecture]":
    rng = random.Random(0)
    return [where.build(where.sample(rng)) for _ in range(DRAWN)]


def _speaks(check: Callable[[Any], Any], where: "Space") -> bool:
    """Whether a check passes networks of a space, as a search asks first."""
    from nas.search.feasibility import check_domain
    from search_spaces.errors import UserError

    try:
        check_domain(check, where, "the file")
    except UserError:
        return False
    return True


def _half(device: "ProfiledDevice", where: "Space") -> str | None:
    """A time that half of a space's networks meet, as typed; None where it isn't covered."""
    if not _speaks(device.predict_one, where):
        return None
    ms = sorted(device.predict_one(network)[0] for network in _drawn(where))[DRAWN // 2]
    fine = 10.0 ** (1 - math.floor(math.log10(ms)))
    return f"{math.ceil(ms * fine) / fine:g}ms"


def profiled(quiet: bool, **given: Any) -> "tuple[ProfiledDevice, Path, Space]":
    """Profiles and writes the file; gives the whole space too. Raises UserError where it can't."""
    from nas.devices.file import ProfiledDevice, to_text
    from results.runs.files import write_atomically
    from results.runs.load import load_space
    from search_spaces.errors import UserError

    setting, out, template = _setting(given), given["out"], given["template"]
    if (out is None) == (template is None):
        raise UserError("give either --out FILE, to measure, or --template FILE, to fill in")
    path = out or template
    check_free(path, given["force"])
    whole = load_space(given["space"])
    where = _fitted(whole, given)
    if template:
        from nas.devices.blocks import blocks_in

        device = ProfiledDevice(
            path.stem, setting.batch, {"space": where.name}, None, dict.fromkeys(blocks_in(where))
        )
    else:
        from nas.commands.progress import clock
        from nas.devices.profile import profile as run

        with clock(60 * given["minutes"], quiet) as show, enough_for(setting.batch):
            device = run(where, setting, given["minutes"], path.stem, given["seed"], show)
    write_atomically(path, to_text(device))
    return device, path, whole


def _fitted(where: Any, given: dict[str, Any]) -> Any:
    """The space with what OF_SPACE's options give."""
    from search_spaces.space import fixed

    fields = {"resolution": "pixels", "in_channels": "channels", "classes": "classes"}
    return fixed(where, {k: given[name] for k, name in fields.items() if given[name] is not None})


def _known(value: Any) -> Any:
    """The value; None for nan, which JSON does not have."""
    return None if value != value else value


def check_free(path: Path, force: bool) -> None:
    """Raises UserError where the file may not or can't be written."""
    from results.runs.files import check_writable
    from search_spaces.errors import UserError

    check_writable(path)
    if path.is_dir() or (path.exists() and not force):
        raise UserError(f"{path} exists: choose another FILE, or overwrite it with --force")
    if not path.parent.is_dir():
        raise UserError(f"the folder {path.parent} does not exist: make it, or choose another FILE")


@click.command()
@click.argument("network")
@options(SETTING)
@click.option("--predict", type=click.Path(path_type=Path), metavar="FILE",
              help="Print what this device file predicts beside what is measured.")  # fmt: skip
@click.option("--seconds", type=Length(0), default=3.0, show_default=True, metavar="N",
              help="How long to run the network.")  # fmt: skip
@RUNS
@JSON
def measure(network: str, **given: Any) -> None:
    """Run NETWORK on this machine and measure its latency, throughput and peak memory.

    NETWORK is a name, a run, or a JSON file, as in `nas show`. It has random weights, since they
    don't change the time, and the form in which it is deployed: batch normalization folded, in
    place, channels last.
    """
    import dataclasses

    from nas.commands.progress import clock
    from nas.devices.measure import measure as run
    from results.runs.load import load_architecture
    from results.terminal import print_json

    architecture, setting = load_architecture(network, given["runs"]), _setting(given)
    predicted = _predicted(given["predict"], architecture, setting)
    with clock(given["seconds"], given["as_json"]) as show, enough_for(setting.batch):
        timing = run(architecture, setting, given["seconds"], show)
    if given["as_json"]:
        values: dict[str, Any] = {"network": architecture.name or network, "id": architecture.id}
        values |= {**dataclasses.asdict(setting), **dataclasses.asdict(timing)}
        if predicted is not None:
            names = ("predicted_ms", "predicted_ms_spread")
            values |= {n: _known(v) for n, v in zip(names, predicted, strict=True)}
        print_json(values)
    else:
        from nas.commands.present.device import print_timing

        print_timing(architecture, network, setting, timing, predicted)


def _predicted(path: Path | None, architecture: Any, setting: Any) -> tuple[float, float] | None:
    """The ms and their spread by a device file, if there is one. Raises UserError."""
    from nas.devices.file import read
    from nas.devices.measure import check_batch
    from nas.devices.registry import DEVICES
    from search_spaces.errors import UserError

    if path is None:
        return None
    if not path.is_file():
        what = f"an accelerator ({DEVICES[str(path)]})" if str(path) in DEVICES else "no file"
        raise UserError(
            f"--predict is {str(path)!r}, which is {what}: expected a device file of this machine, "
            "as nas profile --out FILE makes it"
        )
    device = read(path)
    check_batch(device, setting, path)
    return device.predict_one(architecture)
