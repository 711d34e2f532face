"""One contract for every executor, and what only some can show."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import wait_for

from nas.evaluators import Measurement
from nas.objective import Objective
from nas.search.ask import Search
from nas.search.drive import Pending, drive
from nas.strategies.registry import STRATEGIES
from nas.workers.executor import EXECUTORS, Resources, executing, executor, gpus_of_a_trial
from search_spaces import UserError, space

NAMES = ["local", "pool", pytest.param("ray", marks=pytest.mark.slow)]


def depth(architecture, budget, seed):
    return Measurement(float(architecture.blocks), 0.5)


def picky(architecture, budget, seed):
    if architecture.blocks % 2:
        raise ValueError("odd")
    return depth(architecture, budget, seed)


class Dies:
    """Kills its own worker: once for each network, or always."""

    def __init__(self, folder, always=False):
        self.folder, self.always = str(folder), always

    def __call__(self, architecture, budget, seed):
        mark = Path(self.folder) / architecture.id
        if self.always or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return depth(architecture, budget, seed)


class Memory:
    def append(self, trial, cost):
        pass


def search(wanted):
    return Search(
        space("efficientnet"), Objective("hard", 4e8), STRATEGIES["random"], wanted=wanted
    )


def run(name, evaluator, wanted=6, proposer=None, **options):
    trials = []
    made = executor(name, evaluator, Resources(2))
    try:
        drive(proposer or search(wanted), made, Memory(), trials, **options)
    finally:
        made.close()
    return trials


@pytest.mark.parametrize("name", NAMES)
def test_every_job_comes_back_once_with_its_own_outcome(name):
    trials = run(name, picky, 9)
    assert sorted(trial.number for trial in trials) == list(range(9))
    for trial in trials:
        if trial.architecture.blocks % 2:
            assert (trial.accuracy, trial.error) == (None, "ValueError: odd")
        else:
            assert (trial.accuracy, trial.spread) == (trial.architecture.blocks, 0.5)
    by_number = {trial.number: trial.architecture for trial in trials}
    assert by_number == {t.number: t.architecture for t in run("local", picky, 9)}


class Told:
    """Takes steps until it is let go, and tells them."""

    def __init__(self, folder, tell=None):
        self.folder, self.tell = str(folder), tell

    def telling(self, tell):
        return Told(self.folder, tell)

    def __call__(self, architecture, budget, seed):
        for step in range(1, 4):
            if self.tell is not None:
                self.tell(step, 3)
        while not (Path(self.folder) / "go").exists():
            time.sleep(0.01)
        return depth(architecture, budget, seed)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_under_way_can_be_looked_at(name, tmp_path):
    """From another thread; the workers of a cluster tell no steps."""
    made, proposer = executor(name, Told(tmp_path), Resources(2)), search(6)
    try:
        assert list(made.running()) == []
        for _ in range(made.width):
            made.submit(proposer.ask())
        waiting = threading.Thread(target=made.next)
        waiting.start()
        steps = (0, 0) if name == "ray" else (3, 3)
        wanted = [(number, *steps) for number in range(made.width)]
        wait_for(lambda: [(r.number, r.done, r.of) for r in made.running()] == wanted, 60)
        assert all(0 <= time.monotonic() - one.begun < 60 for one in made.running())
        (tmp_path / "go").touch()
        waiting.join(60)
        assert len(made.running()) == made.width - 1
    finally:
        (tmp_path / "go").touch()
        made.close()


def test_a_killed_worker_costs_nothing_but_time(tmp_path, capfd):
    trials = run("pool", Dies(tmp_path), 4)
    assert [trial.error for trial in trials] == [None] * 4
    assert len({trial.architecture for trial in trials}) == 4
    said = [
        f"note: the worker of trial {n} died (memory?): the trial is tried again" for n in range(4)
    ]
    assert sorted(capfd.readouterr().err.splitlines()) == said


def test_a_job_that_always_kills_its_worker_is_that_trials_failure(tmp_path):
    (trial,) = run("pool", Dies(tmp_path, always=True), 1)
    assert "died 3 times" in trial.error


class Perils:
    """A network's worker always dies; of the others' one does once, and then Ray's own agent."""

    def __init__(self, folder, doomed):
        self.folder, self.doomed = Path(folder), doomed

    def __call__(self, architecture, budget, seed):
        if architecture == self.doomed or self.first("worker"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.first("agent"):
            (agent,) = (
                one
                for one in living(parent=os.getppid())
                if Path(f"/proc/{one}/cmdline").read_text().startswith("ray::DashboardAgent")
            )
            os.kill(agent, signal.SIGKILL)
            time.sleep(60)
        return depth(architecture, budget, seed)

    def first(self, what):
        try:
            (self.folder / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def living(**wanted):
    """The processes of a `parent` or of a `group`."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent, group = (place / "stat").read_text().rpartition(")")[2].split()[:3]
            has = {"parent": int(parent), "group": int(group)}
            if state not in "ZX" and wanted.items() <= has.items():
                yield int(place.name)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_whatever_of_ray_dies_costs_nothing_but_time_and_is_told_in_a_line(tmp_path, capfd):
    doomed = search(1).ask().architecture
    made = executor("ray", Perils(tmp_path, doomed), Resources(2))
    trials = []
    try:
        drive(search(6), made, Memory(), trials)
        assert made.width == 2
        assert len(list(living(group=made._process.pid))) > 5
    finally:
        made.close()
    assert sorted(trial.number for trial in trials) == list(range(6))
    for trial in trials:
        died = trial.architecture == doomed
        assert trial.error == ("its worker or node died 3 times (memory?)" if died else None)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("note: one of Ray's own processes died: Ray is started again\n") == 1
    assert 2 < err.count(" died (memory?): the trial is tried again\n") < 8
    assert all(line.startswith("note: ") for line in err.splitlines())
    assert not list(living(group=made._process.pid))
    assert not Path(made._folder).exists()


def test_names_and_options():
    assert set(EXECUTORS) == {"local", "pool", "ray"}
    with pytest.raises(UserError, match="local, pool, ray"):
        executor("slurm", depth, Resources())
    with pytest.raises(UserError, match="--executor ray"):
        executor("pool", depth, Resources(gpus_per_trial=0.5))


def test_jobs_under_way_are_taken_up_again(tmp_path):
    """A driver that dies between submitting and storing: the same jobs, first, none twice."""
    path = tmp_path / "pending.json"
    first = search(4)
    begun = [first.ask() for _ in range(2)]
    kept = Pending(path)
    for job in begun:
        kept.begun(job)
    made = executor("local", depth, Resources())
    made.width = 2
    trials = []
    drive(search(4), made, Memory(), trials, pending=Pending(path))
    assert [t.architecture for t in trials[:2]] == [job.architecture for job in begun]
    assert [t.seed for t in trials[:2]] == [job.seed for job in begun]
    assert len({t.architecture for t in trials}) == len({t.number for t in trials}) == 4
    assert Pending(path).left() == []


def test_workers_on_one_gpu_share_it():
    def trains(architecture, budget, seed):
        return 50.0

    assert gpus_of_a_trial(trains, Resources(), 4) == 0
    trains.where = "cpu"
    assert gpus_of_a_trial(trains, Resources(), 4) == 0
    trains.where = "cuda:1"
    assert gpus_of_a_trial(trains, Resources(), 4) == 0.25
    assert gpus_of_a_trial(trains, Resources(gpus_per_trial=0.5), 4) == 0.5


def sleep(architecture, budget, seed):
    time.sleep(0.3)
    return depth(architecture, budget, seed)


@pytest.mark.slow
def test_two_workers_work_at_once():
    made = {name: executor(name, sleep, Resources(2)) for name in ("local", "pool")}
    seconds = {}
    for name, one in made.items():
        drive(warm := search(2), one, Memory(), [])  # start the workers
        assert warm.stopped == ""
        begun = time.perf_counter()
        drive(search(8), one, Memory(), [])
        seconds[name] = time.perf_counter() - begun
        one.close()
    assert seconds["local"] / seconds["pool"] > 1.5


@pytest.mark.slow
def test_logical_gpus_are_shared_by_fractions_and_more_than_there_are_is_one_sentence(tmp_path):
    import ray

    ray.init("local", num_cpus=3, num_gpus=2, include_dashboard=False, log_to_driver=False)
    address = ray.get_runtime_context().gcs_address
    trials, visible = [], Visible(tmp_path)
    with executing("ray", visible, Resources(3, gpus_per_trial=0.5, address=address)) as made:
        assert made.width == 3
        drive(search(6), made, Memory(), trials)
    with pytest.raises(UserError, match="gpus-per-trial is 3, but the cluster has 2 GPUs"):
        executor("ray", visible, Resources(gpus_per_trial=3, address=address))
    ray.shutdown()
    assert {trial.accuracy for trial in trials} == {0.0, 1.0}


class Visible:
    """The index of the one GPU that this trial may use, when a worker has begun on each."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, architecture, budget, seed):
        index = os.environ["CUDA_VISIBLE_DEVICES"]
        (Path(self.folder) / index).touch()
        until = time.monotonic() + 60
        while len(list(Path(self.folder).iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        return float(index)


@pytest.mark.slow
def test_no_cluster_at_the_address_is_one_sentence():
    with pytest.raises(UserError, match="no Ray cluster answers"):
        executor("ray", depth, Resources(address="127.0.0.1:1"))


@pytest.mark.slow
def test_a_node_dies_and_every_trial_finishes_once(tmp_path):
    """Three nodes on one machine; one is removed while its trials run."""
    import threading

    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    made = executor("ray", Marks(tmp_path), Resources(3, address=cluster.address))
    trials = []

    def kill():
        while len(list(tmp_path.iterdir())) < 3:  # until every node is at work
            time.sleep(0.1)
        cluster.remove_node(nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        drive(search(8), made, Memory(), trials)
    finally:
        made.close()
        cluster.shutdown()
    assert sorted(trial.number for trial in trials) == list(range(8))
    assert [trial.error for trial in trials] == [None] * 8
    begun = [len(list(tmp_path.glob(f"{trial.architecture.id}-*"))) for trial in trials]
    assert max(begun) >= 2  # something really was cut off and run again


class Marks:
    """Leaves a file for each time a network was begun, and takes two seconds."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, architecture, budget, seed):
        (Path(self.folder) / f"{architecture.id}-{time.time_ns()}").touch()
        time.sleep(2)
        return depth(architecture, budget, seed)


DRIVER = """
import os, signal, sys
from nas.workers.executor import Resources, executor
from nas.jobs import Job
from search_spaces import NETWORKS

def own_number(architecture, budget, seed):
    return os.getpid() / 1e6

if __name__ == "__main__":
    hands = executor(sys.argv[1], own_number, Resources(1))
    hands.submit(Job(0, {}, NETWORKS["mnasnet_small"], 0))
    worker = round(1e6 * hands.next()[1].measurement.accuracy)
    group = hands._process.pid if sys.argv[1] == "ray" else os.getpgrp()
    print(worker, group, getattr(hands, "_folder", "none"), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", NAMES[1:])
def test_workers_end_with_a_driver_that_is_killed(name, tmp_path):
    (tmp_path / "driver.py").write_text(DRIVER)
    given = {"cwd": tmp_path, "stdout": subprocess.PIPE, "start_new_session": True}
    done = subprocess.Popen([sys.executable, "driver.py", name], **given)
    worker, group, folder = done.communicate()[0].decode().split()
    wait_for(lambda: not [*living(group=done.pid), *living(group=int(group))])
    state = Path(f"/proc/{worker}/stat")
    wait_for(lambda: not state.exists() or state.read_text().rpartition(")")[2].split()[0] in "ZX")
    wait_for(lambda: not Path(folder).exists())


@pytest.mark.slow
def test_a_process_that_waits_for_a_ray_that_died_ends_itself(monkeypatch):
    from ray._private import node, worker

    from nas.workers import tune

    assert not tune._dead()  # nothing of Ray's was started here
    assert hasattr(node.Node, "dead_processes")
    for died, vital in ((["dashboard"], False), (["log_monitor", "raylet"], True)):
        here = SimpleNamespace(dead_processes=lambda died=died: [(kind, None) for kind in died])
        monkeypatch.setattr(worker, "_global_node", here)
        assert tune._dead() == vital
    monkeypatch.setattr(tune, "TELLING", 0.0)
    ended = []
    monkeypatch.setattr(tune.os, "_exit", ended.append)
    tune._watch()
    assert ended == [1]
