"""Odd command lines and damaged files: an answer in a sentence, nothing changed that is the user's.

Every case is drawn from a seed, which a failure prints. `FUZZ_SEED` begins elsewhere.
"""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import processes
import pytest

pytestmark = pytest.mark.slow

FIRST = int(os.environ.get("FUZZ_SEED", "0"))
BEFORE = Path(__file__).parent / "data" / "before" / "runs"
ODD = [
    "", "-1", "0", "1e400", "nan", "inf", "1e-300", "400M", "4e8", "0x10", "..", "/", "~",
    "a" * 300,
    "[red]x[/]", "{x}", "%s", "\x1b[2J", "ü±", "\ud800", "--", "runs", "run.json", "b0", "1,2,3",
    "0..9", "3..1", "1/0", "sqlite://", "nowhere:name", "os:getcwd", "efficientnet_b0", "mbconv",
    "ir_r1_k3_s1_e1_c16", "10ms", "-5M", "9" * 40, "true", "null", "mine", "damaged",
]  # fmt: skip
COMMANDS = {
    ("nas", "show"): ["efficientnet_b0", "--json", "--runs"],
    ("nas", "spaces"): ["mbconv", "efficientnet-small", "--json"],
    ("nas", "predict"): ["efficientnet_b0", "mobilenet_v2", "--pixels", "--classes", "--json"],
    ("nas", "devices"): ["a100", "--json"],
    ("nas", "export"): ["efficientnet_b0", "out", "--to", "tf", "--seed", "--classes", "--opset",
                        "--weights", "--name", "--force"],
    ("nas", "report"): ["mine", "--runs", "--storage", "--out"],
    ("nas", "search"): ["--target-flops", "--trials", "12", "--space", "efficientnet-small",
                        "--strategy", "random", "--evaluator", "surrogate", "--caution", "--seed",
                        "--name", "--storage", "--runs", "--max-params", "--objective"],
    ("gridsearch", "family"): ["--baseline", "--phi", "--coefficients", "--budgets", "--rule",
                               "--name", "--preset", "--round-resolution"],
    ("gridsearch", "run"): ["--phi", "--baseline", "--name", "--for-phi", "--window", "--runs"],
    ("gridsearch", "report"): ["mine", "--runs"],
}  # fmt: skip


def state(folder):
    """Every file's content, but for what a run of these tests makes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "runs" not in path.parts[len(folder.parts) :][:1] and path.parts[-1] != "out"
    }


def answered(done, what):
    """Exit code 0, 1, 2 or 130, no traceback, and one sentence where it failed."""
    text = done.stdout + done.stderr
    assert done.returncode in (0, 1, 2, 130), f"{what}: exit code {done.returncode}\n{text[-900:]}"
    assert "Traceback" not in text, f"{what}\n{text[-1500:]}"
    assert "unexpected" not in text.lower(), f"{what}\n{text[-900:]}"


def ran(program, arguments, folder, what):
    try:
        done = processes.run(program, *arguments, cwd=folder, timeout=20)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{what}: no answer within 20 s")
    answered(done, what)


@pytest.fixture
def desk(tmp_path):
    shutil.copytree(BEFORE, tmp_path / "kept")
    (tmp_path / "mine").write_text("years of work")
    return tmp_path


def line(rng):
    """A command line: known words, odd words, in any order and number."""
    (program, command), words = rng.choice(sorted(COMMANDS.items()))
    drawn = rng.choices([*words, *rng.sample(ODD, 6)], k=rng.randrange(7))
    for option in [word for word in drawn if word.startswith("--")]:
        if rng.random() < 0.8:
            drawn.insert(drawn.index(option) + 1, rng.choice(ODD))
    if command == "search" and not {"--target-flops"} & set(drawn):
        drawn += ["--target-flops", rng.choice(["300M", "60M", *ODD])]
    if command == "search":
        drawn += ["--trials", "12"] if "--trials" not in drawn else []
    usable = [word.replace("\ud800", "?").replace("\x00", "") for word in drawn]
    return program, [command, *usable]


@pytest.mark.parametrize("part", range(4))
def test_odd_command_lines(desk, part):
    before = state(desk)
    for case in range(50):
        seed = FIRST + 1000 * part + case
        program, arguments = line(random.Random(seed))
        ran(program, arguments, desk, f"seed {seed}: {program} {arguments}")
    after = state(desk)
    assert {name: after.get(name) for name in before} == before


WRONG = [None, True, -1, 0, 1e308, 10**40, "", "x" * 5000, [], {}, [[]], "\ud800", "[/b]", "{x}"]


def damaged(rng, content):
    """The bytes with something wrong: cut, changed, or a JSON value of another kind."""
    kind = rng.randrange(4)
    if kind == 0:
        return content[: rng.randrange(len(content) + 1)]
    if kind == 1:
        at = rng.randrange(len(content))
        return content[:at] + rng.randbytes(rng.randrange(1, 9)) + content[at + rng.randrange(9) :]
    lines = content.decode(errors="replace").splitlines(keepends=True)
    if kind == 2 or not lines:
        return (content + b"".join(x.encode() for x in rng.choices(lines, k=2))) if lines else b"x"
    whole = len(lines) > 1 and lines[0].strip() == "{"
    at = rng.randrange(len(lines))
    try:
        value = json.loads(content if whole else lines[at])
    except ValueError:
        return content[::-1]
    spoil(rng, value)
    text = json.dumps(value)
    return (text if whole else "".join([*lines[:at], text + "\n", *lines[at + 1 :]])).encode()


def spoil(rng, value):
    """Puts something wrong somewhere into parsed JSON."""
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if rng.random() < 0.4 or not isinstance(value[key], dict | list) or not value[key]:
            if isinstance(value, dict) and rng.random() < 0.2:
                del value[key]
            else:
                value[key] = rng.choice(WRONG)
            return
        value = value[key]


def reading(kind, name, again):
    """Commands that read a run of a kind."""
    common = [("nas", "show", name), ("nas", "report", name), ("gridsearch", "report", name),
              ("nas", "export", name, "out", "--to", "tf", "--force"),
              ("gridsearch", "family", "--baseline", name, "--phi", "1", "--name", "made"),
              ]  # fmt: skip
    if kind == "grid":
        common.append(("gridsearch", "family", "--coefficients", f"runs/{name}", "--name", "made2"))
    return [*common, again] if again else common


@pytest.mark.parametrize("part", range(4))
def test_damaged_files(desk, part):
    for case in range(50):
        seed = FIRST + 1000 * part + case
        rng = random.Random(seed)
        kind = rng.choice(["search", "grid", "family"])
        shutil.rmtree(desk / "runs", ignore_errors=True)
        shutil.copytree(desk / "kept" / kind, desk / "runs" / kind)
        files = [p for p in sorted((desk / "runs" / kind).rglob("*")) if p.is_file()]
        file = rng.choice(files)
        file.write_bytes(damaged(rng, file.read_bytes()))
        command = rng.choice(reading(kind, kind, None))
        ran(command[0], command[1:], desk, f"seed {seed}: {file.name} damaged, {command}")
    assert (desk / "mine").read_text() == "years of work"
