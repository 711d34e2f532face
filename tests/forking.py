"""A process that has the slow packages imported, and forks for each command: `processes.py`.

`python forking.py SOCKET` prints `ready` and ends when its standard input does.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from pathlib import Path

SLOW = (
    "optuna", "pandas", "pyarrow.parquet", "scipy.optimize", "scipy.stats", "torch",
    "torch._dynamo", "fvcore.nn", "matplotlib.pyplot", "rich.progress", "rich.table", "click",
    "nas.commands.main", "nas.search.run", "nas.search.conclude", "nas.training.evaluator",
    "nas.training.loop", "gridsearch.commands.main", "gridsearch.grid.run",
    "timm.optim", "timm.scheduler", "safetensors.torch", "sklearn.ensemble", "onnx",
    "onnxscript.function_libs.torch_lib.ops", "torch.onnx._internal.exporter._compat",
)  # fmt: skip


def receive(line):
    """A command and the files of its output."""
    head, files, *_ = socket.recv_fds(line, 8, 2)
    length, content = int.from_bytes(head, "big"), b""
    while len(content) < length:
        content += line.recv(length - len(content))
    return json.loads(content), files


def fork(command, files):
    """Comes back here with the id of a new process, and there with 0."""
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files, start=1):
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for file in files:
        os.close(file)
    return child


def wait_for_command(place):
    """Comes back in the process of a command, with the command."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    print("ready", flush=True)
    running = {}  # a file that can be read when the process has ended -> process, who asked
    while True:
        ready, _, _ = select.select([listener, sys.stdin, *running], [], [])
        for ended in running.keys() & {*ready}:
            child, line = running.pop(ended)
            os.close(ended)
            _, status = os.waitpid(child, 0)
            with line, contextlib.suppress(OSError):  # whoever asked may be gone
                line.sendall(b"%8d" % os.waitstatus_to_exitcode(status))
        if listener in ready:
            line, _ = listener.accept()
            command, files = receive(line)
            child = fork(command, files)
            if child == 0:
                return command
            line.sendall(b"%8d" % child)
            running[os.pidfd_open(child)] = child, line
        elif sys.stdin in ready:  # whoever asked has ended
            for child, _ in running.values():
                os.kill(child, signal.SIGKILL)
            os._exit(0)


def become(module, arguments, folder, environment):
    """This process is as `python -m module` is at its start."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.isatty(1):  # these streams were made for something else
        sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = [module, *arguments]
    paths = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one]
    first = str(Path(module).resolve().parent) if module.endswith(".py") else folder
    sys.path[:0] = [first, *paths]


def leave(module):
    """Runs the command, and ends as Python does, but without clearing half a gigabyte."""
    try:
        if module.endswith(".py"):
            runpy.run_path(module, run_name="__main__")
        else:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    del sys.path[0]  # tests/nas is not the package
    for name in SLOW:
        with contextlib.suppress(ImportError):  # the command that needs it will say so
            importlib.import_module(name)
    gc.freeze()
    module, *rest = wait_for_command(sys.argv[1])
    become(module, *rest)
    leave(module)
