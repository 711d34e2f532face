"""The `nas` command. Only click is imported until a command runs."""

from pathlib import Path
from typing import Any, NoReturn

import click

from nas.commands.audit import audit
from nas.commands.bench import bench
from nas.commands.export import export
from nas.commands.images.classify import classify
from nas.commands.images.fit import fit
from nas.commands.images.train import train
from nas.commands.options import JSON, RUNS
from nas.commands.predict import predict
from nas.commands.profile import measure, profile
from nas.commands.report import dashboard, report
from nas.commands.runs import runs
from nas.commands.search import search
from nas.commands.sizes import size_given
from results.terminal import entry, print_json
from search_spaces.rounding import Size


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compound-nas")
def cli() -> None:
    """Find a convolutional network for a hardware budget."""


# A command is a file beside this one and one line here.
for command in (
    search,
    fit,
    train,
    classify,
    predict,
    audit,
    bench,
    export,
    profile,
    measure,
    report,
    dashboard,
    runs,
):
    cli.add_command(command)


@cli.command()
@click.argument("network")
@click.option(
    "--pixels", metavar="N|HxW", callback=size_given, help="At another resolution, as 96x160."
)
@click.option("--channels", type=click.IntRange(1), help="For images of so many channels.")
@RUNS
@JSON
def show(
    network: str, pixels: int | Size | None, channels: int | None, runs: Path, as_json: bool
) -> None:
    """Print a NETWORK stage by stage with its costs.

    NETWORK: a name, a run, a JSON file, FAMILY:NAME, as runs/my-family:phi3, or
    RUN:ID, a network of a run's front; RUN:@300M is the best of it within 300M.
    """
    import dataclasses

    from nas.commands.present import print_architecture
    from results.runs.load import load_architecture
    from search_spaces.architecture import to_dict
    from search_spaces.cost import cost

    architecture = load_architecture(network, runs)
    given = {"resolution": pixels, "in_channels": channels}
    changed: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    architecture = dataclasses.replace(architecture, **changed)
    if as_json:
        figures: dict[str, Any] = cost(architecture)._asdict()
        print_json({"id": architecture.id, **figures, "architecture": to_dict(architecture)})
    else:
        print_architecture(architecture)


@cli.command()
@click.argument("names", nargs=-1)
@JSON
def spaces(names: tuple[str, ...], as_json: bool) -> None:
    """List search spaces with their sizes and cost ranges; NAMES may be files of your own."""
    import dataclasses

    from nas.commands.present import print_spaces
    from nas.commands.progress import working
    from search_spaces.space import cost_ranges
    from search_spaces.spaces import SPACES, space

    rows = []
    with working(as_json) as say:
        for name in names or SPACES:
            say(f"drawing networks of {name}")  # of a space of thousands of choices for seconds
            searched = space(name)
            rows.append((searched, cost_ranges(searched)))
    if not as_json:
        print_spaces(rows)
        return
    print_json(
        [
            {
                "name": searched.name,
                "size": searched.size,
                "choices": {name: list(options) for name, options in searched.choices.items()},
                "ranges": {name: dataclasses.asdict(span) for name, span in ranges.items()},
            }
            for searched, ranges in rows
        ]
    )


@cli.command()
@click.argument("names", nargs=-1)
@JSON
def devices(names: tuple[str, ...], as_json: bool) -> None:
    """List devices with their errors and what they cover; NAMES may be files of `nas profile`."""
    from nas.commands.present import print_devices
    from nas.devices.registry import DEVICES, device, rows_of

    chosen = [device(name) for name in names or DEVICES]
    if as_json:
        print_json([row for each in chosen for row in rows_of(each)])
    else:
        print_devices(chosen)


def main() -> NoReturn:
    """Runs `nas` and leaves the process."""
    entry(cli, "nas")


if __name__ == "__main__":
    main()
