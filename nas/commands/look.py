"""`nas show`, `nas spaces` and `nas devices`: what there is to choose from."""

from pathlib import Path
from typing import Any

import click

from nas.commands.options import JSON, RUNS
from nas.commands.sizes import size_given
from results.terminal import print_json, tell
from search_spaces.errors import UserError
from search_spaces.rounding import Size


@click.command()
@click.argument("network")
@click.option(
    "--pixels",
    metavar="N|HxW",
    callback=size_given,
    help="Show it at another resolution, as 96 or 96x160 (height x width).",
)
@click.option(
    "--channels", type=click.IntRange(1), metavar="N",
    help="Show it for images of so many channels, 1 for grey.",
)  # fmt: skip
@RUNS
@JSON
def show(
    network: str, pixels: int | Size | None, channels: int | None, runs: Path, as_json: bool
) -> None:
    """Print NETWORK stage by stage, with what each stage costs.

    NETWORK is a name, a run (its pick), a JSON file, or FAMILY:NAME, as runs/my-family:phi3. RUN:ID
    is another network of a run, RUN:@300M the best of its front within 300M, and RUN:beside what
    its pick is compared with.
    """
    import dataclasses

    from nas.commands.present.network import print_architecture
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


@click.command()
@click.argument("names", nargs=-1)
@JSON
def spaces(names: tuple[str, ...], as_json: bool) -> None:
    """List the search spaces: how many networks they hold and what these cost.

    NAMES are those of spaces, or files of your own; without any, all of ours are listed.
    """
    import dataclasses

    from nas.commands.present.space import print_spaces
    from nas.commands.progress import working
    from results.runs.load import load_space
    from search_spaces.space import cost_ranges
    from search_spaces.spaces import SPACES

    rows = []
    with working(as_json) as say:
        for name in names or SPACES:
            say(f"drawing networks of {name}")  # of a space of thousands of choices for seconds
            searched = load_space(name)
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


@click.command()
@click.argument("names", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.json",
              help="With import: the device file that is written.")  # fmt: skip
@click.option("--activation", metavar="NAME",
              help="With import: take the times for networks of this activation, as swish. "
              "Default: what the table was made for, relu6 or hard_swish.")  # fmt: skip
@click.option("--force", is_flag=True, help="With import: write over FILE.json if it exists.")
@JSON
def devices(
    names: tuple[str, ...], out: Path | None, activation: str | None, force: bool, as_json: bool
) -> None:
    """List the devices whose latency or throughput can be a target.

    Each with the error of its predictions, and what networks it covers. NAMES are those of devices,
    or files that `nas profile` made; without any, all of ours are listed.

    `nas devices import TABLE --out FILE.json` makes a device file of a latency table in the form of
    Once-for-all and ProxylessNAS (YAML or JSON).
    """
    from nas.commands.present.space import print_devices
    from nas.devices.registry import DEVICES, device, rows_of

    if names[:1] == ("import",):
        _imported(names[1:], out, activation, force, as_json)
        names = (str(out),)
    elif out is not None or activation is not None or force:
        raise UserError("--out, --activation and --force are for nas devices import TABLE")
    chosen = [device(name) for name in names or DEVICES]
    if as_json:
        print_json([row for each in chosen for row in rows_of(each)])
    else:
        print_devices(chosen)


def _imported(
    tables: tuple[str, ...], out: Path | None, activation: str | None, force: bool, quiet: bool
) -> None:
    """Writes a device file of a table. Raises UserError where it can't."""
    from dataclasses import replace

    from nas.commands.profile import check_free
    from nas.devices.file import to_text
    from nas.devices.tables import read_table
    from results.runs.files import write_atomically
    from search_spaces.architecture import ACTIVATIONS
    from search_spaces.errors import meant

    if len(tables) != 1 or out is None:
        raise UserError("expected one table and a file: nas devices import TABLE --out FILE.json")
    if activation is not None and activation not in ACTIVATIONS:
        raise UserError(
            f"--activation is {activation!r}{meant(activation, ACTIVATIONS)}: expected one of "
            f"{', '.join(ACTIVATIONS)}"
        )
    check_free(out, force)
    made = replace(read_table(Path(tables[0]), activation), name=out.stem)
    write_atomically(out, to_text(made))
    if not quiet:
        tell(
            f"written: {out}, with the times of {len(made.measured)} blocks, from {tables[0]}",
            err=False,
        )
