"""A run that was cut off goes on: no job is lost or counted twice, nothing is mixed."""

import ast
import dataclasses
import json
import random
import subprocess
import sys

import pytest

from gridsearch.grid.grid import Question
from gridsearch.grid.plan import Plan as GridPlan
from gridsearch.grid.run import run as run_grid
from nas.commands import progress
from nas.commands.main import cli
from nas.evaluators import Outcome
from nas.objective import Limit, Objective
from nas.search.ask import Search
from nas.search.drive import PENDING, Pending, drive, pending_of, rebuilt
from nas.search.plan import Plan
from nas.search.run import find, prepare
from nas.search.run import run as run_search
from nas.strategies.registry import STRATEGIES
from nas.workers.executor import LocalExecutor
from search_spaces import NETWORKS, Architecture, Space, Stage, UserError, cost, space
from search_spaces.errors import RunFailure

T = Objective("hard", 4e8)


def depth(architecture, budget, seed):
    return 40.0 + architecture.blocks


def search(wanted, known=()):
    return Search(space("efficientnet"), T, STRATEGIES["random"], known=known, wanted=wanted)


class Memory:
    def append(self, trial, cost, *how):
        pass


class Wide(LocalExecutor):
    """Takes three jobs at once; `kill` stands for the driver's end after so many outcomes."""

    width = 3

    def __init__(self, kill=None):
        super().__init__(depth)
        self.kill = kill

    def next(self):
        if self.kill == 0:
            raise SystemExit("killed")
        self.kill = None if self.kill is None else self.kill - 1
        return super().next()


def killed(folder, wanted, after):
    """The trials of a run of three workers that is killed with jobs open."""
    trials = []
    with pytest.raises(SystemExit):
        drive(search(wanted), Wide(after), Memory(), trials, pending=Pending(folder / PENDING))
    return trials


def test_a_pools_open_jobs_are_evaluated_by_one_worker_and_not_again_by_a_pool(tmp_path):
    trials = killed(tmp_path, 6, after=2)
    left = [job.number for job in Pending(tmp_path / PENDING).left()]
    assert len(left) == 3
    for hands in (LocalExecutor(depth), Wide()):
        pending = pending_of(tmp_path, hands.width)
        drive(search(6, tuple(trials)), hands, Memory(), trials, pending=pending)
        assert len({trial.number for trial in trials}) == len(trials) == 6
    assert {*left} <= {trial.number for trial in trials}
    assert Pending(tmp_path / PENDING).left() == []


def test_a_find_with_one_worker_takes_up_what_a_pool_left(tmp_path):
    """As a user has it: the folder of a killed pool, the command without --executor pool."""
    how = {"evaluator": depth, "strategy": "random", "runs": tmp_path, "name": "x",
           "space": "efficientnet"}  # fmt: skip
    find(4e8, trials=3, **how)
    known = find(4e8, trials=3, **how).trials
    job = search(4, known).ask()
    kept = Pending(tmp_path / "x" / PENDING)
    kept.begun(dataclasses.replace(job, number=17, seed=99))
    done = find(4e8, trials=6, **how)
    assert len(done.trials) == 6
    (adopted,) = [trial for trial in done.trials if trial.number == 17]
    assert (adopted.architecture, adopted.seed) == (job.architecture, 99)
    assert json.loads((tmp_path / "x" / PENDING).read_text()) == []


def test_killed_while_it_takes_jobs_up_it_forgets_none(tmp_path):
    trials = killed(tmp_path, 9, after=1)
    open_jobs = [job.number for job in Pending(tmp_path / PENDING).left()]

    class Dies(Wide):
        def submit(self, job):
            if job.number == open_jobs[1]:
                raise SystemExit("killed")
            super().submit(job)

    pending = Pending(tmp_path / PENDING)
    with pytest.raises(SystemExit):
        drive(search(9, tuple(trials)), Dies(), Memory(), trials, pending=pending)
    assert [job.number for job in Pending(tmp_path / PENDING).left()] == open_jobs


def test_a_job_that_is_stored_already_is_only_forgotten(tmp_path):
    trials = killed(tmp_path, 6, after=2)
    job = Pending(tmp_path / PENDING).left()[0]
    stored = job.finished(Outcome(None, "as it was", 0.0))
    drive(
        search(6, (*trials, stored)), Wide(), Memory(), whole := [*trials, stored],
        pending=Pending(tmp_path / PENDING),
    )  # fmt: skip
    assert len(whole) == len({trial.number for trial in whole}) == 6


def test_fewer_trials_than_jobs_are_open_leaves_them_open(tmp_path):
    """Six were wanted, two are done and three open; three are enough now."""
    trials = killed(tmp_path, 6, after=2)
    pending = Pending(tmp_path / PENDING)
    drive(search(3, tuple(trials)), Wide(), Memory(), trials, pending=pending)
    assert len(trials) == 3
    assert len(Pending(tmp_path / PENDING).left()) == 2
    drive(search(6, tuple(trials)), Wide(), Memory(), trials, pending=Pending(tmp_path / PENDING))
    assert len({trial.number for trial in trials}) == len(trials) == 6


def test_a_file_of_jobs_that_is_none_is_one_sentence(tmp_path):
    for text in ("{}", '[{"number": 1}]', "[3]"):
        (tmp_path / PENDING).write_text(text)
        if text == "{}":
            assert Pending(tmp_path / PENDING).left() == []
            continue
        with pytest.raises(UserError, match="holds no jobs"):
            Pending(tmp_path / PENDING)


def tunable(channels):
    def build(values):
        stage = Stage("conv", channels + 8 * values["wide"], values["repeats"], stride=2)
        return Architecture((stage,), resolution=32)

    return Space("tunable", {"repeats": (1, 2, 3, 4), "wide": (0, 1)}, build)


def test_a_space_that_builds_something_else_is_refused(tmp_path):
    how = {"evaluator": depth, "runs": tmp_path, "name": "x", "strategy": "random"}
    find(4e8, space=tunable(8), trials=4, **how)
    before = (tmp_path / "x" / "trials.journal").read_bytes()
    with pytest.raises(UserError, match=r"the space was changed: of 4 stored networks it builds 4"):
        find(4e8, space=tunable(16), trials=8, **how)
    assert (tmp_path / "x" / "trials.journal").read_bytes() == before
    assert len(find(4e8, space=tunable(8), trials=8, **how).trials) == 8


def test_another_experiment_is_refused_before_anything_slow(tmp_path):
    how = {"runs": tmp_path, "name": "x"}
    find(4e8, evaluator=depth, trials=3, **how)

    def slow(found):
        raise AssertionError("the table of what is feasible was made")

    with pytest.raises(UserError, match="another experiment"):
        run_search(Plan(Objective("hard", 3e8), evaluator=depth, **how), feasible=slow)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.tex").write_text("precious")
    with pytest.raises(UserError, match="no run's"):
        run_search(Plan(T, evaluator=depth, runs=tmp_path, name="thesis"), feasible=slow)


def test_prepare_builds_no_sampler_to_have_limits_refused(monkeypatch):
    def never(*_, **__):
        raise AssertionError("a proposer was built")

    monkeypatch.setattr("nas.search.ask.Search", never)
    monkeypatch.setattr("nas.strategies.registry.Strategy.sampler", never)
    with pytest.raises(UserError, match="the smallest has"):
        prepare(Plan(Objective("hard", 4e6), space="efficientnet"))
    with pytest.raises(UserError, match="no network of the space"):
        prepare(Plan(T, space="efficientnet", limits=(Limit("params", 1e5),)))
    assert prepare(Plan(T)).anchor


def test_a_grid_makes_lost_measurements_again(tmp_path, capsys):
    question, spec = Question(NETWORKS["efficientnet_b0"]), f"{__name__}:depth"
    plan = GridPlan(question, "b0", spec, 1, name="g", runs=tmp_path)
    with pytest.raises(UserError, match="each point was measured once"):
        run_grid(plan)  # and kept
    plan = dataclasses.replace(plan, replicates=2)
    first = run_grid(plan)
    assert first.new == len(first.grid.points)
    journal = tmp_path / "g" / "trials.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:10]))
    second = run_grid(plan)
    said = capsys.readouterr().err
    assert f"holds 7 of the {len(first.trials)} trials" in said
    assert "made again. If you have a copy of what was lost, press Ctrl-C" in said
    assert "the answer is the same as before" in said
    assert second.new == len(first.trials) - 7
    assert second.coefficients["pick"] == first.coefficients["pick"]
    journal.write_bytes(b"".join(lines[:5] + lines[7:]))  # in its midst: each is on its own
    assert run_grid(plan).new == 2
    assert run_grid(plan).new == 0


def test_a_grid_takes_a_storage(tmp_path):
    url = f"sqlite:///{tmp_path}/kept.db"
    plan = GridPlan(
        Question(NETWORKS["efficientnet_b0"]), "b0", name="g", runs=tmp_path, storage=url
    )
    assert run_grid(plan).new > 0
    assert run_grid(plan).new == 0
    assert not (tmp_path / "g" / "trials.journal").exists()
    with pytest.raises(UserError, match="keeps its trials in sqlite"):
        run_grid(dataclasses.replace(plan, storage=None))


def test_an_evaluator_that_never_works_leaves_no_session(tmp_path):
    def broken(architecture, budget, seed):
        raise OSError("no camera")

    with pytest.raises(RunFailure, match="no camera"):
        find(4e8, evaluator=broken, trials=20, runs=tmp_path, name="x")
    assert json.loads((tmp_path / "x" / "run.json").read_text())["sessions"] == []


WRONG = {
    "Plan(T, eta=1, budget=4.0)": "eta is 1",
    "Plan(T, eta=2, budget=1.0, smallest=3.0)": "eta is 2, smallest 3 and budget 1",
    "GridPlan(Q, 'b0', 'm:f', eta=1, budget=4.0)": "eta is 1",
    "Plan(T, retrain=1, retrain_budget=0.0)": "retrain_budget is 0: expected more than the budget",
    "Plan(T, trials=0)": "trials is 0",
    "Plan(T, budget=float('nan'))": "budget is nan",
    "Plan(T, storage='kept.db')": "expected a URL",
    "Plan(T, storage='sqlite://')": "kept in memory and gone with the process",
    "Plan(T, storage='sqlite:///:memory:')": "kept in memory and gone with the process",
    "Plan(T, storage='sqlite+pysqlite:///file:x?mode=memory')": "kept in memory",
    "Plan(T, eta=2, ranking='best')": "reward, front",
}


@pytest.fixture(scope="module")
def under_O():
    """What Python without asserts says to each of WRONG, in one process."""
    code = (
        "from nas import Plan, Objective; from gridsearch.grid.plan import Plan as GridPlan\n"
        "from gridsearch import Question; from search_spaces import NETWORKS, UserError\n"
        "T, Q = Objective('hard', 4e8), Question(NETWORKS['efficientnet_b0'])\n"
        "def tried(make):\n"
        "    try: make()\n"
        "    except UserError as error: return str(error)\n"
        f"print([{', '.join(f'tried(lambda: {program})' for program in WRONG)}])"
    )
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(zip(WRONG, ast.literal_eval(done.stdout), strict=True))


@pytest.mark.parametrize("program", WRONG)
def test_what_is_wrong_with_a_plan_is_said_under_O_too(program, under_O):
    """An assert that checked the user's numbers was gone under -O."""
    assert WRONG[program] in under_O[program]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--retrain", "2", "--retrain-epochs", "0"], "--retrain-epochs is 0: expected more than"),
        (["--retrain-epochs", "9"], "--retrain-epochs is 9, and nothing is trained again"),
    ],
)
def test_what_is_given_for_retraining_is_not_replaced(tmp_path, arguments, said):
    from click.testing import CliRunner

    given = ["search", "--target-flops", "4M", "--data", str(tmp_path), "--name", "bad"]
    result = CliRunner().invoke(cli, [*given, *arguments])
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)


def test_what_a_file_of_open_jobs_says_is_not_believed(tmp_path):
    """Another network, values of none, one beyond the limits, another budget: none is evaluated."""
    where, near = space("efficientnet-small"), Objective("hard", 3e8)
    found = Search(where, near, STRATEGIES["random"], seed=3, wanted=9)
    job = found.ask()
    assert rebuilt(job, where.build) == job
    large = max((where.sample(random.Random(n)) for n in range(50)),
                key=lambda values: cost(where.build(values)).macs)  # fmt: skip
    swapped = dataclasses.replace(job, architecture=where.build(large))
    for spoilt, said in (
        (swapped, "not what its values build"),
        (dataclasses.replace(job, values={}), "its values build none"),
    ):
        with pytest.raises(UserError, match=said):
            rebuilt(spoilt, where.build)
    exact = Objective("hard", cost(job.architecture).macs)
    fresh = Search(where, exact, STRATEGIES["random"], wanted=9)
    for spoilt, said in (
        (dataclasses.replace(swapped, values=large), "it is not within MACs"),
        (dataclasses.replace(job, budget=90.0), "not within a budget of 1"),
    ):
        with pytest.raises(UserError, match=said):
            fresh.adopt(spoilt)
    assert fresh.adopt(job)


def test_a_continued_search_shows_the_best_of_all_its_sessions(tmp_path, capsys, monkeypatch):
    how = {"runs": tmp_path, "name": "x", "strategy": "random", "space": "efficientnet"}
    find(4e8, trials=3, evaluator=lambda *_: 80.5, **how)
    monkeypatch.setattr(progress, "EVERY", 0)
    plan = Plan(T, evaluator=lambda *_: 61.0, trials=5, **how)
    for quiet, said in ((False, 2), (True, 0)):
        with progress.progress(5, T, quiet) as show:
            run_search(dataclasses.replace(plan, trials=7 if quiet else 5), show)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == said
        assert all("best 80.50 % at" in line for line in lines)
