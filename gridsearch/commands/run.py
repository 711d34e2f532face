"""From the options of `gridsearch run` to its plan and its end."""

from typing import TYPE_CHECKING

from gridsearch.commands.options import GridAsked, Measured, Rounded
from gridsearch.grid.families import phis_of
from gridsearch.grid.grid import Grid, Question, build_grid
from gridsearch.grid.plan import MODELS, Plan
from nas.commands.help.config import write_config
from nas.commands.progress import decoding, interrupted, progress, working
from nas.training.proxy import Proxy
from results.interrupts import NOTHING, now_kept
from results.terminal import tell
from search_spaces.architecture import Architecture
from search_spaces.errors import UserError
from search_spaces.quantities import QUANTITIES

if TYPE_CHECKING:
    from nas.search.execution import Execution


def window_of(text: str) -> float | None:
    """`0.05`, `5%`, or None for `off`.

    Raises:
        UserError: It is none of these.
    """
    if text.strip().lower() == "off":
        return None
    number = text.strip().removesuffix("%")
    try:
        return float(number) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        raise UserError(f"--window is {text!r}: expected a number, as 0.05, or off") from None


def plan_of(
    asked: GridAsked, measured: Measured, rounded: Rounded, network: Architecture, how: "Execution"
) -> Plan:
    """The plan of `gridsearch run`.

    Args:
        asked: The grid.
        measured: Who measures it.
        rounded: How scaled numbers are rounded.
        network: The baseline that was asked for; with training it takes the data's classes.
        how: The half that search and grid share.

    Raises:
        UserError: The arguments don't go together.
    """
    if how.proxy is not None:
        from gridsearch.grid.training import fitted

        network = fitted(network, how.proxy)
    text, memory = asked.target_memory, QUANTITIES["memory"]
    question = Question(
        baseline=network,
        phi=asked.phi,
        step=asked.step,
        tolerance=asked.tolerance,
        window=window_of(asked.window),
        memory=None if text is None else memory.parse(text, "--target-memory"),
        rule=rounded.rule,
        round_resolution=rounded.pixels,
    )
    return Plan(
        question=question,
        baseline=asked.baseline,
        evaluator=measured.evaluator or "prior",
        replicates=measured.replicates,
        tolerance=measured.loss,
        check_phi=measured.check_phi,
        for_phis=() if asked.for_phi is None else phis_of(asked.for_phi, asked.phi),
        **vars(how),
    )


def _grid(plan: Plan, as_json: bool) -> Grid:
    grid = build_grid(plan.question)
    if plan.proxy and not as_json:
        _say_room(plan.proxy, grid, plan.further)
    return grid


def execute(plan: Plan, most: int, as_json: bool) -> None:
    """Measures and prints the points, `most` of them."""
    from gridsearch.grid.run import grid_of, measurer, objective, run

    now_kept(NOTHING)
    with working(as_json) as doing:
        doing("laying out the grid")
        measure = measurer(plan)
        grid = _grid(plan, as_json) if measure is None else grid_of(plan, measure)
        total = plan.evaluations(len(grid.points))
        quiet = as_json or plan.measure in MODELS  # which take no time
        with decoding(as_json) as decoded, progress(total, objective(grid), quiet) as show:
            result = run(plan, grid, show, decoded, measure)
    write_config(result.folder)
    if result.interrupted:
        interrupted(f"{len(result.trials)} of {total} measurements, kept in {result.folder}")
    if as_json:
        from results.terminal import print_json

        print_json(result.coefficients)
    else:
        from gridsearch.commands.present import print_run

        print_run(result, most)


def _say_room(proxy: Proxy, grid: Grid, further: bool) -> None:
    from gridsearch.grid.training import room

    networks = [point.architecture for point in grid.points]
    pixels = {network.size for network in networks}
    size = QUANTITIES["memory"].format(room(proxy, networks))
    tell(
        f"note: the {len(networks)} points have {len(pixels)} resolutions from {min(pixels)} to "
        f"{max(pixels)} px; images decoded for all of them take {size} on the disk"
        + ", and some more for networks that further trainings may go to"
        * further
    )


def forecast(plan: Plan, as_json: bool) -> None:
    """Prints how long the trainings will take; trains nothing."""
    from gridsearch.grid.training import forecast

    with working(as_json) as doing:
        doing("laying out the grid")
        grid = _grid(plan, as_json)
        with decoding(as_json) as decoded:
            hours = forecast(plan, grid, decoded, doing)
    if as_json:
        import dataclasses

        from results.terminal import print_json

        print_json(dataclasses.asdict(hours))
    else:
        from nas.commands.present.trust import print_forecast

        print_forecast(hours)
