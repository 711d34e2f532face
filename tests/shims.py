"""What runs in a test in place of a page's commands: `test_docs.py`."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import processes
from filelock import FileLock
from waiting import wait_for

ROOT = Path(__file__).parent.parent
KEPT = "TESTS_KEPT"  # in the environment: a folder that all pages of a session share
ALWAYS = {  # (command, word that must stand there too) -> options added; the last one counts
    ("nas search", ""): "--trials 40",
    ("nas search", "--data"): "--trials 4",
    ("nas search", "--retrain"): "--retrain 1 --retrain-epochs 10",
    ("nas search", "supernet:shared"): "--trials 4 --executor local",
    ("nas supernet", ""): "--epochs 0.5",
    ("nas fit", ""): "--trials 1 --epochs 4",
    ("nas train", ""): "--epochs 2",
    ("nas audit", ""): "--networks 3 --seeds 1 --epochs 1,2",
    ("nas bench", ""): "--evaluations 25 --seeds 1",
    ("nas bench", "random,tpe,predictor,optuna.samplers:GPSampler"): "--evaluations 12",  # 6 s each
    ("nas profile", "--minutes"): "--minutes 0.1 --batch 2",
    ("nas measure", ""): "--seconds 1",
    ("gridsearch run", "--data"): "--epochs 1 --replicates 2 --step 0.4",
}


def shorten(name, arguments):
    """Module or program and arguments that run in a test in place of `name arguments`."""
    if name == "ray":
        return ["ray.scripts.scripts", *arguments]
    if name == "python":
        return arguments[1:] if arguments[0] == "-m" else arguments
    given = list(arguments)
    while "--executor" in given and "ray" in given:
        given[given.index("ray")] = "pool"
    for option in ("--address", "--gpus-per-trial"):
        if option in given:
            at = given.index(option)
            del given[at : at + 2]
    trains = "--data" in given and given[0] not in ("train", "supernet", "export")
    if (trains or given[0] == "fit") and "30M" in given:
        given[given.index("30M")] = "12M" if given[0] == "audit" else "8M"  # audits draw at random
    if trains and "--executor" not in given:
        given += ["--executor", "local"]
    if given[0] == "fit" and "--target-latency" in given:
        at = given.index("--target-latency") + 1  # of ONNX Runtime, of torch
        given[at] = {"20ms": "3ms", "30ms": "15ms"}[given[at]]
    if "--strategies" in given:  # of the extra peers, which tests/nas/bench/test_peers.py plays
        at = given.index("--strategies") + 1
        given[at] = re.sub(r"nas\.bench\.peers:\w+,", "", given[at])
    if "--workers" in given:
        given[given.index("--workers") + 1] = "2"
    if "--dry-run" in given:
        given += ["--batch", "16"]  # of which it times steps
    elif "--help" not in given:
        for (command, word), more in ALWAYS.items():
            if f"{name} {given[0]}" == command and (not word or word in given):
                given += more.split()
    return [name, *given]


def profiled(*command, cwd="."):
    """`nas profile --out FILE`, for longer where the file lacks blocks: a busy machine's time."""
    file = Path(cwd) / command[command.index("--out") + 1]
    for minutes in ("0.1" if "--space" in command else "0.2", "0.5", "2"):
        done = processes.run(*command, "--minutes", minutes, cwd=cwd)
        if done.returncode or covers(file, command[2:]):
            break
        file.unlink()
    return done


def profiled_once(*command):
    """`profiled`, by the first of a session's pages that has the very command; others get its file.

    Returns:
        What the command left, or nothing where it ran before.
    """
    file = Path(command[command.index("--out") + 1])
    kept = Path(os.environ[KEPT], re.sub(r"\W+", "-", " ".join(command)))
    with FileLock(f"{kept}.lock"):
        if kept.exists():
            shutil.copy(kept, file)
            return SimpleNamespace(stdout="", stderr="", returncode=0)
        done = profiled(*command)
        if done.returncode == 0:
            shutil.copy(file, kept)
    return done


def covers(file, arguments):
    """Whether a device file speaks of a thousand networks of the space that was profiled."""
    from nas.commands.profile import profile
    from nas.devices.file import read
    from search_spaces import OutOfDomain
    from search_spaces.space import fixed
    from search_spaces.spaces import space

    given, rng = profile.make_context("profile", [*arguments]).params, random.Random(0)
    pixels = {"resolution": given["pixels"]} if given["pixels"] else {}
    where = fixed(space(given["space"]), pixels)
    try:
        read(file).predict(where.build(where.sample(rng)) for _ in range(1000))
    except OutOfDomain:
        return False
    return True


def check_extras(arguments):
    """That what `pip install` is asked for can be had."""
    extras = re.findall(r"\[(.*?)\]", " ".join(arguments))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras[0].split(",")) <= set(known["optional-dependencies"])


def check_options(command):
    """That a program's --help names the options that it is given."""
    words = [one for one in command[1:2] if command[0].startswith("ray.")]
    said = processes.run(command[0], *words, "--help")
    assert said.returncode == 0, said.stderr
    options = [one.partition("=")[0] for one in command if one.startswith("--")]
    missing = [one for one in options if one not in said.stdout]
    assert not missing, f"{command} does not take {missing}"


def shim(name, arguments):
    """Stands for `nas`, `gridsearch`, `python`, `pip` and `ray` on the PATH of a page."""
    command = [] if name == "pip" else shorten(name, arguments)
    if name == "pip":
        check_extras(arguments)
    elif name == "ray" or command[0].startswith("benchmarks/"):
        check_options(command)
    elif command[0] == "-c":
        os.execv(sys.executable, [sys.executable, *command])
    elif command[0] == "pytest":
        code = ["-m", "pytest", "--collect-only", "-q", str(ROOT / command[-1])]
        done = subprocess.run([sys.executable, *code])
        raise SystemExit(done.returncode if done.returncode != 5 else 0)  # 5: all skip here
    elif command[:2] == ["nas", "dashboard"]:
        served = processes.Running(*command)
        wait_for(lambda: "Ctrl-C ends it" in served.stdout or served.poll() is not None, 60)
        with urllib.request.urlopen(served.stdout.split()[0], timeout=20) as page:
            assert b"<html" in page.read().lower()
        assert served.poll() is None, "the dashboard ended by itself"
        served.send_signal(signal.SIGINT)
        assert served.wait(20) in (0, 130), served.stderr
    else:
        measures = command[:2] == ["nas", "profile"] and "--out" in command
        once = measures and "--minutes" not in command
        done = (profiled_once if once else processes.run)(*command)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        raise SystemExit(done.returncode)
