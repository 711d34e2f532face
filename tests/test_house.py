"""How the house is built: who may import whom, how large a file and a folder may be, and what a
command may load before it works."""

import ast
import graphlib
import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import processes
import pytest

CHAIN = ("search_spaces", "results", "nas", "gridsearch")  # each imports only those before it
HEAVY = ("torch", "ray", "optuna", "pandas", "matplotlib")
ROOT = Path(__file__).parent.parent
MODULES = [path for package in CHAIN for path in sorted((ROOT / package).rglob("*.py"))]
MOST_FILES, MOST_LINES = 14, 300


def imported(source: str) -> set[str]:
    """Top-level packages that the source imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the chain"
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {
                str(arg.value).partition(".")[0]
                for arg in node.args
                if isinstance(arg, ast.Constant)
            }
    return found


def test_imports_go_down_the_chain_only():
    assert len(MODULES) > 20
    upward = {
        f"{path.relative_to(ROOT)} imports {other}"
        for path in MODULES
        for other in imported(path.read_text())
        if other in CHAIN[CHAIN.index(path.relative_to(ROOT).parts[0]) + 1 :]
    }
    assert not upward


def dotted(path: Path) -> str:
    """The module's name: `nas.search.run`; a package's for its __init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}


def arrows(source: str) -> set[str]:
    """Modules of ours that a source imports anywhere: in functions and for type checkers too."""
    targets = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            both = {f"{node.module}.{alias.name}" for alias in node.names}
            targets |= {name if name in NAMES else node.module for name in both}
    return targets & set(NAMES)


@pytest.fixture(scope="module")
def files() -> dict[str, set[str]]:
    """Each module and the modules that it imports, without itself."""
    return {name: arrows(path.read_text()) - {name} for name, path in NAMES.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The nodes of one circle, or none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_among_files(files):
    assert circle(files) == []


def test_rooms_have_arrows_one_way(files):
    """A room is a folder inside a package; the files that stand beside rooms are its ground."""

    def room(name: str) -> str:
        return ".".join(name.split(".")[:2]) if name.count(".") > 1 else name

    graph: dict[str, set[str]] = {}
    for name, others in files.items():
        graph.setdefault(room(name), set()).update(map(room, others))
    for name, others in graph.items():
        others.discard(name)
    for package in CHAIN:  # its public names lead everywhere
        graph.pop(package)
    assert len(graph) > 20
    assert circle(graph) == []


def test_a_circle_would_be_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert arrows("def f():\n    from nas.search import run, nothing\n") == {
        "nas.search",
        "nas.search.run",
    }


def test_folders_and_files_stay_small():
    folders = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {f"{f.relative_to(ROOT)}: {n} files" for f, n in folders.items() if n > MOST_FILES} == (
        set()
    )
    lines = {path: len(path.read_text().splitlines()) for path in MODULES}
    assert {f"{p.relative_to(ROOT)}: {n} lines" for p, n in lines.items() if n > MOST_LINES} == (
        set()
    )


def test_no_file_repeats_the_name_of_its_folder():
    repeated = [path for path in MODULES if path.stem.startswith(f"{path.parent.name}_")]
    assert repeated == []


def test_an_upward_import_inside_a_function_would_be_seen():
    assert "nas" in imported("def f():\n    from nas.search.run import run\n")
    assert "nas" in imported("importlib.import_module('nas.search.run')")


@pytest.mark.parametrize("module", [*CHAIN, "nas.commands.main", "gridsearch.commands.main"])
def test_a_module_loads_nothing_heavy(module):
    if "." in module and importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not written yet")
    program = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules], end='')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_help_comes_at_once():
    assert "search" in processes.spent("-m", "nas", "--help")[0]
    assert processes.help_comes_at_once("nas")
