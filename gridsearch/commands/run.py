"""From the options of `gridsearch run` to its plan and its end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gridsearch.grid.grid import Grid, Question, build_grid
from gridsearch.grid.plan import Plan
from nas.commands.options import check_training, take_training
from nas.commands.progress import decoding, progress
from nas.training.proxy import Proxy
from results.runs.load import load_architecture
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES


def rounding(text: str) -> int | None:
    return None if text == "none" else int(text)


def window_of(text: str) -> float | None:
    """`0.05`, `5%`, or None for `off`. Raises UserError."""
    if text.strip().lower() == "off":
        return None
    number = text.strip().removesuffix("%")
    try:
        return float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise UserError(f"--window is {text!r}: expected a number, as 0.05, or off") from None


def plan_of(given: dict[str, Any], typed: Sequence[str] = ()) -> Plan:
    """The plan of `gridsearch run`; `given` loses what the plan takes. Raises UserError."""
    check_training(given, typed, "dry_run")
    baseline: str = given.pop("baseline")
    runs: Path = given["runs"]
    network = load_architecture(baseline, runs)
    given["evaluator"] = given["evaluator"] or "prior"
    given.update(pixels=network.resolution, ranking="reward")
    made = take_training(given)
    del made["ranking"]
    if made.get("proxy"):
        from gridsearch.grid.training import fitted

        network = fitted(network, made["proxy"])
    text, memory = given.pop("target_memory"), QUANTITIES["memory"]
    question = Question(
        baseline=network,
        window=window_of(given.pop("window")),
        memory=None if text is None else memory.parse(text, "--target-memory"),
        round_resolution=rounding(given.pop("round_resolution")),
        **{key: given.pop(key) for key in ("phi", "step", "tolerance", "rule")},
    )
    return Plan(question=question, baseline=baseline, **made, **given)


def execute(given: dict[str, Any], typed: Sequence[str]) -> None:
    """The command: plans, measures or forecasts, prints."""
    as_json, most, dry = given.pop("as_json"), given.pop("most"), given.pop("dry_run")
    plan = plan_of(given, typed)
    grid = build_grid(plan.question)
    if plan.proxy and not as_json:
        _say_room(plan.proxy, grid)
    if dry:
        _forecast(plan, grid, as_json)
        return
    from gridsearch.grid.run import objective, run

    total = plan.evaluations(len(grid.points))
    quiet = as_json or plan.measure == "prior"  # which takes no time
    with decoding(as_json) as decoded, progress(total, objective(grid), quiet) as show:
        result = run(plan, grid, show, decoded)
    if result.interrupted:
        done = f"{len(result.trials)} of {total} measurements, kept in {result.folder}"
        click.echo(f"interrupted after {done}; the same command continues", err=True)
        raise SystemExit(130)
    if as_json:
        from results.terminal import print_json

        print_json(result.coefficients)
    else:
        from gridsearch.commands.present import print_run

        print_run(result, max(1, most))


def _say_room(proxy: Proxy, grid: Grid) -> None:
    from gridsearch.grid.training import room

    networks = [point.architecture for point in grid.points]
    pixels = {network.resolution for network in networks}
    size = QUANTITIES["memory"].format(room(proxy, networks))
    click.echo(
        f"{len(networks)} points at {len(pixels)} resolutions, {min(pixels)} to {max(pixels)} px: "
        f"the decoded images take {size}",
        err=True,
    )


def _forecast(plan: Plan, grid: Grid, as_json: bool) -> None:
    from gridsearch.grid.training import forecast

    with decoding(as_json) as decoded:
        found = forecast(plan, grid, decoded)
    if as_json:
        import dataclasses

        from results.terminal import print_json

        print_json(dataclasses.asdict(found))
    else:
        from nas.commands.present import print_forecast

        print_forecast(found)
