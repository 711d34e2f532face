"""Every command and program in README and docs/ runs, as it stands there.

A page's blocks run in order, in a folder that holds what the pages speak of: IMAGES, TABLE.csv,
own.csv, mine.csv, and links to benchmarks/ and examples/. A block after `<!-- file: NAME -->` is
written to that file first. `shims.py` says how commands that take minutes are made short: fewer
trials, smaller networks where one is trained, this process or the pool in place of a cluster, one
measurement of this machine for all pages that ask for the same, and of a benchmark only whether it
takes these options.
"""

import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import processes
import pytest
from shims import KEPT, shorten
from vision import SITE

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICK = ("house.md",)  # the other pages run with the slow tests
BLOCK = re.compile(r"(?:<!-- file: (\S+) -->\n)?```(bash|python|toml)\n(.*?)```", re.DOTALL)
INSTALL = re.compile(r"^python3 -m venv .*? && (?=\S*(?:nas|gridsearch|python) )", re.MULTILINE)
SHIM = """#!{python}
import sys
sys.path.insert(0, {tests!r})
from shims import shim
shim({name!r}, sys.argv[1:])
"""


def blocks(page):
    """(file or None, language, text) of each block that can run."""
    return [(m[1] or None, m[2], m[3]) for m in BLOCK.finditer(page.read_text())]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """What pages speak of, made once; each page works in a copy."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("desk"), random.Random(0)
    for split, count in (("train", 16), ("val", 6)):
        for shade, kind in enumerate(("cat", "dog", "owl")):
            (folder / "IMAGES" / split / kind).mkdir(parents=True)
            for n in range(count):
                colour = [rng.randrange(80) for _ in range(3)]
                colour[shade] += 150
                image = Image.new("RGB", (32, 32), tuple(colour))
                image.save(folder / "IMAGES" / split / kind / f"{n}.png")
    (folder / "mine.csv").write_text(bench_table(rng))
    (folder / "own.csv").write_text(surrogate_table(rng, 2, 80))
    (folder / "TABLE.csv").write_text(surrogate_table(rng, 7, 150))
    (folder / "TABLE.yaml").write_text(
        "Conv-input:224x224x3-output:112x112x32: {mean: 1.2}\n"
        "expanded_conv-input:112x112x32-output:112x112x16-expand:1-kernel:3-stride:1-idskip:0: "
        "{mean: 0.8}\n"
    )
    for name in ("benchmarks", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "nas" / "imagenet" / "data").mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in ("nas", "gridsearch", "python", "pip", "ray"):
        path = folder / "bin" / name
        path.write_text(SHIM.format(python=sys.executable, tests=str(ROOT / "tests"), name=name))
        path.chmod(0o755)
    return folder


def bench_table(rng):
    lines = ["kernel,depth,width,accuracy,cost"]
    for kernel in (3, 5):
        for depth in (1, 2, 3):
            for width in (16, 24, 32, 40):
                cost = kernel * depth * width
                lines.append(f"{kernel},{depth},{width},{50 + cost**0.5 + rng.random():.2f},{cost}")
    return "\n".join(lines) + "\n"


def surrogate_table(rng, stages, rows):
    options = {"e": (1, 4, 6), "k": (3, 5), "l": (1, 2, 3), "se": (0, 1)}
    names = [f"block{i}_{one}" for i in range(stages) for one in options]
    lines = [",".join([*names, "top1", "phone_latency_ms"])]
    for n in range(rows):
        drawn = [values[n % len(values)] if n < 6 else rng.choice(values)
                 for _ in range(stages) for values in options.values()]  # fmt: skip
        size = sum(drawn)
        lines.append(",".join(map(str, [*drawn, 50 + size**0.5 + rng.random(), 2 + size / 9])))
    return "\n".join(lines) + "\n"


def speed(page):
    return pytest.param(page, marks=() if page.name in QUICK else pytest.mark.slow, id=page.stem)


@pytest.mark.parametrize("page", [speed(page) for page in PAGES if blocks(page)])
def test_a_pages_blocks_run(page, desk, common, tmp_path):
    here = tmp_path / "here"
    subprocess.run(["cp", "-a", str(desk), str(here)], check=True)
    environment = {
        **os.environ,
        "PATH": f"{here / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COMPOUND_NAS_CACHE": str(here / "cache"),
        "PYTHONPATH": f"{ROOT}:{SITE}",
        KEPT: str(common),
    }
    if processes.FORKS:
        environment[processes.PLACE] = processes.address()
    for number, (file, language, text) in enumerate(blocks(page)):
        if page.name == "README.md" and "-m pytest" in text:
            continue  # the test command itself: .ci/run
        if file:
            (here / file).write_text(text)
        if language == "toml":
            assert file, f"a TOML block of {page.name} needs <!-- file: NAME -->"
            continue
        if language == "python":
            script = here / (file or f"block{number}.py")
            script.write_text(text)
            done = processes.run(str(script), cwd=here, env=environment)
        else:
            lines = INSTALL.sub("", text).replace(".venv/bin/", "")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", lines],
                cwd=here, env=environment, capture_output=True, text=True, timeout=900,
            )  # fmt: skip
        assert done.returncode == 0, f"{page.name}:\n{text}\n{done.stdout[-800:]}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr


def test_no_command_hides_in_an_indented_block():
    for page in PAGES:
        outside = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        hidden = re.findall(r"^    (?:\$ )?(?:nas|gridsearch|python) .*", outside, re.MULTILINE)
        assert not hidden, f"{page.name}: {hidden}"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_stands_in_the_sites_navigation():
    named = set(re.findall(r"^ +- (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")}


@pytest.mark.slow
def test_the_site_is_built_with_no_link_broken_and_every_command_and_name(tmp_path):
    """Strict: a link, an anchor or a name of the reference that leads nowhere is an error."""
    command = [sys.executable, "-m", "mkdocs", "build", "-d", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    from gridsearch.commands.main import cli as gridsearch
    from nas.commands.main import cli as nas

    commands = (tmp_path / "site" / "commands" / "index.html").read_text()
    for group in (nas, gridsearch):
        assert all(f'id="{name}' in commands for name in group.list_commands(None))
    assert 'id="nas.api.find"' in (tmp_path / "site" / "api" / "index.html").read_text()


def test_commands_are_shortened_only_where_they_are_long():
    assert shorten("nas", ["show", "efficientnet_b0"]) == ["nas", "show", "efficientnet_b0"]
    search = shlex.split("search --target-flops 30M --data IMAGES --executor ray --address auto")
    assert shorten("nas", search)[1:] == shlex.split(
        "search --target-flops 8M --data IMAGES --executor pool --trials 40 --trials 4"
    )


def test_the_complete_example_is_short():
    text = next(t for f, _, t in blocks(ROOT / "docs" / "extending.md") if f == "mine.py")
    assert len([line for line in text.splitlines() if line.strip()]) < 40
