"""The `nas` command. Only click is imported until a command runs."""

import errno
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from nas.commands.audit import audit
from nas.commands.bench import bench
from nas.commands.export import export
from nas.commands.profile import measure, profile
from nas.commands.report import dashboard, report
from nas.commands.search import search
from search_spaces.errors import RunFailure, UserError


def entry(group: click.Group, name: str) -> NoReturn:
    """Runs a command; errors are one sentence: exit code 2 for the user's, 1 for others."""
    try:
        code = group.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        raise SystemExit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (UserError, RunFailure) as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        if os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        if error.errno == errno.ENOSPC and not error.filename:  # of the output: /dev/full
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message, code = f"{error.filename or 'the output'}: {error.strerror or error}", 1
    except Exception as error:
        if os.environ.get("COMPOUND_NAS_DEBUG"):
            raise
        message, code = (
            (
                f"an unexpected {type(error).__name__}: {error} (set COMPOUND_NAS_DEBUG=1 to see "
                "where, and please report it)"
            ),
            1,
        )
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    raise SystemExit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="compound-nas")
def cli() -> None:
    """Find a convolutional network for a hardware budget."""


cli.add_command(search)
cli.add_command(audit)
cli.add_command(bench)
cli.add_command(export)
cli.add_command(profile)
cli.add_command(measure)
cli.add_command(report)
cli.add_command(dashboard)


@cli.command()
@click.argument("network")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(network: str, runs: Path, as_json: bool) -> None:
    """Print a NETWORK stage by stage with its costs.

    NETWORK: a name, a run, a JSON file, or FAMILY:NAME, as runs/my-family:phi3.
    """
    from nas.commands.present import print_architecture
    from results.runs.load import load_architecture
    from search_spaces.architecture import to_dict
    from search_spaces.cost import cost

    architecture = load_architecture(network, runs)
    if as_json:
        figures: dict[str, Any] = cost(architecture)._asdict()
        print_json({"id": architecture.id, **figures, "architecture": to_dict(architecture)})
    else:
        print_architecture(architecture)


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def spaces(names: tuple[str, ...], as_json: bool) -> None:
    """List search spaces with their sizes and cost ranges; NAMES may be files of your own."""
    import dataclasses

    from nas.commands.present import print_spaces
    from search_spaces.space import cost_ranges
    from search_spaces.spaces import SPACES, space

    rows = [(one, cost_ranges(one)) for one in map(space, names or SPACES)]
    if not as_json:
        print_spaces(rows)
        return
    print_json(
        [
            {
                "name": one.name,
                "size": one.size,
                "choices": {name: list(options) for name, options in one.choices.items()},
                "ranges": {name: dataclasses.asdict(span) for name, span in ranges.items()},
            }
            for one, ranges in rows
        ]
    )


@cli.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(names: tuple[str, ...], as_json: bool) -> None:
    """List devices with their errors and what they cover; NAMES may be files of `nas profile`."""
    from nas.commands.present import print_devices
    from nas.devices.registry import DEVICES, device, rows_of

    found = [device(name) for name in names or DEVICES]
    if as_json:
        print_json([row for one in found for row in rows_of(one)])
    else:
        print_devices(found)


def print_json(value: Any) -> None:
    """Indented JSON on standard output."""
    import json

    click.echo(json.dumps(value, indent=2))


def main() -> NoReturn:
    entry(cli, "nas")


if __name__ == "__main__":
    main()
