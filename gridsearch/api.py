"""`gridsearch run` and `report` as functions: results instead of text."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.arguments import with_arguments
from search_spaces.errors import UserError, check_is, check_place

if TYPE_CHECKING:
    from gridsearch.grid.conclude import Result
    from search_spaces.architecture import Architecture


@with_arguments
def find(
    baseline: Any,
    phi: float = 1.0,
    question: dict[str, Any] | None = None,
    **plan: Any,
) -> "Result":
    """`gridsearch run` from Python: the arguments of `Question` and of `Plan`.

    >>> find("efficientnet_b0", phi=1).coefficients["alpha"]

    Args:
        baseline: A network, what names one (a paper's network, a run, a file), or what holds one as
            `architecture`, as the result of `nas.find`.
        phi: MACs are to grow by 2**phi.
        question: Other arguments of `Question`.
        plan: Arguments of `Plan`.

    Raises:
        UserError: The arguments or the folder.
        RunFailure: The disk, or an evaluator that never works.
    """
    from gridsearch.grid.grid import Question
    from gridsearch.grid.plan import Plan
    from gridsearch.grid.run import run

    asked = _checked(question, plan)
    baseline = str(baseline) if isinstance(baseline, Path) else baseline
    network = _network(baseline, Path(plan.get("runs", "runs")))
    name = baseline if isinstance(baseline, str) else network.name or network.id
    return run(Plan(Question(network, phi, **asked), name, **plan))


@with_arguments
def report(run: Any, **options: Any) -> Path:
    """`gridsearch report`: a grid, a family or a comparison as one HTML page.

    Args:
        run: A name, a folder, or the result of `find`.
        options: Those of `gridsearch report`.

    Returns:
        The page.

    Raises:
        UserError: An argument is unknown, or the run can't be reported.
    """
    from gridsearch.commands.report import report as command
    from gridsearch.report.pages import report_of
    from nas.api import reported

    return reported("gridsearch.report", command, report_of, run, options)


def _checked(question: Any, plan: dict[str, Any]) -> dict[str, Any]:
    """The question's arguments, where both have no others than there are. Raises UserError."""
    from gridsearch.grid.grid import Question
    from gridsearch.grid.plan import Plan
    from nas.commands.help.groups import check_known

    of_question = [field.name for field in fields(Question)][2:]  # after baseline and phi
    of_plan = [field.name for field in fields(Plan) if field.name not in ("question", "baseline")]
    check_is("question", question, (dict, type(None)), 'a dict, as {"step": 0.1}')
    check_known("the question", question or (), of_question)
    for name in plan:
        if name in of_question and name not in of_plan:
            raise UserError(
                f"{name} is an argument of the question: give question={{{name!r}: ...}}"
            )
    check_known("gridsearch.find", plan, ["phi", "question", *of_plan])
    check_place("runs", plan.get("runs", "runs"), "a folder")
    return question or {}


def _network(baseline: Any, runs: Path) -> "Architecture":
    """What `find` scales. Raises UserError."""
    from results.runs.load import load_architecture
    from search_spaces.architecture import Architecture

    if isinstance(baseline, str):
        return load_architecture(baseline, runs)
    network = getattr(baseline, "architecture", baseline)
    if not isinstance(network, Architecture):
        raise UserError(
            f"the baseline is of type {type(baseline).__name__}, which holds no architecture: "
            "expected an Architecture, what names one, as 'efficientnet_b0', or the result of "
            "nas.find"
        )
    return network
