"""Who may import whom, and what a command may load before it works."""

import ast
import importlib.util
import resource
import subprocess
import sys
from pathlib import Path

import pytest

CHAIN = ("search_spaces", "results", "nas", "gridsearch")  # each imports only those before it
HEAVY = ("torch", "ray", "optuna", "pandas", "matplotlib")
ROOT = Path(__file__).parent.parent
MODULES = [path for package in CHAIN for path in sorted((ROOT / package).rglob("*.py"))]


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
    def seconds() -> float:  # of processor: other tests may run beside
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-m", "nas", "--help"], capture_output=True)
        assert done.returncode == 0
        assert b"search" in done.stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.3
