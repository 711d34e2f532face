"""`nas audit`: the proxy under test."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import click

from nas.commands.options import (
    SEED,
    Group,
    SizedImages,
    Stored,
    Workers,
    command_line,
    once,
    options,
)
from results.interrupts import NOTHING, now_kept
from search_spaces.errors import UserError

if TYPE_CHECKING:
    from nas.search.audit import Audit


@dataclass(frozen=True, kw_only=True)
class Asked(Group):
    """Which networks are trained, how often and how long; epochs: as typed, `1,2,4`."""

    title = "What is measured"
    target: Annotated[str, once(
        "--target-flops", "target", metavar="MACS", required=True,
        help="Take networks of at most so many multiply-adds (MACs), as 30M.",
    )]  # fmt: skip
    space: Annotated[str, click.option(
        "--space", default="efficientnet-small", show_default=True, metavar="SPACE",
        help="Where they are drawn from: a name of `nas spaces`, a FILE.toml, or module:name of "
        "your own.",
    )]  # fmt: skip
    networks: Annotated[int, click.option(
        "--networks", type=int, default=8, show_default=True, metavar="N",
        help="How many networks to draw at random.",
    )]  # fmt: skip
    seeds: Annotated[int, click.option(
        "--seeds", type=int, default=2, show_default=True, metavar="N",
        help="How often each network is trained at each length.",
    )]  # fmt: skip
    epochs: Annotated[str, click.option(
        "--epochs", default="1,2,4", show_default=True, metavar="A,B,...",
        help="How many epochs to train; the last is what the shorter ones are compared with.",
    )]  # fmt: skip
    tau: Annotated[float, click.option(
        "--tau", type=click.FloatRange(-1, 1), default=0.7, show_default=True, metavar="TAU",
        help="Name the cheapest length that ranks networks this well (Kendall's tau, 1 is the same "
        "order).",
    )]  # fmt: skip
    beside: Annotated[str | None, click.option(
        "--evaluator", "beside", metavar="EVALUATOR",
        help="Say besides how well this evaluator ranks them, as supernet:RUN of `nas supernet`.",
    )]  # fmt: skip
    seed: Annotated[int, SEED]

    @property
    def budgets(self) -> tuple[float, ...]:
        """The lengths, in epochs.

        Raises:
            UserError: They are no numbers.
        """
        try:
            return tuple(float(length) for length in self.epochs.split(","))
        except ValueError:
            raise UserError(f"--epochs is {self.epochs!r}: expected numbers, as 1,2,4") from None


@click.command()
@options(asked=Asked, images=SizedImages, workers=Workers, kept=Stored)
def audit(asked: Asked, images: SizedImages, workers: Workers, kept: Stored) -> None:
    """Measure how well short trainings rank networks, before a search trusts them.

    It trains random networks several times and for several lengths, and compares the order that
    each length gives with that of the longest. It says how much chance there is in a training, and
    which length is enough. The same command continues an audit that was stopped.
    """
    from nas.commands.progress import decoding, interrupted, progress
    from nas.search.audit import run_audit

    now_kept(NOTHING)
    wanted, quiet = _audit(asked, images, workers, kept), kept.as_json
    total = wanted.networks * wanted.seeds * len(wanted.budgets)
    with decoding(quiet) as decoded, progress(total, wanted.plan.objective, quiet) as show:
        report = run_audit(wanted, show, decoded)
    if report.interrupted:
        interrupted(f"{len(report.trials):,} trainings")
    if kept.as_json:
        import dataclasses

        from results.terminal import print_json

        print_json([dataclasses.asdict(row) for row in report.rows])
    else:
        from nas.commands.present.trust import print_audit

        print_audit(report, asked.tau)


def _audit(asked: Asked, images: SizedImages, workers: Workers, kept: Stored) -> "Audit":
    """What is asked for. Raises UserError."""
    from nas.objective import Objective
    from nas.search.audit import Audit
    from nas.search.plan import Plan
    from results.runs.folder import run_name
    from search_spaces.quantities import QUANTITIES

    if images.data is None:
        raise UserError("nas audit trains: give --data DIR, the images to train on")
    flops, budgets = QUANTITIES["flops"], asked.budgets
    target = flops.parse(asked.target, "--target-flops")
    plan = Plan(
        objective=Objective("hard", target),
        space=asked.space,
        seed=asked.seed,
        proxy=images.proxy(images.pixels),
        budget=budgets[-1],
        executor=workers.executor or "pool",
        resources=workers.resources,
        name=kept.name or run_name(("audit", asked.space, flops.format(target))),
        runs=kept.runs,
        storage=kept.storage,
        command=command_line("nas"),
    )
    return Audit(plan, asked.networks, asked.seeds, budgets, asked.beside)
